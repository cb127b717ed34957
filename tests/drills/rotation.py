"""Provider keys rotate under traffic, in every way in which that can go: does any caller notice?

    python -m tests.drills.rotation [--short] [--callers 6]

The whole local stack serves callers who never stop asking; the provider takes live keys alone. The rotation function
drives its four steps against the emulated Secrets Manager, which has a replica in a second region:

* a rotation; then the first key, which a person had made, is deleted at once, while environments hold it;
* a rotation whose steps come twice and out of turn, after one that was given up in the middle;
* rotations that delete the key of the one before the last, while environments hold it;
* AWSCURRENT is put back and the new key deleted;
* an operator's key is staged and put in force, another provider's staged key is wrong, and the one before is deleted.

No request may fail, every request is charged once, and two keys are left alive.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3

from sluice.aws.rotation import RotationFunction
from sluice.control.rotation.failures import RotationStopped
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings
from tests.drills.chaos_books import entries_of
from tests.drills.faults import Drill
from tests.drills.rotating import USAGE, Crowd, Shifted, Vendor
from tests.fakes import Lines
from tests.stacks import Stack, missing, running
from tests.unit.control.rotation.fakes import ADMIN

DAY = 86_400
BETWEEN = 60
"""Answered requests between two events, so that every environment has seen the one before."""
REPLICA = "eu-west-1"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@dataclass
class Play:
    """A running stack, its vendor, its callers and the rotation function."""

    settings: Settings
    vendor: Vendor
    crowd: Crowd
    now: Shifted
    function: RotationFunction
    secrets: Any
    lines: Lines
    between: int = BETWEEN
    rotations: int = 0
    wrong: list[str] = field(default_factory=list)

    def value(self, label: str = "AWSCURRENT", **client: Any) -> dict[str, Any]:
        """Return what stands under a label."""
        found = (client.get("secrets") or self.secrets).get_secret_value(SecretId=self.name, VersionStage=label)
        return dict(json.loads(found["SecretString"]))

    @property
    def name(self) -> str:
        """The secret's."""
        return self.settings.provider_secret

    @property
    def key(self) -> str:
        """The current key."""
        return str(self.value()["openai"]["api_key"])

    def tell(self, words: str) -> None:
        """Let callers see what was done, then print how it went."""
        self.crowd.wait_for(self.between)
        refused, failed = self.vendor.counts["refused"], len(self.crowd.failed)
        print(f"{words:62} {self.crowd.asked:6} asked  {refused:4} keys refused  {failed:3} failed", flush=True)

    def rotate(self) -> None:
        """Take the four steps a month later."""
        self.now.ahead += 30 * DAY
        self.function({"sluice": "rotate"}, None)
        self.rotations += 1

    def step(self, step: str, token: str) -> None:
        """Take one step for a version that nobody announced."""
        self.function._step(step, token, registered=False)

    def stage(self, **entries: dict[str, str]) -> None:
        """Stage what an operator typed in."""
        text = json.dumps(entries)
        self.secrets.put_secret_value(SecretId=self.name, SecretString=text, VersionStages=["SLUICESTAGED"])

    def expect(self, holds: bool, words: str) -> None:
        """Note what is wrong."""
        if not holds:
            self.wrong.append(words)


def play(here: Play, *, short: bool) -> None:
    """Let everything happen that may happen to a key."""
    here.tell("with the key that a person made")
    here.rotate()
    here.tell("rotated: both keys are taken")
    here.vendor.revoke("sk-by-hand")
    here.tell("the first key was deleted while environments held it")
    if short:
        here.rotate()
        here.tell("rotated again")
        return
    out_of_turn(here)
    here.tell("rotated with steps twice, out of turn, after one given up")
    for _ in range(2):
        here.rotate()
        here.tell("rotated: the key before the last is deleted")
    put_back(here)
    here.tell("put back to the version before, and the new key deleted")
    by_hand(here)
    here.tell("an operator's key staged, tried, in force; the old one deleted")
    here.rotate()
    here.tell("rotated again")
    here.rotate()
    here.tell("and again")


def out_of_turn(here: Play) -> None:
    """Give one rotation up in the middle, and take the steps of the next one as they come."""
    here.now.ahead += 30 * DAY
    here.step("createSecret", str(uuid.uuid4()))
    here.now.ahead += DAY
    token = str(uuid.uuid4())
    for step in ("createSecret", "createSecret", "setSecret", "createSecret", "testSecret", "setSecret"):
        here.step(step, token)
    for step in ("finishSecret", "finishSecret", "testSecret", "createSecret"):
        here.step(step, token)
    here.rotations += 1


def put_back(here: Play) -> None:
    """Move AWSCURRENT back by hand, and delete the key that was current."""
    bad = here.key
    versions = here.secrets.describe_secret(SecretId=here.name)["VersionIdsToStages"]
    current, before = (
        next(version for version, labels in versions.items() if label in labels)
        for label in ("AWSCURRENT", "AWSPREVIOUS")
    )
    here.secrets.update_secret_version_stage(
        SecretId=here.name, VersionStage="AWSCURRENT", MoveToVersionId=before, RemoveFromVersionId=current
    )
    here.vendor.revoke(bad)


