"""The live configuration in memory, renewed after answers so that no warm request waits for it."""

from __future__ import annotations

from collections.abc import Callable

from sluice.errors import NoHealthyUpstream
from sluice.ports import ConfigurationStore
from sluice.types.routes import Configuration

FRESH_SECONDS = 60.0
REFRESH_SECONDS = 20.0


class ConfigurationSnapshot:
    """Holds one configuration version; `now` gives epoch seconds.

    `current` reads the pointer itself only when nothing was loaded yet or the environment slept for longer than
    `FRESH_SECONDS`; when that read fails, the version in hand stays in force.
    """

    def __init__(self, store: ConfigurationStore, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._configuration: Configuration | None = None
        self._checked = 0.0

    def current(self) -> Configuration:
        """Return the live configuration. Raises NoHealthyUpstream when none can be had at all."""
        held = self._configuration
        if held is not None and self._now() - self._checked <= FRESH_SECONDS:
            return held
        try:
            return self._renew()
        except Exception:
            if held is None:
                raise
            # Asking again for every request would make a slow table slower.
            self._checked = self._now() - FRESH_SECONDS + REFRESH_SECONDS / 2
            return held

    def refresh(self) -> None:
        """Look for a new version when the last look is old enough."""
        if self._now() - self._checked > REFRESH_SECONDS:
            self._renew()

    def _renew(self) -> Configuration:
        version = self._store.current_version()
        held = self._configuration
        if version is None:
            if held is None:
                raise NoHealthyUpstream(
                    "No configuration is live yet. Publish one with 'sluice config publish FILE' or the admin API."
                )
        elif held is None or held.version != version:
            held = self._store.load(version)
            self._configuration = held
        self._checked = self._now()
        assert held is not None  # noqa: S101 - both branches above set it
        return held
