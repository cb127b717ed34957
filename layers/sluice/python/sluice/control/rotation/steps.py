"""The four steps of a rotation, each of which may come twice, end in the middle, or come while another one runs.

    createSecret   make what is due, try it, and write the next version with what works
    setSecret      see to it that vendors take what is in it
    testSecret     try what is new in it once more
    finishSecret   make it current; delete keys that are out of use

One secret holds all providers, so a version is made of what each provider's strategy has to give. A provider that
fails keeps the key it has, and the others go on. A version that turns out to be wrong is given up: its label is taken
away, so that the next rotation starts afresh instead of trying the same value for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sluice.control.rotation.due import due
from sluice.control.rotation.failures import RotationFailed, RotationStopped
from sluice.control.rotation.openai_keys import KEY_ID
from sluice.control.rotation.options import RotationOptions
from sluice.control.rotation.trial import Trial
from sluice.control.rotation.versions import (
    CURRENT,
    NOTES,
    PENDING,
    PREVIOUS,
    STAGED,
    Document,
    Overview,
    SecretVersions,
    changed,
    entries,
)
from sluice.errors import GatewayError

ROTATED_AT = "rotated_at"
"""The member of an entry that says since when it is so: epoch seconds."""
PATIENCE_SECONDS = 6 * 3600
"""How long a version waits for a vendor that is down; after that it is given up, so that the others can go on."""
Step = Literal["createSecret", "setSecret", "testSecret", "finishSecret"]
Outcome = Literal["changed", "waiting", "failed", "retired", "current", "given_up"]
Entry = Mapping[str, str]


class Strategy(Protocol):
    """How one provider's key changes. Every function may raise RotationFailed."""

    def renew(self, entry: Entry, token: str) -> dict[str, str]:
        """Return the entry with a new key, good from now on; the old one stays good."""

    def assure(self, current: Entry, entry: Entry) -> None:
        """See to it that the vendor takes the entry."""

    def discard(self, entry: Entry) -> None:
        """Delete at the vendor what is not going to be used."""

    def retire(self, entry: Entry, kept: Collection[str], before: float) -> int:
        """Delete keys that are out of use since before that moment, and return how many."""


@dataclass(frozen=True)
class Told:
    """One thing that happened, for the log; without a secret."""

    step: str
    outcome: Outcome
    provider: str = ""
    words: str = ""


@dataclass
class _Making:
    """A version under way."""

    document: Document
    made: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


