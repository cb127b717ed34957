"""A pass-through loads none of the canonical chat types: they cost cold start."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import sluice.dialects.ollama_chat as wire
from sluice.errors import BadRequest

body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
wire.outline(body, 1)
meter = wire.meter()
meter.feed(b'{"done":true,"eval_count":1}\\n')
assert meter.usage.output == 1
wire.pass_edits(body, {})
wire.stream_filter(body)
wire.read_usage(b"{}")
wire.framing().begun(b'{"done":false}\\n')
wire.stream_error(b'{"error":"x"}\\n')
wire.decode_error(500, {}, b"{}")
wire.encode_error(BadRequest("x"), "r")
wire.keep_alive()
heavy = {"sluice.types.chat", "sluice.types.stream", "email", "http.client", "asyncio", "logging", "datetime"}
print(sorted(heavy & set(sys.modules)))
wire.decode_request(body)
print("sluice.types.chat" in sys.modules)
"""


def test_passing_through_imports_no_chat_types() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ran.stdout.split("\n")[:2] == ["[]", "True"], ran.stderr
