"""A rotation from its first step to its last: repeated, interleaved, killed, and with a provider that fails."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from sluice.control.rotation.failures import RotationFailed, RotationStopped
from sluice.control.rotation.versions import CURRENT, PENDING, PREVIOUS, STAGED
from tests.unit.control.rotation.fakes import ADMIN, DAY, STEPS, Killed, Scene


def test_a_rotation_makes_a_key_tries_it_and_puts_it_in_force() -> None:
    scene = Scene()
    token = scene.rotate()
    assert scene.vault.overview_now().labelled(CURRENT) == token
    assert scene.key in scene.openai.live
    entry = scene.vault.bundle()["openai"]
    assert entry["admin_key"] == ADMIN
    assert entry["rotated_at"] == str(int(scene.now.seconds))
    assert scene.vault.bundle(PREVIOUS)["openai"]["api_key"] == "sk-by-hand"


def test_two_keys_live_and_the_one_before_them_is_deleted_at_the_next_rotation() -> None:
    scene = Scene()
    seen = []
    for _ in range(4):
        scene.rotate()
        seen.append(scene.key)
        assert scene.openai.live == set(seen[-2:])
        scene.now.seconds += 30 * DAY
    assert len(set(seen)) == 4
    assert "key_1" in scene.openai.keys, "somebody else's key is none of ours"


def test_a_key_that_is_not_old_enough_stays() -> None:
    scene = Scene()
    scene.rotate()
    key = scene.key
    scene.now.seconds += 10 * DAY
    scene.rotate()
    assert scene.key == key


@pytest.mark.parametrize("repeats", [2, 3])
def test_every_step_may_come_again(repeats: int) -> None:
    scene = Scene()
    token = scene.vault.register()
    for step in STEPS:
        for _ in range(repeats):
            scene.step(step, token)
    assert scene.openai.live == {scene.key}
    before = scene.vault.overview_now()
    for step in STEPS:  # and all of them, long after
        scene.step(step, token)
    assert scene.vault.overview_now() == before
    assert len(scene.openai.live) == 1


def test_an_earlier_step_that_comes_late_changes_nothing() -> None:
    scene = Scene()
    token = scene.vault.register()
    for late in ("createSecret", "setSecret", "createSecret", "testSecret", "setSecret", "createSecret"):
        scene.step(late, token)
    scene.step("finishSecret", token)
    key = scene.key
    for late in ("testSecret", "createSecret", "setSecret"):
        scene.step(late, token)
    assert (scene.key, scene.openai.live) == (key, {key})


def test_a_step_for_a_version_that_nobody_announced_is_refused() -> None:
    scene = Scene()
    for step in STEPS:
        with pytest.raises(RotationStopped, match="not pending"):
            scene.step(step, "a-version-that-was-never-announced")
    assert scene.key == "sk-by-hand"


def test_nothing_goes_live_that_was_never_created() -> None:
    scene = Scene()
    token = scene.vault.register()
    with pytest.raises(RotationStopped, match="no value"):
        scene.step("finishSecret", token)
    assert scene.key == "sk-by-hand"


def calls_of(step: str) -> int:
    """Return how many calls a step of a second rotation makes."""
    scene = second_rotation()
    token = scene.vault.register()
    for earlier in STEPS[: STEPS.index(step)]:
        scene.step(earlier, token)
    begun = scene.fuse.burnt
    scene.step(step, token)
    return scene.fuse.burnt - begun


def second_rotation() -> Scene:
    scene = Scene()
    scene.rotate()
    scene.now.seconds += 30 * DAY
    scene.rotate()
    scene.now.seconds += 30 * DAY
    return scene


KILLS = [(step, number, after) for step in STEPS for number in range(1, calls_of(step) + 1) for after in (False, True)]


@pytest.mark.parametrize(("step", "number", "after"), KILLS)
def test_a_step_killed_at_any_call_is_made_up_for(step: str, number: int, after: bool) -> None:
    scene = second_rotation()
    before = scene.key
    token = scene.vault.register()
    for each in STEPS:
        if each == step:
            scene.fuse.left, scene.fuse.after = number, after
            with pytest.raises(Killed):
                scene.step(each, token)
            scene.fuse.left = None
            assert scene.key in scene.openai.live, "whatever happened, what is in force is taken"
        scene.step(each, token)
    assert scene.key in scene.openai.live
    assert scene.key != before
    assert before in scene.openai.live, "the one before is good until the next rotation"
    # What was left behind has the name of a rotation and is referred to by nothing.
    for _ in range(2):
        scene.now.seconds += 30 * DAY
        scene.rotate()
    assert len(scene.openai.live) == 2
    assert scene.key in scene.openai.live


def test_a_killed_rotation_that_never_goes_on_does_not_hinder_the_next_one() -> None:
    scene = second_rotation()
    token = scene.vault.register()
    scene.fuse.left, scene.fuse.after = 6, True
    with pytest.raises(Killed):
        scene.step("createSecret", token)
    scene.fuse.left = None
    scene.now.seconds += 60
    scene.rotate()
    scene.now.seconds += 30 * DAY
    scene.rotate()
    assert len(scene.openai.live) == 2
    assert scene.key in scene.openai.live


def test_two_copies_of_the_first_step_leave_one_key() -> None:
    scene = Scene()
    token = scene.vault.register()
    put = scene.vault.put
    done: list[str] = []

    def late(version: str, document: dict[str, Any]) -> bool:
        if not done:
            done.append("other")
            scene.step("createSecret", token)  # the second copy is whole before the first one writes
        return put(version, document)

    scene.vault.put = late  # type: ignore[method-assign]
    scene.step("createSecret", token)
    for step in STEPS[1:]:
        scene.step(step, token)
    assert scene.openai.live == {scene.key}


def test_a_version_put_by_hand_meanwhile_is_not_overwritten() -> None:
    scene = Scene()
    token = scene.vault.register()
    for step in STEPS[:3]:
        scene.step(step, token)
    scene.vault.write({"openai": {"api_key": "sk-typed", "admin_key": ADMIN}}, CURRENT)
    with pytest.raises(RotationStopped, match="by hand"):
        scene.step("finishSecret", token)
    assert scene.key == "sk-typed"
    assert scene.vault.overview_now().labelled(PENDING) is None, "the next rotation can begin"


def test_a_current_label_that_was_put_back_keeps_a_key_that_is_taken() -> None:
    scene = second_rotation()
    old = scene.key
    scene.rotate()
    seen = scene.vault.overview_now()
    scene.vault.promote(str(seen.labelled(PREVIOUS)), seen.labelled(CURRENT))
    assert scene.key == old
    assert old in scene.openai.live
    scene.now.seconds += 30 * DAY
    scene.rotate()
    assert scene.key in scene.openai.live


def test_a_new_key_that_the_vendor_knows_only_after_a_moment_is_waited_for() -> None:
    scene = Scene()
    scene.openai.slow_keys = 3
    scene.rotate()
    assert scene.key in scene.openai.live


def test_a_vendor_that_is_down_leaves_its_key_as_it_is_and_the_next_day_makes_up_for_it() -> None:
    scene = Scene()
    scene.openai.down = True
    with pytest.raises(RotationStopped, match="openai"):
        scene.rotate()
    assert scene.key == "sk-by-hand"
    assert scene.vault.overview_now().labelled(PENDING) is None
    assert scene.outcomes("openai") == ["failed"]
    scene.openai.down = False
    scene.rotate()
    assert scene.key in scene.openai.live


class Other:
    """A strategy that counts, or fails."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.count = 0

    def renew(self, entry: Mapping[str, str], token: str) -> dict[str, str]:
        if self.problem is not None:
            raise self.problem
        self.count += 1
        return {**entry, "api_key": f"{entry['api_key']}+"}

    def assure(self, current: Mapping[str, str], entry: Mapping[str, str]) -> None:
        return

    def discard(self, entry: Mapping[str, str]) -> None:
        self.count -= 1

    def retire(self, entry: Mapping[str, str], kept: Collection[str], before: float) -> int:
        return 0


