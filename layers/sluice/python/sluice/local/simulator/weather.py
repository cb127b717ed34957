"""Weather: faults that meet any request by chance, and the simulator's own count of what it answered.

`PUT /weather {"seed": 7, "mix": [{"share": 0.3, "directive": "status=429"}, {"share": 0.02, "directive": "hang"}]}`
lets each call draw at most one directive; the shares are parts of 1, and what they leave is fair weather. The draws
follow from the seed and the order of the calls. An empty mix ends it. `GET /tally` counts model calls since the start:
`whole` (an answer to its last byte), `broken` (an answer that was cut, garbled or told an error), `left` (the caller
hung up first) and each error status.
"""

from __future__ import annotations

import json
import random
from collections import Counter

from sluice.local.simulator.directives import parse


class Weather:
    """The weather of one simulator, fair at first."""

    def __init__(self) -> None:
        self.tally: Counter[str] = Counter()
        self._dice = random.Random(0)  # noqa: S311 - it decides about faults
        self._mix: list[tuple[float, str]] = []

    def change(self, body: bytes) -> None:
        """Take over a forecast. Raises ValueError for one that cannot be read."""
        try:
            told = json.loads(body)
            mix = [(float(part["share"]), str(part["directive"])) for part in told["mix"]]
            seed = int(told.get("seed", 0))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"The weather needs 'mix', a list of 'share' and 'directive': {error!r}") from None
        for _, directive in mix:
            parse(directive)
        if sum(share for share, _ in mix) > 1.0001:
            raise ValueError("The shares of the mix add up to more than 1.")
        self._dice, self._mix = random.Random(seed), mix  # noqa: S311

    def draw(self) -> list[str]:
        """Return the directive that meets the next call, none in fair weather."""
        if not self._mix:
            return []
        point = self._dice.random()
        for share, directive in self._mix:
            point -= share
            if point < 0:
                return [directive]
        return []
