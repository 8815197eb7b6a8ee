"""The local system that `make run` starts.

A real S3 server, stand-ins for the other AWS services, the real `chalice local`, and what AWS does
around functions, topics and WebSockets:

    __main__   the command: options, what is printed, exit status
    system     starts it all in order, watches it, stops it
    home       the data folder and its lock; ports and addresses
    services   child processes and their logs
    guard      which requests the servers take, for browsers reach them too
    leash      what each child hangs on, so that none outlives the system
    s3         SeaweedFS as S3: command and configuration
    aws        moto's server: requests take turns, each is on disk when it is answered
    state      what it keeps on disk: items in a database, the rest in a pickle
    tables     DynamoDB: moto answers, the items are rows
    rows       the items of one table in SQLite, in the orders of its key and indexes
    email      SNS's email: confirmation, delivery by filter policy, unsubscribing
    resources  what CloudFormation makes in AWS: bucket, table, topics, queue, user pool, account
    bridge     S3's event notifications, SNS to functions, email to files
    invoker    asynchronous invocation: a queue on disk, retries, destinations
    schedules  EventBridge's schedules: functions that run at a rate
    functions  the execution environments that run the handlers of `app.py`
    worker     one such environment
    gateway    API Gateway's WebSocket side
    socket_events  what its handlers are given
    api        API Gateway's REST side, in front of `chalice local`
    tokens     which id tokens it lets through
    downloads  CloudFront in front of the bucket: presigned downloads, and headers S3 lacks
    page       the page and its config.json

May import `chalicelib` and `stage`, never the other way round.
"""
