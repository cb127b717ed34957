"""The DynamoDB client: wire payloads, pages, batches, and typed errors."""

from __future__ import annotations

import pytest

from sluice.aws.dynamodb import DynamoClient, check, delete, put, update
from sluice.aws.errors import ConditionalCheckFailed, OutcomeUnknown, Throttled, TransactionCancelled
from sluice.errors import ProviderUnreachable
from tests.unit.aws.fakes import CREDENTIALS, FakeTransport, Pauses, ok, refused


def client(transport: FakeTransport) -> DynamoClient:
    return DynamoClient(transport, CREDENTIALS, region="eu-west-1", sleep=Pauses(), random=lambda: 1.0)


def item(sort: str, number: int = 0) -> dict[str, object]:
    return {"pk": {"S": "p"}, "sk": {"S": sort}, "n": {"N": str(number)}}


def test_an_item_is_read_by_its_key() -> None:
    transport = FakeTransport(ok({"Item": item("a", 7)}), ok({}))
    reader = client(transport)
    assert reader.get_item("t", ("p", "a")) == {"pk": "p", "sk": "a", "n": 7}
    assert transport.document() == {"TableName": "t", "Key": {"pk": {"S": "p"}, "sk": {"S": "a"}}}
    assert reader.get_item("t", ("p", "b"), consistent=True) is None
    assert transport.document()["ConsistentRead"] is True


