"""A stage as its files in `.chalice` describe it, for both `deploy` and `local`.

stage          its environment in `config.json`
names          the names of its functions, roles and logs in AWS
api_gateway    the error responses of API Gateway: `api-gateway.json`
throttling     the request limits in that file
destinations   where the outcomes of invocations go: `destinations.json`
apis           the APIs in Chalice's note of a deployment
page           the configuration and the caching of the page
sns            a message of SNS in the form of a function's event

Must not know `deploy` or `local`, and makes no call to AWS.
"""
