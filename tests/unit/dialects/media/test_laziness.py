"""A chat loads nothing of pictures and sound."""

from __future__ import annotations

import subprocess
import sys


def test_a_chat_loads_no_format_for_pictures_or_sound() -> None:
    script = "import sys, sluice.wiring, sluice.dialects.openai_chat, sluice.dialects.anthropic_messages; "
    found = "any('multipart' in n or 'media' in n or n.startswith('sluice.dialects.openai_im') for n in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", f"{script}print({found})"], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "False", ran.stderr