def test_a_conditional_write_asks_for_the_item_that_is_in_its_way() -> None:
    transport = FakeTransport(ok())
    client(transport).put_item("t", {"pk": "p", "sk": "a"}, condition="attribute_not_exists(pk)")
    assert transport.document() == {
        "TableName": "t",
        "Item": {"pk": {"S": "p"}, "sk": {"S": "a"}},
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def test_a_failed_condition_brings_the_item() -> None:
    transport = FakeTransport(refused("ConditionalCheckFailedException", Item=item("a", 5)))
    with pytest.raises(ConditionalCheckFailed) as raised:
        client(transport).update_item("t", ("p", "a"), "ADD n :n", values={":n": 1}, condition="n < :n")
    assert raised.value.item == {"pk": "p", "sk": "a", "n": 5}


def test_a_failed_condition_on_nothing_brings_none() -> None:
    transport = FakeTransport(refused("ConditionalCheckFailedException"))
    with pytest.raises(ConditionalCheckFailed) as raised:
        client(transport).delete_item("t", ("p", "a"), condition="attribute_exists(pk)")
    assert raised.value.item is None


def test_an_update_returns_what_was_asked_for() -> None:
    transport = FakeTransport(ok({"Attributes": {"n": {"N": "9"}}}))
    changed = client(transport).update_item(
        "t", ("p", "a"), "ADD #n :n", names={"#n": "n"}, values={":n": 2}, returning="UPDATED_NEW", repeatable=False
    )
    assert changed == {"n": 9}
    assert transport.document()["ReturnValues"] == "UPDATED_NEW"
    assert transport.document()["ExpressionAttributeValues"] == {":n": {"N": "2"}}
    assert transport.document()["ExpressionAttributeNames"] == {"#n": "n"}


def test_a_counter_is_not_counted_twice_when_the_answer_is_lost() -> None:
    transport = FakeTransport(ProviderUnreachable("cut"), ok())
    with pytest.raises(OutcomeUnknown):
        client(transport).update_item("t", ("p", "a"), "ADD n :n", values={":n": 1}, repeatable=False)
    assert len(transport.calls) == 1


def test_a_query_follows_its_pages() -> None:
    transport = FakeTransport(
        ok({"Items": [item("a"), item("b")], "LastEvaluatedKey": {"pk": {"S": "p"}, "sk": {"S": "b"}}}),
        ok({"Items": [], "LastEvaluatedKey": {"pk": {"S": "p"}, "sk": {"S": "c"}}}),
        ok({"Items": [item("d")]}),
    )
    found = list(client(transport).query("t", "p", begins_with="x", backwards=True))
    assert [each["sk"] for each in found] == ["a", "b", "d"]
    assert transport.document(0)["ScanIndexForward"] is False
    assert transport.document(0)["ExpressionAttributeValues"] == {":p": {"S": "p"}, ":s": {"S": "x"}}
    assert transport.document(2)["ExclusiveStartKey"] == {"pk": {"S": "p"}, "sk": {"S": "c"}}


def test_a_query_reads_no_page_that_nobody_asks_for() -> None:
    transport = FakeTransport(ok({"Items": [item("a")], "LastEvaluatedKey": {"pk": {"S": "p"}, "sk": {"S": "a"}}}))
    assert len(list(client(transport).query("t", "p", limit=1))) == 1
    assert transport.document()["Limit"] == 1


def test_a_batch_asks_again_for_what_was_left_over() -> None:
    left = {"t": {"Keys": [{"pk": {"S": "p"}, "sk": {"S": "b"}}]}}
    transport = FakeTransport(
        ok({"Responses": {"t": [item("a")]}, "UnprocessedKeys": left}), ok({"Responses": {"t": [item("b")]}})
    )
    found = client(transport).batch_get("t", [("p", "a"), ("p", "b"), ("p", "a"), ("p", "none")])
    assert set(found) == {("p", "a"), ("p", "b")}
    assert transport.document(1) == {"RequestItems": left}
    keys = transport.document(0)["RequestItems"]
    assert isinstance(keys, dict)
    assert len(keys["t"]["Keys"]) == 3


def test_a_batch_of_more_than_a_hundred_keys_is_cut() -> None:
    transport = FakeTransport(ok({}), ok({}))
    assert client(transport).batch_get("t", [("p", str(number)) for number in range(150)]) == {}
    assert len(transport.calls) == 2


def test_a_batch_that_never_completes_is_an_error() -> None:
    left = {"t": {"Keys": [{"pk": {"S": "p"}, "sk": {"S": "b"}}]}}
    transport = FakeTransport(*[ok({"UnprocessedKeys": left})] * 8)
    with pytest.raises(Throttled, match="unread"):
        client(transport).batch_get("t", [("p", "b")])


def test_a_transaction_carries_one_token_through_its_tries() -> None:
    conflict = refused("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}])
    transport = FakeTransport(conflict, ProviderUnreachable("cut"), ok())
    client(transport).transact_write([put("t", {"pk": "p", "sk": "a"})])
    tokens = {transport.document(position)["ClientRequestToken"] for position in range(3)}
    assert len(tokens) == 1
    assert len(str(tokens.pop())) <= 36


def test_two_transactions_have_different_tokens_unless_told() -> None:
    transport = FakeTransport(ok(), ok(), ok())
    writer = client(transport)
    writer.transact_write([delete("t", ("p", "a"))])
    writer.transact_write([delete("t", ("p", "a"))])
    writer.transact_write([delete("t", ("p", "a"))], token="mine")
    tokens = [transport.document(position)["ClientRequestToken"] for position in range(3)]
    assert len(set(tokens)) == 3
    assert tokens[2] == "mine"


def test_a_cancelled_transaction_says_which_condition_failed() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": item("b", 3)}]
    transport = FakeTransport(refused("TransactionCanceledException", CancellationReasons=reasons))
    writes = [update("t", ("p", "a"), "SET n = :n", values={":n": 1}), check("t", ("p", "b"), "n = :n")]
    with pytest.raises(TransactionCancelled, match="ConditionalCheckFailed") as raised:
        client(transport).transact_write(writes)
    assert raised.value.failed_condition() == 1
    assert raised.value.reasons[1] == ("ConditionalCheckFailed", {"pk": "p", "sk": "b", "n": 3})


def test_a_transaction_cancelled_for_another_reason_has_no_failed_condition() -> None:
    reasons = [{"Code": "ValidationError"}]
    transport = FakeTransport(refused("TransactionCanceledException", CancellationReasons=reasons))
    with pytest.raises(TransactionCancelled) as raised:
        client(transport).transact_write([put("t", {"pk": "p", "sk": "a"})])
    assert raised.value.failed_condition() is None
