"""Tokens in memory: handed out while they live, minted again before they end, dropped when a provider refuses one.

Renewal runs after answers (`renew`), so a request waits for a token only when none is held: the first time, after a
pause longer than a token's life, and after a refusal. A failure is remembered for a moment, so that requests fall over
to the next deployment at once instead of waiting for the same token endpoint one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sluice.errors import ProviderError
from sluice.providers.tokens import Order, Token, TokenFailed, mint

RENEW_AT = 0.75
"""The share of its life after which a token is renewed."""
MARGIN_SECONDS = 60.0
"""A token is not handed out this close to its end (at most a tenth of its life): the call must still arrive."""
FAILURE_SECONDS = 10.0
"""How long a failure stands for the next requests."""
DROP_SPACING = 15.0
"""Seconds between two drops: a refusal that a new token does not cure must not cost an exchange for every request."""

Key = tuple[str, str, str, str]


class TokenCache:
    """Tokens by provider, address, way in and region. `now` gives epoch seconds, for environments are frozen."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entries: dict[Key, _Entry] = {}
        self._dropped: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"TokenCache({len(self._entries)} entries)"

    def token(self, order: Order) -> str:
        """Return a token that is good for a call that starts now. Raises ProviderError."""
        key = (order.provider.name, order.provider.base_url, order.auth.scheme, order.region)
        entry = self._entries.get(key)
        if entry is None or entry.order.held != order.held or entry.order.auth != order.auth:
            entry = self._entries[key] = _Entry(order)
        text = entry.text(self._now())
        entry.used = True
        return text

    def drop(self, provider: str, refused: Collection[str] = ()) -> bool:
        """Forget the provider's tokens, as after a 401; False when there were none, or it was done just now.

        `refused` are the words that the provider did not take: where none of them is a token that is still held,
        another call has dropped it already, and True says that there is something else to show.
        """
        now = self._now()
        held = [key for key, entry in self._entries.items() if key[0] == provider and entry.token is not None]
        if refused and provider in self._dropped and not any(self._holds(key, refused) for key in held):
            return True
        if not held or 0 <= now - self._dropped.get(provider, float("-inf")) < DROP_SPACING:
            return False
        self._dropped[provider] = now
        for key in held:
            self._entries.pop(key, None)
        return True

    def _holds(self, key: Key, words: Collection[str]) -> bool:
        token = self._entries[key].token
        return token is not None and token.text in words

    def renew(self, held: Callable[[str], Mapping[str, str]]) -> None:
        """Mint again what is in use and past most of its life. Raises the last ProviderError, once all were tried."""
        failure: ProviderError | None = None
        now = self._now()
        for key, entry in list(self._entries.items()):
            if entry.over(now) and not entry.used:  # nobody asked since it was minted
                self._entries.pop(key, None)
                continue
            if entry.used and entry.ageing(now):
                entry.order = entry.order.with_held(held(key[0]))
                failure = entry.renewed(now) or failure
        if failure is not None:
            raise failure


class _Entry:
    """One token and what it is minted from."""

    __slots__ = ("blocked_until", "failure", "order", "token", "used")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.token: Token | None = None
        self.failure: ProviderError | None = None
        self.blocked_until = 0.0
        self.used = False

    def text(self, now: float) -> str:
        """Return the token, minted when none is good. Raises ProviderError."""
        if self.token is not None and now < _last_start(self.token):
            return self.token.text
        failure = self.renewed(now)
        if self.token is not None and (failure is None or now < self.token.expires_at):
            return self.token.text
        raise failure or TokenFailed(self.order.provider.name, "none was minted.")

    def renewed(self, now: float) -> ProviderError | None:
        """Mint a token; return why there is none."""
        if self.failure is not None and 0 <= self.blocked_until - now <= FAILURE_SECONDS:
            return _again(self.failure)
        try:
            self.token, self.failure = mint(self.order), None
            self.used = False
        except ProviderError as error:
            self.failure, self.blocked_until = error, now + FAILURE_SECONDS
        return self.failure

    def ageing(self, now: float) -> bool:
        """Return whether most of the token's life is over."""
        token = self.token
        return token is not None and now >= token.minted_at + (token.expires_at - token.minted_at) * RENEW_AT

    def over(self, now: float) -> bool:
        """Return whether nothing is held that could be used."""
        return self.token is None or now >= self.token.expires_at


def _last_start(token: Token) -> float:
    return token.expires_at - min(MARGIN_SECONDS, (token.expires_at - token.minted_at) / 10)


def _again(failure: ProviderError) -> ProviderError:
    """Return a fresh copy: an exception that is raised twice keeps growing its traceback."""
    copy = ProviderError(
        failure.message, provider_status=failure.provider_status, kind=failure.kind, provider=failure.provider
    )
    copy.error_code = failure.error_code
    return copy
