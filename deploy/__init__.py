"""What operators run: commands on a stage that is deployed, or on the one at home (`local`).

stage          what a stage is made of: environment, functions
policies       what its functions may do: `.chalice/policies`, rendered
destinations   where its functions' outcomes go: `.chalice/destinations.json`, applied
api_gateway    what API Gateway answers by itself: `.chalice/api-gateway.json`, applied
redrive        sends again what failed
secrets        finds what must never be committed
audit          that, and packages with known weaknesses
"""