SNOWFLAKE = {"strategy": "snowflake_key_pair", "base_url": "https://acct.snowflakecomputing.com", "days": 30}


def test_one_provider_s_failure_does_not_hold_the_others_up() -> None:
    secret = "sk-in-the-words-of-an-error"
    held: dict[str, Any] = {
        "openai": {"api_key": "sk-by-hand", "admin_key": ADMIN},
        "snowflake_cortex": {"private_key": "old"},
    }
    for problem in (RotationFailed("snowflake_cortex", "the slot is taken."), ValueError(secret)):
        scene = Scene(providers={"snowflake_cortex": SNOWFLAKE}, **held)
        scene.others["snowflake_cortex"] = Other(problem)
        scene.rotate()
        assert scene.key in scene.openai.live
        assert scene.vault.bundle()["snowflake_cortex"] == {"private_key": "old"}
        assert scene.outcomes("snowflake_cortex") == ["failed"]
        assert secret not in repr(scene.told)


def test_a_key_that_cannot_be_tried_is_deleted_again_and_never_in_force() -> None:
    scene = Scene()
    scene.openai.slow_keys = 100
    with pytest.raises(RotationStopped):
        scene.rotate()
    assert scene.openai.live == set()
    assert scene.key == "sk-by-hand"


def test_a_pending_key_that_was_revoked_before_the_test_ends_this_rotation_for_good() -> None:
    scene = Scene()
    token = scene.vault.register()
    scene.step("createSecret", token)
    scene.openai.keys.clear()
    with pytest.raises(RotationStopped, match="testSecret failed"):
        scene.step("testSecret", token)
    assert scene.vault.overview_now().labelled(PENDING) is None
    scene.rotate()
    assert scene.key in scene.openai.live


