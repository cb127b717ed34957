"""The local stack for every test in this folder.

    pytestmark = pytest.mark.stack

    def test_x(stack: Stack) -> None:          # from tests.stacks
        ... stack.url, stack.api_key, stack.admin_key, stack.home, stack.logs ...

`stack` is one stack for the whole session, on a free port with state of its own and a simulator that does not dawdle:
tests share it, so they must not break it. Whoever kills or configures one starts their own: `tests.stacks.running`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stacks import Stack, missing, running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The session's stack."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("stack")) as started:
        yield started
