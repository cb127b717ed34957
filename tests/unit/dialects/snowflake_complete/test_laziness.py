"""A pass-through loads none of the canonical chat types: they cost cold start."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import sluice.dialects.snowflake_complete as wire
from sluice.errors import BadRequest

body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}
wire.outline(body, 1)
meter = wire.meter()
meter.feed(b'data: {"choices":[],"usage":{"completion_tokens":1,"prompt_tokens":0}}\\n\\n')
assert meter.usage.output == 1
wire.pass_edits(body, {"drop": ["seed"]})
wire.read_usage(b"{}")
assert wire.stream_error(b'data: {"message":"x"}\\n\\n') is not None
wire.decode_error(500, {}, b"{}")
wire.encode_error(BadRequest("x"), "r")
wire.stream_error_bytes(BadRequest("x"), "r")
wire.keep_alive()
heavy = {"sluice.types.chat", "sluice.types.stream", "email", "http.client", "asyncio", "logging", "datetime"}
print(sorted(heavy & set(sys.modules)))
wire.decode_request(body)
print("sluice.types.chat" in sys.modules)
"""


def test_passing_through_imports_no_chat_types() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ran.stdout.split("\n")[:2] == ["[]", "True"], ran.stderr
