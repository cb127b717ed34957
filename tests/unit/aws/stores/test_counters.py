"""One contract for budget counters and token buckets, held by the tables (in the emulator) and by the fakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.buckets import DynamoBucketStore
from sluice.aws.stores.counters import DynamoCounterStore
from sluice.errors import ProviderUnreachable
from sluice.ports import BucketStore, CounterStore, Draw, Drawn, Dry, Refused, Taken, UpstreamAnswer, UpstreamCall
from sluice.providers.transport import HttpTransport
from sluice.types.budgets import CounterKey, CounterState, Hold
from tests.counters import MemoryBuckets, MemoryCounters
from tests.emulator import Emulator

KEY = CounterKey("budget#b#search#2026-11", "eu-central-1#0")
HOLD = Hold("env-1", 60, 1_000, "lease", 5)


@pytest.fixture
def dynamo(request: pytest.FixtureRequest) -> Iterator[DynamoClient]:
    emulator: Emulator = request.getfixturevalue("emulator")
    transport = HttpTransport(trusted=True)
    yield client(emulator, transport)
    transport.drop_connections()


def client(emulator: Emulator, transport: HttpTransport) -> DynamoClient:
    credentials = FixedCredentials(Credentials(emulator.access_key_id, emulator.secret_access_key))
    return DynamoClient(transport, credentials, region=emulator.region, endpoint_url=emulator.url)


@pytest.fixture(params=["memory", "table"])
def store(request: pytest.FixtureRequest) -> CounterStore:
    if request.param == "memory":
        return MemoryCounters()
    tables = request.getfixturevalue("tables")
    return DynamoCounterStore(request.getfixturevalue("dynamo"), f"{tables}-usage")


@pytest.fixture(params=["memory", "table"])
def buckets(request: pytest.FixtureRequest) -> BucketStore:
    if request.param == "memory":
        return MemoryBuckets()
    tables = request.getfixturevalue("tables")
    return DynamoBucketStore(request.getfixturevalue("dynamo"), f"{tables}-usage")


def test_a_counter_that_nobody_wrote_is_empty(store: CounterStore) -> None:
    assert store.read(KEY) == CounterState()
    assert store.parts(KEY.name) == {}


def test_a_taken_hold_stands_in_the_counter_with_all_it_says(store: CounterStore) -> None:
    taken = store.take(KEY, HOLD, cap=100, slack_cap=5, keep_until=4_000_000_000)
    assert isinstance(taken, Taken)
    assert (taken.state.committed, taken.state.spent, taken.state.slack) == (60, 0, 5)
    assert taken.state.holds["env-1"] == HOLD
    assert store.read(KEY) == CounterState(60, 0, 5, {"env-1": HOLD})


def test_the_last_unit_can_be_taken_and_not_one_more(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    refused = store.take(KEY, Hold("other-1", 41, 1_000), cap=100, slack_cap=0)
    assert isinstance(refused, Refused)
    assert refused.state == store.read(KEY)
    assert isinstance(store.take(KEY, Hold("other-2", 40, 1_000), cap=100, slack_cap=0), Taken)
    assert isinstance(store.take(KEY, Hold("other-3", 1, 1_000), cap=100, slack_cap=0), Refused)


def test_a_first_hold_over_the_cap_is_refused(store: CounterStore) -> None:
    assert store.take(KEY, HOLD, cap=59, slack_cap=5) == Refused(CounterState())


def test_all_slack_together_stays_under_its_own_cap(store: CounterStore) -> None:
    assert isinstance(store.take(KEY, HOLD, cap=100, slack_cap=4), Refused)
    store.take(KEY, HOLD, cap=100, slack_cap=8)
    assert isinstance(store.take(KEY, Hold("other-1", 10, 1_000, slack=4), cap=100, slack_cap=8), Refused)
    assert isinstance(store.take(KEY, Hold("other-1", 10, 1_000, slack=3), cap=100, slack_cap=8), Taken)
    assert isinstance(store.take(KEY, Hold("third-1", 10, 1_000), cap=100, slack_cap=0), Taken)


def test_a_take_that_is_sent_twice_counts_once(store: CounterStore) -> None:
    for _ in range(2):
        taken = store.take(KEY, HOLD, cap=100, slack_cap=5)
        assert isinstance(taken, Taken)
        assert taken.state.committed == 60
    assert store.read(KEY).committed == 60


def test_a_grow_that_is_sent_twice_counts_once(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    larger = replace(HOLD, amount=80, slack=7, revision=1)
    for _ in range(2):
        grown = store.grow(KEY, HOLD, larger, cap=100, slack_cap=7)
        assert isinstance(grown, Taken)
    assert store.read(KEY) == CounterState(80, 0, 7, {"env-1": larger})


def test_a_grow_from_an_old_revision_changes_nothing_even_where_the_amounts_agree(store: CounterStore) -> None:
    second, third = replace(HOLD, amount=80, revision=1), replace(HOLD, revision=2)
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    store.grow(KEY, HOLD, second, cap=100, slack_cap=5)
    store.grow(KEY, second, third, cap=100, slack_cap=5)
    assert isinstance(store.grow(KEY, HOLD, second, cap=100, slack_cap=5), Refused)
    assert store.read(KEY) == CounterState(60, 0, 5, {"env-1": third})


def test_a_grow_over_the_cap_or_the_slack_cap_is_refused(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    assert isinstance(store.grow(KEY, HOLD, replace(HOLD, amount=101, revision=1), cap=100, slack_cap=5), Refused)
    assert isinstance(store.grow(KEY, HOLD, replace(HOLD, slack=6, revision=1), cap=100, slack_cap=5), Refused)
    assert store.read(KEY).holds["env-1"] == HOLD


def test_a_hold_can_be_made_smaller_when_the_cap_was_lowered_beneath_it(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    assert isinstance(store.grow(KEY, HOLD, replace(HOLD, amount=50, slack=0, revision=1), cap=10, slack_cap=0), Taken)
    assert store.read(KEY).committed == 50


def test_a_closed_hold_leaves_what_was_spent_and_closing_twice_changes_nothing(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    assert isinstance(store.close(KEY, HOLD, 25), Taken)
    assert isinstance(store.close(KEY, HOLD, 25), Refused)
    assert store.read(KEY) == CounterState(25, 25, 0, fences={"env": 1})


def test_a_hold_is_closed_in_the_revision_that_stands_only(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    larger = replace(HOLD, amount=80, revision=1)
    store.grow(KEY, HOLD, larger, cap=100, slack_cap=5)
    refused = store.close(KEY, HOLD, 25)
    assert isinstance(refused, Refused)
    assert refused.state.holds["env-1"] == larger


def test_a_take_that_arrives_after_its_hold_was_closed_opens_nothing(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    store.close(KEY, HOLD, 25)
    assert isinstance(store.take(KEY, HOLD, cap=100, slack_cap=5), Refused)
    assert store.read(KEY).committed == 25
    assert isinstance(store.take(KEY, replace(HOLD, id="env-2"), cap=100, slack_cap=5), Taken)


def test_closing_an_older_hold_does_not_lower_the_fence(store: CounterStore) -> None:
    younger = replace(HOLD, id="env-9", amount=10)
    store.take(KEY, HOLD, cap=100, slack_cap=99)
    store.take(KEY, younger, cap=100, slack_cap=99)
    store.close(KEY, younger, 10)
    assert isinstance(store.close(KEY, HOLD, 20), Taken)
    assert store.read(KEY) == CounterState(30, 30, 0, fences={"env": 9})


def test_more_than_the_hold_can_be_spent_and_is_then_said(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=60, slack_cap=5)
    store.close(KEY, HOLD, 70)
    assert store.read(KEY).spent == store.read(KEY).committed == 70


def test_what_is_given_away_is_committed_once_however_often_it_is_sent(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    for _ in range(2):
        assert isinstance(store.give(KEY, "us-east-1#0", 30, before=0, cap=100), Taken)
    assert isinstance(store.give(KEY, "us-east-1#0", 5, before=0, cap=100), Refused)
    assert isinstance(store.give(KEY, "us-east-1#0", 10, before=30, cap=100), Taken)
    assert isinstance(store.give(KEY, "us-east-1#0", 1, before=40, cap=100), Refused)
    state = store.read(KEY)
    assert (state.committed, state.given) == (100, {"us-east-1#0": 40})


def test_a_sealed_counter_takes_no_more_and_gives_back_all_the_same(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    assert store.seal(KEY, keep_until=4_000_000_000) == store.seal(KEY) == store.read(KEY)
    assert store.read(KEY).sealed
    assert isinstance(store.take(KEY, Hold("other-1", 1, 1_000), cap=100, slack_cap=0), Refused)
    assert isinstance(store.grow(KEY, HOLD, replace(HOLD, amount=61, revision=1), cap=100, slack_cap=5), Refused)
    assert isinstance(store.give(KEY, "us-east-1#0", 1, before=0, cap=100), Refused)
    smaller = replace(HOLD, amount=30, slack=0, revision=1)
    assert isinstance(store.grow(KEY, HOLD, smaller, cap=100, slack_cap=5), Taken)
    assert isinstance(store.close(KEY, smaller, 20), Taken)
    assert store.read(KEY).committed == 20


def test_counters_are_read_together_and_an_absent_one_is_empty(store: CounterStore) -> None:
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    absent = CounterKey("budget#b#search#2026-10", KEY.part)
    assert store.read_all([KEY, absent]) == {KEY: store.read(KEY), absent: CounterState()}


def test_all_parts_of_a_counter_are_listed(store: CounterStore) -> None:
    other = CounterKey(KEY.name, "eu-central-1#1")
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    store.take(other, HOLD, cap=100, slack_cap=5)
    assert store.parts(KEY.name) == {KEY.part: store.read(KEY), other.part: store.read(other)}


def test_only_fences_that_did_not_move_are_forgotten(store: CounterStore) -> None:
    for environment in ("a", "b"):
        hold = Hold(f"{environment}-7", 1, 1_000)
        store.take(KEY, hold, cap=100, slack_cap=0)
        store.close(KEY, hold, 1)
    store.prune(KEY, {"a": 7, "b": 6, "c": 1})
    assert store.read(KEY).fences == {"b": 7}


def test_a_correction_counts_once_and_makes_nothing_less_than_nothing(store: CounterStore) -> None:
    assert isinstance(store.correct(KEY, 5, before=0), Refused), "nothing stands there"
    store.take(KEY, HOLD, cap=100, slack_cap=5)
    store.close(KEY, HOLD, 20)
    for _ in range(2):
        assert isinstance(store.correct(KEY, 7, before=0), Taken)
    assert isinstance(store.correct(KEY, 7, before=2), Refused)
    assert isinstance(store.correct(KEY, -28, before=1), Refused)
    assert isinstance(store.correct(KEY, -27, before=1), Taken)
    state = store.read(KEY)
    assert (state.spent, state.committed, state.corrections) == (0, 0, 2)


def test_a_bucket_gives_its_depth_at_once_and_then_only_what_flows_in(buckets: BucketStore) -> None:
    draw = {"requests": Draw(10, 30)}
    for _ in range(3):
        assert isinstance(buckets.draw(KEY, draw, 1_000), Drawn)
    assert buckets.draw(KEY, draw, 1_000) == Dry({"requests": 1_030})
    assert isinstance(buckets.draw(KEY, draw, 1_009), Dry)
    assert buckets.draw(KEY, draw, 1_010) == Drawn({"requests": 1_040})


def test_an_idle_bucket_is_full_and_no_fuller(buckets: BucketStore) -> None:
    buckets.draw(KEY, {"requests": Draw(10, 30)}, 1_000)
    assert buckets.draw(KEY, {"requests": Draw(30, 30)}, 9_000) == Drawn({"requests": 9_030})
    assert isinstance(buckets.draw(KEY, {"requests": Draw(1, 30)}, 9_000), Dry)


def test_all_buckets_of_an_item_are_drawn_from_or_none(buckets: BucketStore) -> None:
    buckets.draw(KEY, {"input": Draw(25, 30)}, 1_000)
    both = {"requests": Draw(10, 30), "input": Draw(10, 30)}
    assert buckets.draw(KEY, both, 1_000) == Dry({"input": 1_025})
    assert buckets.draw(KEY, both, 1_005) == Drawn({"requests": 1_015, "input": 1_035})


def test_more_than_a_bucket_holds_is_never_drawn(buckets: BucketStore) -> None:
    assert isinstance(buckets.draw(KEY, {"input": Draw(31, 30)}, 1_000), Dry)
    assert buckets.draw(KEY, {"input": Draw(30, 30)}, 1_000) == Drawn({"input": 1_030})


def test_a_charge_is_drawn_even_from_an_empty_bucket(buckets: BucketStore) -> None:
    buckets.draw(KEY, {"output": Draw(30, 30)}, 1_000)
    assert buckets.charge(KEY, {"output": 100}, 1_000) == {"output": 1_130}
    assert isinstance(buckets.draw(KEY, {"output": Draw(30, 30)}, 1_129), Dry)
    assert isinstance(buckets.draw(KEY, {"output": Draw(30, 30)}, 1_130), Drawn)


class LostAnswers:
    """Delivers each call and loses the answer of every second one."""

    def __init__(self, inner: HttpTransport) -> None:
        self.inner = inner
        self.sent = 0

    def send(self, call: UpstreamCall) -> UpstreamAnswer:
        answer = self.inner.send(call)
        self.sent += 1
        if self.sent % 2:
            answer.read()
            raise ProviderUnreachable("the answer was lost")
        return answer


def test_writes_whose_answers_are_lost_are_sent_again_and_count_once(emulator: Emulator, tables: str) -> None:
    inner = HttpTransport(trusted=True)
    transport = LostAnswers(inner)
    credentials = FixedCredentials(Credentials(emulator.access_key_id, emulator.secret_access_key))
    dynamo = DynamoClient(
        transport, credentials, region=emulator.region, endpoint_url=emulator.url, sleep=lambda seconds: None
    )
    store = DynamoCounterStore(dynamo, f"{tables}-usage")
    larger = replace(HOLD, amount=90, revision=1)
    assert isinstance(store.take(KEY, HOLD, cap=100, slack_cap=5), Taken)
    assert isinstance(store.grow(KEY, HOLD, larger, cap=100, slack_cap=5), Taken)
    assert isinstance(store.give(KEY, "us-east-1#0", 10, before=0, cap=100), Taken)
    closed = store.close(KEY, larger, 40)
    assert "env-1" not in closed.state.holds
    assert transport.sent == 8
    state = store.read(KEY)
    assert (state.committed, state.spent, state.slack) == (50, 40, 0)
    inner.drop_connections()
