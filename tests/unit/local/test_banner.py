from __future__ import annotations

from pathlib import Path

from sluice.local.banner import Access, banner, write_environment

ACCESS = Access("http://127.0.0.1:8787", "sk-sluice-demo", "sk-sluice-admin")


def test_demo_env_names_address_and_keys_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "demo.env"
    write_environment(path, ACCESS)
    assert path.read_text() == (
        "SLUICE_URL=http://127.0.0.1:8787\nSLUICE_API_KEY=sk-sluice-demo\nSLUICE_ADMIN_KEY=sk-sluice-admin\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_banner_has_a_line_to_paste_and_no_admin_key(tmp_path: Path) -> None:
    text = banner(ACCESS, tmp_path / "demo.env", [])
    (curl,) = [line for line in text.splitlines() if line.startswith("curl")]
    assert "-N http://127.0.0.1:8787/v1/chat/completions" in curl
    assert "Bearer sk-sluice-demo" in curl
    assert '"model":"simulator/sim-fast"' in curl
    assert '"stream":true' in curl
    assert "sk-sluice-admin" not in text
    assert "set OPENAI_API_KEY" in text


def test_the_banner_names_the_providers_of_the_environment(tmp_path: Path) -> None:
    text = banner(ACCESS, tmp_path / "demo.env", ["anthropic", "openai"])
    assert "simulator, anthropic, openai" in text
    assert "set OPENAI_API_KEY" not in text
