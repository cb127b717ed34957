"""A Lambda runtime loop for Python that can stream its answers; stdlib only, and it knows nothing of the gateway.

The managed Python runtime collects an answer before it sends the first byte. This package takes its place and keeps
everything else: interpreter, environment variables, search path, handlers.

Deploy
    A layer with this folder's parent as `python/` and `streaming-wrapper` (executable) at its root, so that they
    become /opt/python/streaming_runtime and /opt/streaming-wrapper; on the function
    `AWS_LAMBDA_EXEC_WRAPPER=/opt/streaming-wrapper`. The layer is read-only at run time, so ship compiled files made
    by the same Python version: `python3.13 -m compileall --invalidation-mode unchecked-hash python`.
    In API Gateway: a REST API, Regional endpoint, proxy integration with response transfer mode STREAM.
    Anywhere else: `python -m streaming_runtime` with AWS_LAMBDA_RUNTIME_API, _HANDLER and LAMBDA_TASK_ROOT set.

Handlers
    `handler(event, context)` returns a value that JSON can hold, which is sent in one piece, or any object with
    `prelude` (dict: statusCode, headers, multiValueHeaders, cookies), `body` (iterable of bytes, forwarded one by
    one; empty ones are skipped) and `after` (callable or None). The body is closed and `after` is called once the
    last byte is out, or sending it has failed, and before the next event is asked for. `context` is that of the
    managed runtime plus `response_streaming = True`, by which a handler tells this loop from the managed one.
    An exception before the first byte is the invocation's error; a later one is reported in trailers, which HTTP
    callers do not see, so a body must announce its own failure in its last bytes. A body that may be empty must not
    come with a Content-Length: one newline is sent in its place, as a stream without a chunk hangs.

Settings
    STREAMING_RUNTIME_EVENTS=http (default) answers events with neither httpMethod nor requestContext with an empty
    200 and writes a line for each; `any` hands them to the handler.
"""