def test_an_outage_at_the_test_leaves_the_version_for_another_try() -> None:
    scene = Scene()
    token = scene.vault.register()
    scene.step("createSecret", token)
    scene.openai.down = True
    with pytest.raises(RotationStopped, match="testSecret failed"):
        scene.step("testSecret", token)
    scene.openai.down = False
    for step in STEPS:
        scene.step(step, token)
    assert scene.key in scene.openai.live


def test_a_vendor_that_stays_down_does_not_hold_the_others_up_for_ever() -> None:
    scene = Scene(providers=BY_HAND, openai={"api_key": "sk-by-hand", "admin_key": ADMIN}, **STAGED_HELD)
    token = scene.vault.register()
    scene.step("createSecret", token)
    scene.openai.down = True
    scene.now.seconds += 5 * 3600
    with pytest.raises(RotationStopped, match="testSecret failed"):
        scene.step("testSecret", token)
    assert scene.rotation.unfinished() == token
    scene.now.seconds += 2 * 3600
    with pytest.raises(RotationStopped, match="testSecret failed"):
        scene.step("testSecret", token)
    assert scene.rotation.unfinished() is None


def test_a_schedule_that_is_tried_out_without_a_value_passes() -> None:
    scene = Scene()
    scene.step("testSecret", scene.vault.register())


STAGED_HELD: dict[str, Any] = {"groq": {"api_key": "gsk-old", "region": "eu"}, "mistral": {"api_key": "m-1"}}
BY_HAND = {"groq": {"strategy": "staged", "test_url": "https://api.openai.com/v1/models"}}


def test_what_an_operator_stages_is_tried_and_goes_live_and_the_rest_stays() -> None:
    scene = Scene(providers=BY_HAND, **STAGED_HELD)
    scene.openai.by_hand.add("gsk-new")
    version = scene.stage(groq={"api_key": "gsk-new"})
    scene.rotate()
    bundle = scene.vault.bundle()
    assert (bundle["groq"]["api_key"], bundle["groq"]["region"]) == ("gsk-new", "eu")
    assert bundle["mistral"] == {"api_key": "m-1"}
    assert not scene.vault.overview_now().carries(version, STAGED)


