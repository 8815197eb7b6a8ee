"""Everything Hoist decides; the only package that is shipped to Lambda.

The map, in the order a file meets the modules:

    uploads      use cases of the API: create, sheet, list parts, complete, delete, download
    requests     the HTTP request: size, body, query parameters, caller
    creation     how uploads begin, up to a hundred at once
    upload       what an upload is: states, fields, parts
    keys         object key <-> owner, upload id, filename
    parts        S3's limits, the part plan of a size, gaps in a list of parts
    signing      SigV4 presigned URLs and sheets of them
    rules        which files may be uploaded
    ports        what the use cases need of S3, the table and the pages: protocols by role
    storage      the only S3 calls
    table        the only DynamoDB calls about uploads
    new_uploads  uploads that begin, in the table: few transactions, taken back as they were made
    rows         items of the table, read as they stand now
    items        an upload as items of the table, and back; the schema
    transitions  which change of an upload may follow which
    usage        what an owner's uploads take of the quota
    credentials  temporary S3 credentials limited to the caller's own prefix
    processing   what is done with a finished object
    reader       an object's bytes: in order, or at any place, in bounded memory
    processors   what can be computed from an object, one module or package each
    media_types  what a file is: decided from declared type, name and first bytes
    deception    which files pass for something else, and are rejected
    families     which media types belong together
    type_names   aliases of media types, types by extension, allowed types
    sniffing     the type that an object's first bytes show, one module a way to tell it
    text_encoding  whether bytes are text, and in which Unicode encoding
    records      S3 event records -> new objects, invocation records -> outcomes
    state_tag    the object's tag, which follows the table
    parallel     calls that are made at once
    patience     waits out what throttles, while an invocation has time
    notifier     outcome -> message to the notifications topic and to the owner's pages
    sweep        finds what events have lost, and brings it to its end
    subscriptions who is emailed: addresses subscribed to the notifications topic
    browser      WebSocket connections: tickets, registry, push
    version      the version of Hoist
    config       Settings, the only reader of the environment
    errors       every error that a client can receive, with code and status
    logs         one JSON line a decision
    metrics      what is counted, as members of such a line
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
