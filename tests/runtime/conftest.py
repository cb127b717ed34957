from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runtime.loop_process import LoopProcess
from tests.runtime.stub_runtime_api import StubRuntimeApi


class Served:
    """One running environment that tests share; `http` sends it an event that looks like an HTTP request."""

    def __init__(self, api: StubRuntimeApi, loop: LoopProcess) -> None:
        self.api = api
        self.loop = loop

    def http(self, case: str, **options):
        fields = options.pop("event", {})
        return self.api.invoke({"httpMethod": "POST", "case": case, **fields}, **options)

    def journal(self) -> list:
        """What the handler has noted since the last look."""
        return self.http("journal").json


@pytest.fixture(scope="session")
def shared() -> Iterator[Served]:
    with StubRuntimeApi() as api, LoopProcess(api) as loop:
        yield Served(api, loop)


@pytest.fixture
def served(shared: Served) -> Served:
    shared.journal()
    return shared
