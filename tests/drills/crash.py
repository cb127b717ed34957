"""Environments, the roll-up's consumers and the reconcile job are killed, over and over: do the books still agree?

    python -m tests.drills.crash [--rounds 200] [--seconds 240] [--seed N]

Real processes work on emulated AWS: environments that lease budget and leave ledger entries, two consumers of the
ledger's stream (each batch may come twice, at the same time), and the reconcile job. A round is one `kill -9` from
outside at a random moment; beside that every process may end itself, as if killed, right before or right after any of
its calls to AWS, and between the steps of a request. What is killed is started again. In the end everything is killed
once more, the jobs run until leases have lapsed, and then must hold:

* every request that was ever begun has exactly one ledger entry, and nothing else has one;
* every cell of the roll-up equals the sum of the ledger, to the nano-dollar;
* the counter equals the sum of the ledger, and nothing is held.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.drills.crashing import ROLES, World, judged
from tests.emulator import missing, started

ROUNDS = 200
SECONDS = 240.0
CAST = ("environment", "environment", "environment", "consumer", "consumer", "reconcile")
PAUSES = (0.02, 0.35)
"""Seconds between two kills."""


@dataclass
class Troupe:
    """The processes. `killed` counts what was killed from outside, `fallen` what ended itself, by role."""

    world: World
    chance: random.Random
    pids: dict[int, str] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)
    fallen: Counter[str] = field(default_factory=Counter)

    def start(self, role: str, *, mortal: bool = True) -> None:
        """Fork a process of a role. The parent has no threads and no connections that a child could share."""
        seed = self.chance.getrandbits(32)
        pid = os.fork()
        if pid:
            self.pids[pid] = role
            return
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            ROLES[role](self.world, random.Random(seed), mortal)
            code = 0
        except BaseException as error:
            sys.stderr.write(f"{role}: {type(error).__name__}: {error}\n")
        finally:
            os._exit(code)

    def kill(self, pid: int) -> None:
        """Kill a process and wait until it is gone."""
        role = self.pids.pop(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.killed[role] += 1

    def collect(self, *, mortal: bool = True) -> None:
        """Start again what has ended by itself."""
        for pid, role in list(self.pids.items()):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self.pids[pid]
                self.fallen[role] += 1
                self.start(role, mortal=mortal)

    def end(self) -> None:
        """Kill everything."""
        for pid in list(self.pids):
            self.kill(pid)


def play(world: World, rounds: int, seconds: float, seed: int) -> tuple[int, Troupe]:
    """Kill for so many rounds, or so long; then let the jobs finish. Return the rounds that were played."""
    troupe = Troupe(world, random.Random(seed))
    deadline = time.monotonic() + seconds
    played = 0
    try:
        for role in CAST:
            troupe.start(role)
        while played < rounds and time.monotonic() < deadline:
            _wait(troupe.chance.uniform(*PAUSES), troupe.collect)
            victim = troupe.chance.choice(sorted(troupe.pids))
            role = troupe.pids[victim]
            troupe.kill(victim)
            troupe.start(role)
            played += 1
    finally:
        troupe.end()
    _finish(world, troupe)
    return played, troupe


def _finish(world: World, troupe: Troupe) -> None:
    """Run the jobs, unkilled, until they have nothing left to do or that takes too long."""
    try:
        for role in ("consumer", "reconcile"):
            troupe.start(role, mortal=False)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not world.quiet():
            _wait(0.5, lambda: troupe.collect(mortal=False))
    finally:
        troupe.end()


def _wait(seconds: float, meanwhile: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        meanwhile()
        time.sleep(0.01)


def main() -> int:
    """Print what was killed and what the books say; 1 when they disagree."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="begin no round after that long")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    given = parser.parse_args()
    reason = missing()
    if reason is not None:
        print(f"the drill cannot run: {reason}", file=sys.stderr)
        return 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-crash-") as folder, started(Path(folder)) as emulator:
        world = World.made(emulator, Path(folder) / "logs")
        played, troupe = play(world, given.rounds, given.seconds, given.seed)
        figures, wrong = judged(world)
    for role in dict.fromkeys(CAST):
        print(f"{role:14} killed {troupe.killed[role]:5}   ended at a call or step {troupe.fallen[role]:5}")
    for name, value in figures.items():
        print(f"{name:32} {value}")
    for words in wrong:
        print(f"WRONG {words}")
    enough = played >= given.rounds or time.monotonic() - began >= given.seconds
    deaths = sum(troupe.killed.values()) + sum(troupe.fallen.values())
    summary = {"rounds": played, "deaths": deaths, "seed": given.seed, "seconds": round(time.monotonic() - began, 1)}
    print(json.dumps({**summary, **figures, "wrong": len(wrong), "bar": 0}))
    return 0 if enough and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