def by_hand(here: Play) -> None:
    """Stage a key of a person's for one provider and a wrong one for another."""
    before = here.key
    with here.vendor.lock:
        here.vendor.api.by_hand.add("sk-typed-in")
    here.now.ahead += 2 * DAY
    here.stage(openai={"api_key": "sk-typed-in"}, groq={"api_key": "gsk-mistyped"})
    here.function({"sluice": "rotate"}, None)
    here.rotations += 1
    here.expect(here.key == "sk-typed-in", "the staged key is not in force")
    here.expect("groq" not in here.value(), "a key that was never taken is in force")
    here.vendor.revoke(before)


def judge(here: Play, stack: Stack) -> dict[str, Any]:
    """Compare callers, vendor, ledger and secret; return the figures."""
    crowd, vendor = here.crowd, here.vendor
    entries: list[Any] = []
    end = time.monotonic() + 20
    while len(entries) < crowd.asked and time.monotonic() < end:
        time.sleep(0.2)
        entries = entries_of(here.settings.endpoint_url or "", here.settings.region, here.settings.table("ledger"))
    oks = [sum(attempt.outcome == "ok" for attempt in entry.attempts) for entry in entries]
    tokens = sum(entry.usage.input + entry.usage.output for entry in entries)
    most = max((len(entry.attempts) for entry in entries), default=0)
    here.expect(not crowd.failed, f"{len(crowd.failed)} requests failed: {crowd.failed[:3]}")
    here.expect(len(entries) == crowd.asked, f"{len(entries)} entries for {crowd.asked} requests")
    here.expect(set(oks) == {1}, "a request was answered more than once, or never")
    here.expect(tokens == USAGE["total_tokens"] * vendor.counts["taken"], "charged tokens differ from those given")
    here.expect(vendor.counts["refused"] > 0, "no key was ever stale: the drill showed nothing")
    here.expect(most <= 2, f"a request took {most} attempts")
    secondary = client(here.settings, REPLICA)
    replica = here.value(secrets=secondary) == here.value()
    here.expect(replica, "the replica holds another version")
    live = sorted(vendor.api.live)
    here.expect(len(live) == 2 and here.key in live, f"{len(live)} keys of rotations are alive")
    written = "".join(here.lines.written) + "".join(path.read_text() for path in stack.logs.glob("*.jsonl"))
    here.expect(not [key for key in (*live, ADMIN, "sk-typed-in") if key in written], "a key stands in a log line")
    return {
        "drill": "rotation",
        "requests": crowd.asked,
        "failed": len(crowd.failed),
        "rotations": here.rotations,
        "keys_refused": vendor.counts["refused"],
        "healed": len(crowd.healed),
        "most_attempts": most,
        "entries": len(entries),
        "live_keys": len(live),
        "replica_is_current": replica,
        "failures_told": sum("RotationFailed" in line for line in here.lines.written),
        "wrong": len(here.wrong),
    }


def client(settings: Settings, region: str) -> Any:
    """Return the emulated Secrets Manager of a region."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("secretsmanager", region_name=region, endpoint_url=settings.endpoint_url, **keys)


def prepared(stack: Stack, vendor: Vendor, crowd: Crowd, now: Shifted, transport: HttpTransport) -> Play:
    """Put the vendor's admin key into the secret, copy it to another region, and make the function."""
    openai = {
        "strategy": "openai_service_account",
        "project": "proj_1",
        "service_account": "user-1",
        "days": 30,
        "admin_url": vendor.url,
        "test_url": f"{vendor.url}/models",
    }
    options = {"providers": {"openai": openai}, "overlap_seconds": 1200}
    told = Drill(stack).settings()
    settings = replace(told, rotation=json.dumps(options), table_prefix="sluice-drill")
    secrets, lines = client(settings, settings.region), Lines()
    bundle = json.loads(secrets.get_secret_value(SecretId=settings.provider_secret)["SecretString"])
    bundle["openai"] = {"api_key": "sk-by-hand", "admin_key": ADMIN}
    secrets.put_secret_value(SecretId=settings.provider_secret, SecretString=json.dumps(bundle))
    secrets.replicate_secret_to_regions(SecretId=settings.provider_secret, AddReplicaRegions=[{"Region": REPLICA}])
    function = RotationFunction(settings, transport=transport, lines=lines, now=now, sleep=now.sleep)
    return Play(told, vendor, crowd, now, function, secrets, lines)


def run(folder: Path, *, short: bool, callers: int) -> tuple[dict[str, Any], list[str]]:
    """Play the whole drill; return the figures and what is wrong."""
    now, transport = Shifted(), HttpTransport(trusted=True)
    vendor = Vendor(now)
    environ = {"OPENAI_API_KEY": "sk-by-hand", "OPENAI_BASE_URL": vendor.url}
    with vendor.serving(), running(folder, **environ) as stack:
        crowd = Crowd(stack.url, stack.api_key, callers)
        here = prepared(stack, vendor, crowd, now, transport)
        here.between = BETWEEN // 2 if short else BETWEEN
        try:
            with crowd.asking():
                play(here, short=short)
        except RotationStopped as error:
            here.wrong.append(f"a rotation stopped: {error}")
        figures = judge(here, stack)
    transport.drop_connections()
    return figures, here.wrong


def main() -> int:
    """Print what happened and the figures; 1 when a caller noticed anything."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="two rotations only")
    parser.add_argument("--callers", type=int, default=6)
    given = parser.parse_args()
    reason = missing()
    if reason is not None:
        print(f"the drill cannot run: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="sluice-rotation-") as folder:
        figures, wrong = run(Path(folder), short=given.short, callers=given.callers)
    for name, value in figures.items():
        print(f"{name:20} {value}")
    for words in wrong:
        print(f"WRONG {words}")
    print(json.dumps(figures))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
