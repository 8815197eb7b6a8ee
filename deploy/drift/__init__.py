"""Compares a stage in AWS with its declaration, resource by resource, for `make status`.

checks           all checks, by the resource that each compares
deployed_stage   a stage in AWS, read once for all checks
functions        functions, their permissions, their logs
invocations      what invokes them: S3, SNS, EventBridge, API Gateway
apis             both APIs
storage          bucket and table
delivery         topics, the queue of dead letters, accounts, the page

A check makes a few calls to AWS, changes nothing, and yields the differences as changes.
docs/operations.md has a table of the resources, which a test compares with the checks.
"""
