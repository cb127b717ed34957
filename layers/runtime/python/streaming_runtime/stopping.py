"""Being told to stop: SIGTERM (Lambda's shutdown phase, a local stack) and SIGINT.

While the loop waits for an event, it ends at once. During an invocation the first signal lets it finish, the second
cuts it short; work that follows the answer is done either way. The exit status is 0.
"""

from __future__ import annotations

import signal
import sys


class Stopping:
    """`waiting` is set by the loop around its wait for an event; `requested` says that a signal came."""

    def __init__(self) -> None:
        self.waiting = False
        self.requested = False

    def listen(self) -> None:
        """Take both signals over, but for those that the handler's module has taken itself."""
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: object) -> None:
        if self.waiting or self.requested:
            sys.exit(0)
        self.requested = True
