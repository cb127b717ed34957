from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from sluice.local.emulator_launcher import Watched, save_in_copy


async def nothing(*_: object) -> None:
    return None


def written(method: str, target: str = "") -> bool:
    scope: dict[str, Any] = {"type": "http", "method": method, "headers": [(b"host", b"x")]}
    if target:
        scope["headers"].append((b"x-amz-target", target.encode()))
    watched = Watched(nothing)
    asyncio.run(watched(scope, nothing, nothing))
    return watched.written


def test_only_requests_that_may_write_ask_for_a_save() -> None:
    assert written("POST", "DynamoDB_20120810.PutItem")
    assert written("POST", "DynamoDB_20120810.TransactWriteItems")
    assert written("POST", "secretsmanager.PutSecretValue")
    assert written("PUT")
    assert not written("POST", "DynamoDB_20120810.GetItem")
    assert not written("POST", "DynamoDB_20120810.BatchGetItem")
    assert not written("POST", "DynamoDB_20120810.Query")
    assert not written("GET")


def test_a_save_is_made_by_a_copy_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "saved"
    copy = save_in_copy(lambda: path.write_text(str(os.getpid())) and None)
    _, status = os.waitpid(copy, 0)
    assert status == 0
    assert path.read_text() == str(copy) != str(os.getpid())
