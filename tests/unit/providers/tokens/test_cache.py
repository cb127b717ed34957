"""Tokens are kept while they live, renewed behind the answers, dropped after a refusal, and failures are remembered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sluice.errors import ProviderError
from sluice.providers.tokens import Token
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import NOON, Answer, Authority, Gateway, Received, authority

HELD = {"client_id": "client", "client_secret": "secret-1", "token_url": ""}
OAUTH = Auth("oauth")


class Issuer:
    """Numbers its tokens; refuses a secret that is not the one in force; may be out of order."""

    def __init__(self, seconds: int = 3600) -> None:
        self.seconds = seconds
        self.issued = 0
        self.status = 200
        self.secret = "secret-1"

    def __call__(self, request: Received) -> Answer:
        if self.status != 200:
            return self.status, {"error": "temporarily_unavailable"}
        from base64 import b64decode

        sent = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        if sent != f"client:{self.secret}":
            return 401, {"error": "invalid_client"}
        self.issued += 1
        return 200, {"access_token": f"token-{self.issued}", "expires_in": self.seconds}


def gateway(server: Authority, issuer: Callable[[Received], Answer]) -> Gateway:
    server.answers["/token"] = issuer
    return Gateway(OAUTH, {**HELD, "token_url": f"{server.url}/token"})


def test_one_token_serves_many_calls_until_shortly_before_its_end() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        assert here.bearer() == here.bearer() == "token-1"
        here.clock.now = NOON + 3600 - 61
        assert here.bearer() == "token-1"
        here.clock.now = NOON + 3600 - 59
        assert here.bearer() == "token-2"
    assert issuer.issued == 2


def test_a_short_token_is_used_for_nine_tenths_of_its_life() -> None:
    with authority() as server:
        here = gateway(server, Issuer(seconds=100))
        assert here.bearer() == "token-1"
        here.clock.now = NOON + 89
        assert here.bearer() == "token-1"
        here.clock.now = NOON + 91
        assert here.bearer() == "token-2"


def test_renewal_behind_the_answer_spares_the_next_call_the_wait() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        here.credentials.renew()
        assert here.bearer() == "token-1"
        here.clock.now = NOON + 2600
        here.credentials.renew()
        assert issuer.issued == 1, "three quarters of its life are not over"
        here.clock.now = NOON + 2800
        here.credentials.renew()
        assert issuer.issued == 2
        assert here.bearer() == "token-2"
    assert issuer.issued == 2


def test_a_token_that_nobody_uses_is_not_renewed_for_ever() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        here.bearer()
        for hour in range(1, 6):
            here.clock.now = NOON + hour * 3000
            here.credentials.renew()
    assert issuer.issued == 2


def test_a_failed_renewal_is_reported_and_the_token_in_hand_still_serves() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        here.bearer()
        issuer.status = 503
        here.clock.now = NOON + 3000
        with pytest.raises(ProviderError, match="cannot serve"):
            here.credentials.renew()
        assert here.bearer() == "token-1"
        here.clock.now = NOON + 3590
        assert here.bearer() == "token-1", "nothing better is to be had"
        here.clock.now = NOON + 3601
        with pytest.raises(ProviderError) as caught:
            here.bearer()
        assert caught.value.kind == "connection"


def test_after_a_401_the_token_is_minted_again_once() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        assert here.bearer() == "token-1"
        assert here.credentials.refresh("acme")
        assert here.bearer() == "token-2"
        assert not here.credentials.refresh("acme"), "what a new token did not cure, another will not"
        assert here.bearer() == "token-2"
        here.clock.now += 16
        assert here.credentials.refresh("acme")
        assert here.bearer() == "token-3"
    assert issuer.issued == 3


def test_a_refusal_before_any_token_was_minted_changes_nothing() -> None:
    with authority() as server:
        here = gateway(server, Issuer())
        assert not here.credentials.refresh("acme")
        here.bearer()
        assert not here.credentials.refresh("another")


def test_a_rotated_secret_is_used_at_once() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        assert here.bearer() == "token-1"
        issuer.secret = "secret-2"
        here.vault.next = {"acme": {**here.held, "client_secret": "secret-2"}}
        assert here.credentials.refresh("acme")
        assert here.bearer() == "token-2"


def test_a_failure_stands_for_a_moment_so_that_calls_fall_over_at_once() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        issuer.status = 500
        failures = []
        for _ in range(3):
            with pytest.raises(ProviderError) as caught:
                here.bearer()
            failures.append((caught.value.message, caught.value.kind, caught.value.error_code))
        assert len(set(failures)) == 1
        assert len(server.received) == 1
        issuer.status = 200
        here.clock.now += 11
        assert here.bearer() == "token-1"


def test_a_wrong_secret_is_tried_again_as_soon_as_it_was_replaced() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        issuer.secret = "secret-2"
        with pytest.raises(ProviderError):
            here.bearer()
        here.vault.bundle = {"acme": {**here.held, "client_secret": "secret-2"}}
        assert here.bearer() == "token-1"


def test_each_region_has_a_token_of_its_own() -> None:
    from sluice.providers.auth import Outgoing

    with authority() as server:
        here = gateway(server, Issuer())
        call = Outgoing("POST", "https://api.example.com/", {}, b"")
        sent = [
            here.credentials.authorize(call, here.provider, region)[1]["authorization"]
            for region in ("us-east-1", "", "us-east-1", "")
        ]
    assert sent == ["Bearer token-1", "Bearer token-2", "Bearer token-1", "Bearer token-2"]


def test_a_clock_that_was_set_back_does_not_keep_a_failure_for_ever() -> None:
    with authority() as server:
        here = gateway(server, issuer := Issuer())
        issuer.status = 500
        with pytest.raises(ProviderError):
            here.bearer()
        issuer.status = 200
        here.clock.now -= 3600
        assert here.bearer() == "token-1"


def test_no_token_shows_in_a_representation() -> None:
    with authority() as server:
        here = gateway(server, Issuer())
        here.bearer()
        shown = f"{here.credentials!r} {here.credentials._tokens!r} {Token('token-1', 0, 1)!r}"
    assert "token-1" not in shown
    assert "secret-1" not in shown
