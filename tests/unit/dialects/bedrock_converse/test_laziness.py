"""A pass-through loads none of the canonical chat types: they cost cold start."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import sluice.dialects.bedrock_converse as wire
import sluice.dialects.bedrock_invoke as invoke
import sluice.dialects.bedrock_count_tokens as counting
from sluice.dialects import eventstream
from sluice.errors import BadRequest

body = {"model": "m", "messages": [{"role": "user", "content": [{"text": "x"}]}]}
wire.outline(body, 1)
meter = wire.meter()
meter.feed(eventstream.event("metadata", b'{"usage":{"inputTokens":1,"outputTokens":1}}'))
assert meter.usage.output == 1
wire.pass_edits(body, {})
wire.stream_filter(body)
wire.read_usage(b"{}")
wire.body_error(b"{}", {})
wire.stream_error(eventstream.exception("throttlingException", b'{"message":"x"}'))
wire.decode_error(500, {}, b'{"message":"x"}')
wire.encode_error(BadRequest("x"), "r")
wire.error_headers(BadRequest("x"))
wire.keep_alive()
wire.framing().feed(wire.keep_alive())
invoke.outline(body, 1)
invoke.answer_usage(b'{"usage":{"input_tokens":1,"output_tokens":1}}', {}, body)
counting.answer_usage(b"{}", {}, body)
heavy = {"sluice.types.chat", "sluice.types.stream", "email", "http.client", "asyncio", "logging", "datetime", "boto3"}
print(sorted(heavy & set(sys.modules)))
wire.decode_request(body)
print("sluice.types.chat" in sys.modules)
"""


def test_passing_through_imports_no_chat_types() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ran.stdout.split("\n")[:2] == ["[]", "True"], ran.stderr
