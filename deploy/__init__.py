"""What operators run: commands on a stage that is deployed, or on the one at home (`local`).

`python -m deploy` takes the steps one after the other, each with a file of its own:

preflight      who deploys what where, and the plan
permissions    what each command needs in AWS, as IAM policies
runtime        which Python runs the functions, and until when
config         a stage's part of `.chalice/config.json`
resources      the stack: `.chalice/resources.yaml`
migration      uploads that an earlier version kept in another table
former_items   what one of them is in the table of today
copying        how they are copied
policies       what the functions may do: `.chalice/policies`, rendered
connections    the bucket's rule: others that overlap it are named before `chalice deploy`
application    `chalice deploy`, and what it remembers
destinations   where the functions' outcomes go: `.chalice/destinations.json`, applied
concurrency    how many of each function may run at once
functions      what else Chalice cannot set of them
snap_start     a published version for the API, where asked for
snapshot       what that needs of a stage, and what it costs
api_gateway    what API Gateway answers by itself: `.chalice/api-gateway.json`, applied
websocket      the stage of the WebSocket API, and the routes that it serves
throttling     how many requests it lets through
page           the page in its bucket
smoke          a small file and one in parts go the whole way
sample         the files that it sends
answers        what it is answered

Beside it:

destroy        all of it out of AWS again
holdings       what people would miss then
bucket         what is in a bucket, and how all of it goes
status         what is deployed, where it drifts, what failed
drift          a check of each piece that a stage needs in AWS
logs           what the functions wrote, and the story of one upload
redrive        sends again what failed
sns            a message of SNS as a function is given it
secrets        finds what must never be committed
audit          that, and packages with known weaknesses
cost           what a month of uploads costs
journey        what one file asks of AWS
bill           the sums of that
prices         AWS's list prices, and since when they are known
stage          a stage as it is on disk: its environment, and Chalice's note of it
names          what AWS calls the pieces that Chalice makes
errors         what AWS's errors mean to an operator
terminal       what of a client's texts reaches an operator's terminal
"""
