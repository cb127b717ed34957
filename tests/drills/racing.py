"""One process of the race: many environments with many requests in flight, until everything is refused.

Started by `tests.drills.race` with its orders as JSON. It speaks in lines: it prints {"stuck": ...} when nothing is in
flight and every environment was refused, and then reads `again` or `finish`. What a provider would charge is written to
the journal before the provider would be called, so that a kill loses nothing that costs money.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.buckets import DynamoBucketStore
from sluice.aws.stores.counters import DynamoCounterStore
from sluice.errors import GatewayError, ProviderUnreachable
from sluice.governance.buckets import Admission, Buckets, Demand
from sluice.governance.lease import Need, Reservation
from sluice.governance.leases import Leases
from sluice.ports import Transport, UpstreamAnswer, UpstreamCall
from sluice.providers.transport import HttpTransport
from sluice.types.budgets import Rate

FAULTS = 0.02
"""The share of calls that is never sent, and the share whose answer is lost, and the share that arrives again later."""


class BrokenNetwork:
    """Loses calls and answers, and delivers copies of old calls at any later time."""

    def __init__(self, inner: Transport, dice: random.Random) -> None:
        self._inner = inner
        self._dice = dice
        self._late: list[UpstreamCall] = []
        self.calls = 0

    def send(self, call: UpstreamCall) -> UpstreamAnswer:
        roll = self._dice.random()
        if self._late and self._dice.random() < FAULTS:
            self._inner.send(self._late.pop(self._dice.randrange(len(self._late)))).read()
        if roll < FAULTS:
            raise ProviderUnreachable("the call was lost")
        self.calls += 1
        answer = self._inner.send(call)
        if roll < 2 * FAULTS:
            answer.read()
            raise ProviderUnreachable("the answer was lost")
        if roll < 3 * FAULTS:
            self._late.append(call)
        return answer


def dynamo(url: str, region: str, transport: Transport, pause: float = 1.0) -> DynamoClient:
    """Return the real client, against an emulator."""
    credentials = FixedCredentials(Credentials("test", "test"))
    return DynamoClient(
        transport, credentials, region=region, endpoint_url=url, sleep=lambda seconds: time.sleep(seconds * pause)
    )


@dataclass
class Flight:
    """A request between its reservation and its last byte."""

    leases: Leases
    reservation: Reservation
    cost: int
    lands: int


class Race:
    """The environments of this process."""

    def __init__(self, orders: dict[str, Any], journal: int) -> None:
        self.orders = orders
        self.dice = random.Random(orders["seed"])
        self.network = BrokenNetwork(HttpTransport(trusted=True), self.dice)
        self.store = DynamoCounterStore(dynamo(orders["url"], "us-east-1", self.network, 0.2), orders["table"])
        self.journal = journal
        self.environments = [
            Leases(
                self.store,
                region=orders["region"],
                regions=orders["regions"],
                environment=name,
                rebalance_seconds=1.0,
            )
            for name in orders["environments"]
        ]
        self.flights: list[Flight] = []
        self.served = self.refused = self.failed = self.dry = self.tick = 0

    def run(self) -> Iterator[None]:
        """Serve until everything is refused; yields each time that is so."""
        while True:
            waiting = {leases.environment: 0 for leases in self.environments}
            while waiting or self.flights:
                self.tick += 1
                self.land()
                ready = [each for each in self.environments if waiting.get(each.environment, self.tick) < self.tick]
                if ready and len(self.flights) < self.orders["in_flight"] and self.may_serve():
                    self.depart(self.dice.choice(ready), waiting)
                elif not self.may_serve():
                    waiting.clear()
            self.finish()
            yield

    def may_serve(self) -> bool:
        """Whether there are callers left."""
        return self.served < self.orders["requests"]

    def depart(self, leases: Leases, waiting: dict[str, int]) -> None:
        need, cost = self.request()
        try:
            found = leases.reserve([need])
        except GatewayError:
            self.failed += 1
            return
        if not isinstance(found, Reservation):
            self.refused += 1
            self.tend(leases)
            tries = waiting.get(leases.environment, 0)
            # A refused caller comes back while money may return, that is while requests are in flight anywhere here.
            if self.flights or tries == 0:
                waiting[leases.environment] = self.tick + self.dice.randint(300, 1_500)
            else:
                waiting.pop(leases.environment, None)
            return
        line = json.dumps({"holds": found.holds, "cost": cost}) + "\n"
        os.write(self.journal, line.encode())
        self.served += 1
        waiting[leases.environment] = 0
        self.flights.append(Flight(leases, found, cost, self.tick + self.dice.randint(1, self.orders["length"])))

    def request(self) -> tuple[Need, int]:
        cap = self.orders["cap"]
        worst = self.dice.randint(cap // 20_000, cap // self.orders["grain"])
        # Most requests cost much less than they might; one in ten costs all of it.
        cost = worst if self.dice.random() < 0.1 else int(worst * self.dice.random() ** 2)
        orders = self.orders
        return Need(orders["name"], worst, cap, strict=orders["strict"], shards=orders["shards"]), cost

    def land(self) -> None:
        due = [flight for flight in self.flights if flight.lands <= self.tick]
        self.flights = [flight for flight in self.flights if flight.lands > self.tick]
        for flight in due:
            flight.leases.settle(flight.reservation, flight.cost)
            self.tend(flight.leases)

    def tend(self, leases: Leases) -> None:
        self.failed += leases.maintain()

    def finish(self) -> None:
        """Return every lease, as after an idle minute."""
        for _ in range(5):
            if not sum([leases.maintain() + leases.shutdown() for leases in self.environments]):
                return

    def told(self) -> dict[str, int]:
        return {
            "served": self.served,
            "refused": self.refused,
            "failed": self.failed,
            "calls": self.network.calls,
        }


def spend(orders: dict[str, Any], journal: int) -> None:
    """Take part in the race for a budget."""
    race = Race(orders, journal)
    for _ in race.run():
        print(json.dumps(race.told()), flush=True)
        if sys.stdin.readline().strip() != "again":
            break
    print(json.dumps(race.told()), flush=True)


def hurry(orders: dict[str, Any], journal: int) -> None:
    """Take part in the race for a rate limit, for some seconds of real time."""
    dice = random.Random(orders["seed"])
    network = BrokenNetwork(HttpTransport(trusted=True), dice)
    client = dynamo(orders["url"], "us-east-1", network, 0.2)
    environments = [
        Buckets(
            DynamoBucketStore(client, orders["table"]),
            DynamoCounterStore(client, orders["table"]),
            region=orders["region"],
            regions=orders["regions"],
            environment=name,
        )
        for name in orders["environments"]
    ]
    rates = {"requests": Rate(*orders["requests"]), "output": Rate(*orders["output"])}
    admitted = refused = failed = 0
    until = time.time() + orders["seconds"]
    while time.time() < until:
        buckets = dice.choice(environments)
        units = dice.randint(1, orders["most"])
        demand = Demand(orders["name"], rates, {"requests": 1, "output": units}, shards=orders["shards"], arrears=False)
        try:
            found = buckets.admit([demand])
        except GatewayError:
            failed += 1
            continue
        if not isinstance(found, Admission):
            refused += 1
            time.sleep(min(found.wait or 0.001, 0.02) * dice.random())
            continue
        admitted += 1
        used = units if dice.random() < 0.7 else dice.randint(0, units)
        os.write(journal, f"{found.at} {used}\n".encode())
        buckets.settle(found, {"output": used})
        failed += buckets.maintain()
    told = {"served": admitted, "refused": refused, "failed": failed, "calls": network.calls}
    print(json.dumps(told), flush=True)


def main() -> None:
    """Do what the orders say."""
    orders = json.loads(sys.argv[1])
    journal = os.open(orders["journal"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    {"spend": spend, "hurry": hurry}[orders["what"]](orders, journal)


if __name__ == "__main__":
    main()