def test_a_staged_key_that_the_provider_refuses_never_goes_live_and_stays_staged() -> None:
    scene = Scene(providers=BY_HAND, **STAGED_HELD)
    version = scene.stage(groq={"api_key": "gsk-mistyped"})
    with pytest.raises(RotationStopped, match="groq"):
        scene.rotate()
    assert scene.vault.bundle()["groq"]["api_key"] == "gsk-old"
    assert scene.vault.overview_now().carries(version, STAGED)
    assert "gsk-mistyped" not in repr(scene.told)


def test_a_staged_key_takes_the_place_of_one_that_was_made_and_that_one_is_not_deleted_unasked() -> None:
    scene = Scene()
    scene.rotate()
    made = scene.key
    scene.now.seconds += 5 * DAY
    scene.openai.by_hand.add("sk-typed")
    scene.stage(openai={"api_key": "sk-typed"})
    scene.rotate()
    assert scene.key == "sk-typed"
    assert "key_id" not in scene.vault.bundle()["openai"]
    assert made in scene.openai.live


def test_a_provider_without_a_strategy_only_ages() -> None:
    scene = Scene(**STAGED_HELD)
    scene.now.seconds += 91 * DAY
    scene.rotate()
    assert scene.outcomes("groq") == ["waiting"]
    assert scene.vault.bundle()["groq"] == STAGED_HELD["groq"]


def test_members_that_are_no_texts_survive() -> None:
    scene = Scene(openai={"api_key": "sk-by-hand", "admin_key": ADMIN, "limits": {"rpm": 5}}, odd=["a"])
    scene.rotate()
    assert scene.vault.bundle()["openai"]["limits"] == {"rpm": 5}
    assert scene.vault.bundle()["odd"] == ["a"]


def test_nothing_is_deleted_while_the_overlap_of_the_last_rotation_lasts() -> None:
    scene = Scene(
        overlap=2 * DAY, providers=BY_HAND, openai={"api_key": "sk-by-hand", "admin_key": ADMIN}, **STAGED_HELD
    )
    scene.rotate()
    scene.now.seconds += 30 * DAY
    first = scene.key
    scene.rotate()
    second = scene.key
    scene.now.seconds += DAY  # within the overlap another provider's key is staged
    scene.openai.by_hand.add("gsk-new")
    scene.stage(groq={"api_key": "gsk-new"})
    scene.rotate()
    assert {first, second} <= scene.openai.live
    scene.now.seconds += 3 * DAY
    scene.rotate()
    assert scene.openai.live == {second}


def test_no_word_of_a_key_is_ever_told() -> None:
    scene = second_rotation()
    scene.rotate()
    told = repr(scene.told)
    assert not [key["value"] for key in scene.openai.keys.values() if key["value"] in told]
    assert ADMIN not in told


def test_a_whole_version_that_an_operator_put_under_pending_is_tried_and_goes_live() -> None:
    scene = Scene()
    assert scene.rotation.handed_in() is None
    scene.openai.by_hand.add("sk-typed")
    version = scene.vault.write({"openai": {"api_key": "sk-typed", "admin_key": ADMIN}}, PENDING)
    assert scene.rotation.handed_in() == version
    scene.rotate(version)
    assert scene.key == "sk-typed"
    assert scene.rotation.handed_in() is None


def test_a_pending_version_of_an_operator_whose_key_is_refused_never_goes_live() -> None:
    scene = Scene()
    version = scene.vault.write({"openai": {"api_key": "sk-mistyped", "admin_key": ADMIN}}, PENDING)
    with pytest.raises(RotationStopped, match="testSecret failed"):
        scene.rotate(version)
    assert scene.key == "sk-by-hand"
    assert scene.rotation.handed_in() is None, "it is not tried again every hour"


def test_a_version_under_way_is_nobody_s_to_hand_in() -> None:
    scene = Scene()
    token = scene.vault.register()
    scene.step("createSecret", token)
    assert scene.rotation.handed_in() is None
    assert scene.rotation.unfinished() == token
    scene.rotate(token)
    assert scene.rotation.unfinished() is None


def test_a_rotation_that_was_announced_and_never_begun_can_be_taken_up() -> None:
    scene = Scene()
    token = scene.vault.register()
    assert scene.rotation.unfinished() == token
    scene.rotate(token)
    assert scene.key in scene.openai.live
