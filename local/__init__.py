"""The local system that `make run` starts: a real S3 server, and stand-ins for the rest of AWS.

The modules, in the order in which a start needs them:

1. `__main__` reads the command's options; `home` locks the data folder and checks the ports.

    __main__   the command: options and exit status
    home       the data folder and its lock, ports and addresses
    names      the account, region, names and keys of the local stage
    system     starts everything in order, watches it, stops it

2. The server of events starts first, because the AWS services send events to it at once.

    functions/environments   the execution environments that run the handlers of `app.py`
    functions/worker         the process of one environment
    functions/destinations   the topics and queues that receive invocation records
    functions/invoker        asynchronous invocations: a queue on disk, retries, records
    functions/bridge         S3's event notifications, SNS to functions, email to files
    servers                  the HTTP servers in this process, and their addresses
    guard                    refuses requests that come from other web pages

3. S3 and the AWS stand-in start side by side, each as a child process.

    services                 child processes: start, log, wait until they answer, stop
    leash                    ends a child when the local system goes away
    aws/seaweedfs            SeaweedFS as S3: its command and configuration
    aws/moto_server          moto's server, one request at a time
    aws/state                moto's state on disk: items in a database, the rest in a pickle
    aws/dynamodb_tables      moto's DynamoDB with its items in rows
    aws/sqlite_rows          the items of one table in SQLite, in the order of each index
    aws/sns_email            SNS's email: confirmation, filter policies, unsubscribing

4. Bucket, table, topics, queue and accounts are created; then `chalice local` starts.

    aws/resources            what CloudFormation makes in AWS

5. The servers for browsers start when the functions are connected to their sources.

    gateways/websocket_gateway   API Gateway's WebSocket API
    gateways/socket_events       the events that its handlers receive
    gateways/page_server         the page and its config.json
    gateways/downloads           CloudFront in front of the bucket: presigned downloads
    gateways/rest_gateway        API Gateway's REST API, in front of `chalice local`
    gateways/id_tokens           checks the id tokens of requests

6. The queue and the schedules run until a signal, or until a service dies.

    functions/schedules      EventBridge: functions that run at a rate

May import `chalicelib` and `stage`. Nothing that is deployed imports it.
"""
