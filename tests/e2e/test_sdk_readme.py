"""The README's snippets run as printed."""

from __future__ import annotations

import pytest

from tests.drills.clone import run_snippet, snippets
from tests.stacks import Stack

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("name", sorted(snippets()))
def test_a_snippet_of_the_readme_runs_as_printed(stack: Stack, name: str) -> None:
    result = run_snippet(snippets()[name], stack.url, stack.api_key)
    assert (result.returncode, result.stderr) == (0, "")
    streamed, *called = result.stdout.splitlines()
    assert streamed == "hello."
    assert "city" in called[-1]


def test_the_readme_shows_both_sdks() -> None:
    assert set(snippets()) == {"anthropic", "openai"}
