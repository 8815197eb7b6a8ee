"""Everything Hoist decides; the only package that is deployed to Lambda.

The map, in the order in which a file meets the modules:

    uploads      use cases of the API: create, sheet, list parts, complete, delete, download
    requests     the HTTP request: size, body, query parameters, caller
    creation     creates uploads, up to a hundred at once
    upload       what an upload is: states, fields, parts
    keys         object key <-> owner, upload id, filename
    parts        S3's limits, the part plan of a size, gaps in a list of parts
    signing      SigV4 presigned URLs and sheets of them
    rules        which files may be uploaded
    ports        what the use cases need of S3, the table and the pages: protocols by role
    storage      the only S3 calls
    table        the only DynamoDB calls about uploads
    new_uploads  rows of new uploads: stored and removed in few transactions
    rows         consistent reads of items, and writes of transactions
    items        an upload as items of the table, and back; schema, keys and cursor
    transitions  which change of an upload may follow which
    usage        each owner's usage of the quota
    credentials  temporary S3 credentials limited to the caller's own prefix
    processing   a new object: claim, verify, process, record, tag
    reader       an object's bytes: in order, or any range, in bounded memory
    processors   reports about an object's content, one module or package each
    media_types  the type of a file: decided from declared type, name and first bytes
    deception    which files are rejected because their name or type deceives
    families     which media types belong together
    type_names   aliases of media types, types by extension, allowed types
    sniffing     the type that an object's first bytes show, one module a method
    text_encoding  whether bytes are text, and in which Unicode encoding
    records      S3 event records -> new objects, invocation records -> outcomes
    state_tag    the object's tag, which follows the table
    parallel     calls at the same time, in threads
    patience     retries throttled calls while an invocation has time
    notifier     outcome -> message to the notifications topic and to the owner's pages
    sweep        repairs uploads whose events were lost
    subscriptions owners' addresses, subscribed to the notifications topic
    browser      WebSocket connections: tickets, registry, push
    version      the version of Hoist
    config       Settings, the only reader of the environment
    errors       every error that a client can receive, with code and status
    logs         one JSON line a decision
    metrics      metrics, as members of such a line
    clients      makes clients of AWS services: timeouts, tries, errors
    application  composes all of the above; one cached factory

Imports point inward. The standard library is enough for `keys parts signing rules records errors
reader items metrics upload transitions patience parallel state_tag text_encoding media_types
deception families type_names version ports requests sniffing`. The use cases `uploads creation
processing notifier sweep` import those. A processor imports the reader, the encodings and the
processors that it shares code with. Only `storage table new_uploads rows usage credentials browser
subscriptions clients application` know boto3's clients, and only `app.py` knows Chalice.
`tests/test_imports.py` proves it.
"""
