"""The guard that enforces IAM in front of the emulator."""

from __future__ import annotations

import pytest

from infra.drill.access import Access, accesses
from infra.drill.guard import Guard, grants, idle

REGION, ACCOUNT = "us-east-1", "000000000000"
CONFIG = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/sluice-pr-1-config"
READ_CONFIG = {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": CONFIG}


def test_a_call_needs_its_action_on_its_table() -> None:
    needed = accesses("DynamoDB_20120810.GetItem", {"TableName": "sluice-pr-1-config"}, REGION, ACCOUNT)
    assert needed == [Access("dynamodb:GetItem", CONFIG)]


def test_a_transaction_needs_the_actions_of_its_parts() -> None:
    payload = {"TransactItems": [{"Put": {"TableName": "a"}}, {"ConditionCheck": {"TableName": "b"}}]}
    needed = accesses("DynamoDB_20120810.TransactWriteItems", payload, REGION, ACCOUNT)
    assert [(access.action, access.resource.rpartition("/")[2]) for access in needed] == [
        ("dynamodb:PutItem", "a"),
        ("dynamodb:ConditionCheckItem", "b"),
    ]


def test_a_batch_needs_its_action_on_each_table() -> None:
    needed = accesses("DynamoDB_20120810.BatchGetItem", {"RequestItems": {"a": {}, "b": {}}}, REGION, ACCOUNT)
    assert [access.resource.rpartition("/")[2] for access in needed] == ["a", "b"]


def test_a_secret_that_is_asked_for_by_name_matches_a_policy_with_six_open_characters() -> None:
    payload = {"SecretId": "sluice-pr-1/gateway"}
    (access,) = accesses("secretsmanager.GetSecretValue", payload, REGION, ACCOUNT)
    pattern = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:sluice-pr-1/gateway-??????"
    allowed = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": [pattern]}
    assert grants([allowed], access)
    assert not grants([{**allowed, "Resource": [pattern.replace("gateway", "providers")]}], access)


def test_only_what_is_granted_is_allowed_and_a_denial_wins() -> None:
    assert grants([READ_CONFIG], Access("dynamodb:GetItem", CONFIG))
    assert not grants([READ_CONFIG], Access("dynamodb:PutItem", CONFIG))
    assert not grants([READ_CONFIG], Access("dynamodb:GetItem", f"{CONFIG}-other"))
    assert not grants([READ_CONFIG, {**READ_CONFIG, "Effect": "Deny"}], Access("dynamodb:GetItem", CONFIG))
    assert not grants([], Access("dynamodb:GetItem", CONFIG))


def test_what_is_granted_and_not_used_is_found() -> None:
    statement = {**READ_CONFIG, "Action": ["dynamodb:GetItem", "dynamodb:PutItem"]}
    assert idle([statement], [Access("dynamodb:GetItem", CONFIG)]) == [Access("dynamodb:PutItem", CONFIG)]


def test_reading_log_lines_needs_the_group_that_a_policy_spells_with_its_streams() -> None:
    (access,) = accesses("Logs_20140328.FilterLogEvents", {"logGroupName": "/sluice-pr-1/streaming"}, REGION, ACCOUNT)
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/sluice-pr-1/streaming:*"
    allowed = {"Effect": "Allow", "Action": "logs:FilterLogEvents", "Resource": group}
    assert grants([allowed], access)
    assert not grants([{**allowed, "Resource": group.replace("streaming", "admin")}], access)


def test_a_signed_url_needs_its_action_on_its_object_and_goes_on_without_its_signature() -> None:
    import asyncio

    import httpx

    files = "arn:aws:s3:::files/uploads/*"
    roles = {"AKID": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": files}]}
    guard = Guard("http://127.0.0.1:1", ACCOUNT, roles)
    passed: list[httpx.Request] = []

    def emulator(request: httpx.Request) -> httpx.Response:
        passed.append(request)
        return httpx.Response(200, content=b"content", headers={"content-type": "image/gif"})

    async def ask(method: str, key: str) -> httpx.Response:
        guard._client = httpx.AsyncClient(base_url="http://emulator", transport=httpx.MockTransport(emulator))
        credential = "AKID%2F20261123%2Fus-east-1%2Fs3%2Faws4_request"
        transport = httpx.ASGITransport(app=guard)  # type: ignore[arg-type]
        async with httpx.AsyncClient(base_url="http://guard", transport=transport) as client:
            answer = await client.request(method, f"/files/{key}?X-Amz-Credential={credential}&X-Amz-Signature=1")
        await guard.close()
        return answer

    answer = asyncio.run(ask("GET", "uploads/search/upl_1"))
    assert (answer.status_code, answer.content) == (200, b"content")
    assert str(passed[0].url) == "http://emulator/files/uploads/search/upl_1"
    for method, key in (("PUT", "uploads/search/upl_1"), ("GET", "other/upl_1")):
        refused = asyncio.run(ask(method, key))
        assert (refused.status_code, b"AccessDenied" in refused.content) == (403, True)
    assert [access.action for _, access in guard.denied] == ["s3:PutObject", "s3:GetObject"]
    assert len(passed) == 1


def test_a_service_that_the_guard_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not know"):
        accesses("Kinesis_20131202.PutRecord", {}, REGION, ACCOUNT)
