"""The commands of operators, for a stage in AWS or the local system.

`make deploy` (`__main__.py`) brings a stage into AWS. Chalice deploys the functions and the APIs,
and CloudFormation the rest. Neither can do both: Chalice does not know buckets, tables and user
pools, and CloudFormation would need the code and the routes a second time. So the deployment is a
pipeline of small steps, in this order:

1.  preflight       Checks credentials, region, runtimes, quotas and rules, and prints the plan.
                    Nothing has changed when it refuses.
2.  resources       `steps/config.py` writes the stage into `.chalice/config.json`, then
                    `steps/resources.py` creates or updates the stack of `.chalice/resources.yaml`:
                    bucket, table, topics, queue, accounts, page, alarms.
3.  environment     Writes the outputs of the stack into the environment of the functions.
4.  migration       Copies the uploads from the table of an earlier version (`migration/`).
5.  policies        Renders the permissions of each function (`steps/policies.py`).
6.  application     Makes room for the bucket's rule (`steps/connections.py`), reserves concurrency
                    (`steps/concurrency.py`), finds APIs that Chalice's note lacks
                    (`steps/recovery.py`), and runs `chalice deploy` (`steps/application.py`).
7.  addresses       Stores the addresses of the APIs, which exist only now, and updates the stack
                    with them. On the first run it repeats steps 5 and 6.
8.  migration-rest  Copies what the old functions have written since step 4.
9.  destinations    Writes `.chalice/destinations.json` to the functions.
10. functions       Sets what Chalice does not keep (`steps/functions.py`), and SnapStart
                    (`steps/snap_start.py`).
11. api-gateway     Writes `.chalice/api-gateway.json`: error responses (`steps/api_gateway.py`),
                    routes (`steps/websocket.py`) and limits (`steps/throttling.py`).
12. page            Uploads the page (`steps/page.py`).
13. smoke           Uploads test files like a page, and waits for their outcomes (`smoke/`).

Why the steps are separate: each compares the stage with its declaration and writes only the
differences, as values (`changes.py`). So an interrupted deployment continues when it is repeated,
each step can be run separately (`ONLY=page`), and `make status` finds drift with the same
comparisons (`drift/`).

What that costs: a first deployment runs `chalice deploy` twice, because policies need the address
of the WebSocket API. Steps 9 to 11 must follow each `chalice deploy`, which may reset what they
set. And each step reads its part of the stage from AWS again, some seconds in all.

Besides the pipeline:

destroy       removes a stage; `holdings` counts what people would miss, `bucket` empties buckets
status        the deployed stage, its drift, and failures of the last day
logs          what the functions wrote
redrive       sends failed uploads and dead letters again
permissions   the IAM policies that each command needs
audit         secrets, and packages with known weaknesses
cost          what a month of uploads costs

Shared: `command` is the frame of all commands, `deployment` a stage during `make deploy`, `changes`
differences and their output, `errors` what AWS's errors mean, `terminal` escapes output.
"""
