"""Exports that are imported when they are first asked for."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from sluice.dialects.lazy import borrowed, lazily


@pytest.fixture
def dialect(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A dialect that exports what a submodule of its own has."""
    module, submodule = ModuleType("lent"), ModuleType("lent.reading")
    module.__path__ = []
    submodule.decode_one = lambda body: body
    monkeypatch.setitem(sys.modules, "lent", module)
    monkeypatch.setitem(sys.modules, "lent.reading", submodule)
    return module


def test_an_export_is_found_in_its_submodule_and_kept(dialect: ModuleType) -> None:
    find = lazily("lent", {"decode_request": "reading:decode_one"})
    found = find("decode_request")
    assert found is sys.modules["lent.reading"].decode_one
    assert vars(dialect)["decode_request"] is found


def test_an_export_may_be_anothers() -> None:
    from sluice.dialects import jina_rerank, unstreamed

    assert jina_rerank.decode_error is unstreamed.decode_error
    assert borrowed("free", "read_usage") == {"read_usage": "sluice.dialects.free"}


def test_what_is_not_exported_is_missing(dialect: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"'lent' has no attribute 'framing'"):
        lazily("lent", {"decode_request": "reading:decode_one"})("framing")


def test_an_export_with_a_submodules_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'reading', which is the name of one of its submodules"):
        lazily("lent", {"reading": "reading"})


def test_a_translating_module_is_loaded_by_the_first_access_alone() -> None:
    script = (
        "import sys, sluice.dialects.openai_chat as wire; name = 'sluice.dialects.openai_chat.request_in'; "
        "print(name in sys.modules); wire.decode_request; print(name in sys.modules, 'decode_request' in vars(wire))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["False", "True", "True"], ran.stderr
