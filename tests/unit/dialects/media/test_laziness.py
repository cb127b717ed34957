"""Pictures and sound load nothing that costs a cold start, and a chat loads none of them."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "{'sluice.types.chat','sluice.types.stream','email','http.client','asyncio','logging','datetime','urllib.request'}"
)
NAMES = ("openai_images", "openai_image_edits", "openai_transcriptions", "openai_translations", "openai_speech")


def loaded(script: str) -> str:
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_no_format_for_pictures_or_sound_loads_a_heavy_module() -> None:
    imports = "".join(f"import sluice.dialects.{name} as wire; wire.request_meter({{}}, {{}}); " for name in NAMES)
    assert loaded(f"import sys; {imports}print(sorted({HEAVY} & set(sys.modules)))") == "[]"


def test_a_chat_loads_no_format_for_pictures_or_sound() -> None:
    script = "import sys, sluice.wiring, sluice.dialects.openai_chat, sluice.dialects.anthropic_messages; "
    found = "any('multipart' in n or 'media' in n or n.startswith('sluice.dialects.openai_im') for n in sys.modules)"
    assert loaded(f"{script}print({found})") == "False"
