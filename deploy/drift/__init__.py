"""Where a stage in AWS is not what is declared: what a stage needs, piece by piece.

checks           all checks, by the piece that each looks at
deployed_stage   a stage in AWS, as the checks ask for it
functions        functions, their rights, their logs
invocations      who invokes them: S3, SNS, EventBridge, API Gateway
apis             both APIs
storage          bucket and table
delivery         topics, the queue of dead letters, accounts, the page

A check asks AWS a few questions, changes nothing, and answers with lines. docs/operations.md has a
table of the pieces, which a test compares with the checks.
"""