class Rotation:
    """Rotates one secret.

    `strategy` returns how a provider's key changes by itself, None where an operator changes it. `now` gives epoch
    seconds, `tell` takes what happened.
    """

    def __init__(
        self,
        secret: SecretVersions,
        options: RotationOptions,
        strategy: Callable[[str], Strategy | None],
        trial: Trial,
        *,
        now: Callable[[], float],
        tell: Callable[[Told], None],
    ) -> None:
        self._secret = secret
        self._options = options
        self._strategy = strategy
        self._trial = trial
        self._now = now
        self._tell = tell

    def run(self, step: Step, token: str, *, registered: bool = True) -> None:
        """Take one step for the version `token`.

        `registered`: Secrets Manager has announced the version by a label, as it always does; who drives the steps by
        hand cannot. Raises RotationStopped when the rotation must not go on.
        """
        seen = self._secret.overview()
        is_current = seen.carries(token, CURRENT)
        if not is_current and not seen.carries(token, PENDING) and (registered or step != "createSecret"):
            raise RotationStopped(f"Version {token[:8]} is not pending; there is nothing to do for {step}.")
        if step == "finishSecret":
            self._finish(token, seen)
        elif not is_current:
            {"createSecret": self._create, "setSecret": self._set, "testSecret": self._test}[step](token, seen)

    def unfinished(self) -> str | None:
        """Return the version that a rotation has begun and not ended, or an operator put there, None for none."""
        labels = self._secret.overview().labels.items()
        return next((version for version, those in labels if _waits(those)), None)

    def handed_in(self) -> str | None:
        """Return a whole version that an operator has put under AWSPENDING, None when there is none."""
        for version, labels in self._secret.overview().labels.items():
            held = self._secret.read(version) if _waits(labels) else None
            if held is not None and NOTES not in held[0]:
                return version
        return None

    def _create(self, token: str, seen: Overview) -> None:
        if self._secret.read(token) is not None:
            return
        current = seen.labelled(CURRENT)
        held = self._secret.read(current) if current else None
        document, since = held if held is not None else ({}, self._now())
        staged_version = seen.labelled(STAGED)
        staged = self._secret.read(staged_version) if staged_version else None
        wanted = entries(staged[0]) if staged is not None else {}
        making = _Making({**document, NOTES: {"base": current, "staged": staged_version if staged else None}})
        for name in sorted({*entries(document), *wanted}):
            self._renew(name, token, making, wanted.get(name), since)
        if making.failed and not making.made:
            self._give_up(token, "createSecret", seen)
            raise RotationStopped(f"No key was changed: {', '.join(making.failed)} failed.")
        if not self._secret.put(token, making.document):
            # A second copy of this step was faster, and its keys are the ones in force.
            for name, entry in making.made.items():
                self._discard(name, entry)

    def _renew(self, name: str, token: str, making: _Making, staged: Entry | None, since: float) -> None:
        held = entries(making.document).get(name, {})
        strategy = None if staged is not None else self._strategy(name)
        state = due(name, held, self._options, since=since, now=self._now())
        if staged is None and (strategy is None or state.kind != "due"):
            if state.kind == "overdue":
                self._tell(Told("createSecret", "waiting", name, state.words))
            return
        made: dict[str, str] | None = None
        try:
            if staged is None and strategy is not None:
                made = strategy.renew(held, token)
            entry = {**(made or _staged(held, staged or {})), ROTATED_AT: str(int(self._now()))}
            self._trial(name, entry, getattr(self._options.of(name), "test_url", ""))
        except Exception as error:  # one provider's trouble, whatever it is, must not keep the others' keys old
            making.failed.append(name)
            self._failed("createSecret", name, error)
            if made is not None:
                self._discard(name, made)
            return
        making.document[name] = {**_rest(making.document.get(name)), **entry}
        making.made[name] = entry
        self._tell(Told("createSecret", "changed", name, "an operator's" if staged is not None else "a new one"))

    def _set(self, token: str, seen: Overview) -> None:
        for name, old, new in self._differences(token, seen):
            strategy = self._strategy(name)
            if strategy is not None:
                try:
                    strategy.assure(old, new)
                except Exception as error:
                    self._failed("setSecret", name, error)
                    raise self._stopped(token, "setSecret", name, error, seen) from None

    def _test(self, token: str, seen: Overview) -> None:
        for name, _, new in self._differences(token, seen):
            try:
                self._trial(name, new, getattr(self._options.of(name), "test_url", ""))
            except Exception as error:
                self._failed("testSecret", name, error)
                raise self._stopped(token, "testSecret", name, error, seen) from None

    def _finish(self, token: str, seen: Overview) -> None:
        held = self._secret.read(token)
        if held is None:
            raise RotationStopped(f"Version {token[:8]} has no value; its createSecret never ended.")
        document = held[0]
        notes = document.get(NOTES) or {}
        current = seen.labelled(CURRENT)
        if current != token:
            if notes and current != notes.get("base"):
                self._give_up(token, "finishSecret", seen)
                raise RotationStopped("The secret was changed by hand meanwhile; the next rotation begins from that.")
            self._secret.promote(token, current)
            self._tell(Told("finishSecret", "current", words=f"version {token[:8]}"))
            if current is not None and seen.carries(current, PENDING):
                self._secret.unlabel(PENDING, current)  # a label is on one version; emulators forget that
        staged = notes.get("staged")
        if staged and seen.carries(staged, STAGED):
            self._secret.unlabel(STAGED, staged)
        self._retire(document, seen)

    def _retire(self, document: Document, seen: Overview) -> None:
        """Delete keys that no version names any more and that no environment can hold."""
        before = self._now() - self._options.overlap_seconds
        if seen.rotated_at is not None and seen.rotated_at > before:
            return  # keys that went out of use with the last rotation may still be in an environment's memory
        fresh = self._secret.overview()
        versions = [fresh.labelled(label) for label in (CURRENT, PREVIOUS)]
        documents = [read[0] for read in (self._secret.read(each) for each in versions if each) if read is not None]
        for name, entry in entries(document).items():
            strategy = self._strategy(name)
            if strategy is None:
                continue
            if not entry.get(KEY_ID):
                continue  # a key whose name nobody knows is in use; it could be any of them
            kept = {known for each in documents if (known := entries(each).get(name, {}).get(KEY_ID))}
            try:
                gone = strategy.retire(entry, kept, before)
            except Exception as error:  # the new key is in force; what was left is deleted next time
                self._failed("finishSecret", name, error)
            else:
                if gone:
                    self._tell(Told("finishSecret", "retired", name, f"{gone} deleted"))

    def _differences(self, token: str, seen: Overview) -> list[tuple[str, Entry, Entry]]:
        """Return name, current and pending entry of each provider that the pending version changes."""
        held = self._secret.read(token)
        if held is None:
            return []  # Secrets Manager tries a new schedule out with a version that has no value
        current = seen.labelled(CURRENT)
        base = self._secret.read(current) if current else None
        old, new = entries(base[0]) if base is not None else {}, entries(held[0])
        return [(name, old.get(name, {}), new[name]) for name in changed(old, new)]

    def _stopped(self, token: str, step: str, name: str, error: Exception, seen: Overview) -> RotationStopped:
        held = self._secret.read(token)
        waited = 0.0 if held is None else self._now() - held[1]
        if (isinstance(error, RotationFailed) and error.final) or waited > PATIENCE_SECONDS:
            self._give_up(token, step, seen)
        return RotationStopped(f"{step} failed for {name}; its log line says why.")

    def _give_up(self, token: str, step: str, seen: Overview) -> None:
        if seen.carries(token, PENDING):
            self._secret.unlabel(PENDING, token)
        self._tell(Told(step, "given_up", words=f"version {token[:8]}"))

    def _discard(self, name: str, entry: Entry) -> None:
        strategy = self._strategy(name)
        try:
            if strategy is not None:
                strategy.discard(entry)
        except Exception as error:  # it is named as ours and referred to by nothing: a later rotation deletes it
            self._failed("createSecret", name, error)

    def _failed(self, step: str, name: str, error: Exception) -> None:
        words = f"{type(error).__name__}."  # the words of anything else may hold what was sent
        if isinstance(error, RotationFailed):
            words = error.problem
        elif isinstance(error, GatewayError):
            words = error.message
        self._tell(Told(step, "failed", name, words))


def _waits(labels: Collection[str]) -> bool:
    return PENDING in labels and CURRENT not in labels and PREVIOUS not in labels


def _staged(held: Entry, staged: Entry) -> dict[str, str]:
    """Return the entry with what an operator staged; a key that was typed in is none that a strategy may delete."""
    return {n: v for n, v in held.items() if n != KEY_ID or "api_key" not in staged} | dict(staged)


def _rest(entry: object) -> Document:
    """Return the members of an entry that are no texts, which a rotation leaves as they are."""
    return {n: v for n, v in entry.items() if not isinstance(v, str)} if isinstance(entry, dict) else {}
