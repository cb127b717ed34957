"""Virtual keys: found, refused, cached, revoked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import AuthenticationFailed, PermissionDenied
from sluice.governance.authentication import (
    CACHE_SIZE,
    FRESH_SECONDS,
    GRACE_SECONDS,
    REFRESH_SECONDS,
    Authenticator,
    digest_of,
    presented_key,
    tags_of,
)
from sluice.types.tenancy import VirtualKey

PEPPER = b"pepper"
TEXT = "sk-sluice-" + "abcdefghijkl" + "S" * 32


class Keys:
    def __init__(self, *keys: VirtualKey) -> None:
        self.stored = {key.id: key for key in keys}
        self.reads = 0
        self.broken = False

    def find(self, key_id: str) -> VirtualKey | None:
        self.reads += 1
        if self.broken:
            raise RuntimeError("throttled")
        return self.stored.get(key_id)


class Now:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


def key(**changes: object) -> VirtualKey:
    values: dict[str, object] = {"id": "abcdefghijkl", "team": "search", "name": "n", "digest": digest_of(TEXT, PEPPER)}
    return VirtualKey(**{**values, **changes})  # type: ignore[arg-type]


def authenticator(store: Keys, now: Now | None = None) -> Authenticator:
    return Authenticator(store, lambda: PEPPER, now or Now())


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {TEXT}"},
        {"authorization": f"bearer  {TEXT} "},
        {"x-api-key": TEXT},
        {"authorization": "Bearer something-else", "x-api-key": TEXT},
        {"authorization": f"Bearer {TEXT}", "x-api-key": "sk-other"},
    ],
)
def test_a_key_is_taken_from_either_header(headers: dict[str, str]) -> None:
    assert authenticator(Keys(key())).authenticate(headers).team == "search"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "No API key was sent"),
        ({"authorization": "Basic abc"}, "No API key was sent"),
        ({"x-api-key": "sk-proj-123"}, "not a key of this gateway"),
        ({"x-api-key": TEXT + "x"}, "malformed"),
        ({"x-api-key": TEXT[:-1] + "é"}, "malformed"),
        ({"x-api-key": "sk-sluice-" + "zzzzzzzzzzzz" + "S" * 32}, "not known"),
        ({"x-api-key": TEXT[:-1] + "T"}, "not known"),
    ],
)
def test_a_bad_key_is_refused_and_never_quoted(headers: dict[str, str], said: str) -> None:
    with pytest.raises(AuthenticationFailed, match=said) as caught:
        authenticator(Keys(key())).authenticate(headers)
    for value in headers.values():
        assert value not in caught.value.message


def test_keys_that_share_a_beginning_are_told_apart() -> None:
    checked = authenticator(Keys(key()))
    checked.authenticate({"x-api-key": TEXT})
    with pytest.raises(AuthenticationFailed):
        checked.authenticate({"x-api-key": TEXT[:40] + "T" * (len(TEXT) - 40)})


def test_an_expired_or_revoked_key_is_refused_with_its_id() -> None:
    with pytest.raises(AuthenticationFailed, match="abcdefghijkl was revoked"):
        authenticator(Keys(key(revoked_ms=1))).authenticate({"x-api-key": TEXT})
    with pytest.raises(AuthenticationFailed, match="abcdefghijkl has expired"):
        authenticator(Keys(key(expires_ms=1))).authenticate({"x-api-key": TEXT})


def test_a_key_without_the_scope_is_refused() -> None:
    with pytest.raises(PermissionDenied, match="'admin' scope"):
        authenticator(Keys(key())).authenticate({"x-api-key": TEXT}, scope="admin")


def test_a_warm_key_needs_no_read_and_an_old_one_is_read_after_the_answer() -> None:
    store, now = Keys(key()), Now()
    checked = authenticator(store, now)
    for _ in range(5):
        checked.authenticate({"x-api-key": TEXT})
    assert store.reads == 1
    checked.refresh()
    assert store.reads == 1
    now.seconds += REFRESH_SECONDS + 1
    checked.authenticate({"x-api-key": TEXT})
    assert store.reads == 1
    checked.refresh()
    assert store.reads == 2


def test_a_revocation_takes_effect_within_a_minute() -> None:
    store, now = Keys(key()), Now()
    checked = authenticator(store, now)
    checked.authenticate({"x-api-key": TEXT})
    store.stored["abcdefghijkl"] = key(revoked_ms=1)
    now.seconds += FRESH_SECONDS + 0.1
    with pytest.raises(AuthenticationFailed, match="revoked"):
        checked.authenticate({"x-api-key": TEXT})
    assert FRESH_SECONDS < 60


def test_an_unknown_key_is_remembered_so_that_guessing_is_cheap() -> None:
    store = Keys()
    checked = authenticator(store)
    for _ in range(3):
        with pytest.raises(AuthenticationFailed):
            checked.authenticate({"x-api-key": TEXT})
    assert store.reads == 1


def test_a_known_key_survives_an_outage_of_the_store_for_a_while() -> None:
    store, now = Keys(key()), Now()
    checked = authenticator(store, now)
    checked.authenticate({"x-api-key": TEXT})
    store.broken = True
    now.seconds += FRESH_SECONDS + 1
    assert checked.authenticate({"x-api-key": TEXT}).team == "search"
    now.seconds += GRACE_SECONDS
    with pytest.raises(RuntimeError):
        checked.authenticate({"x-api-key": TEXT})


def test_the_cache_does_not_grow_without_end() -> None:
    checked = authenticator(Keys())
    for number in range(CACHE_SIZE + 50):
        letters = "".join(chr(97 + (number // 26**place) % 26) for place in range(12))
        with pytest.raises(AuthenticationFailed):
            checked.authenticate({"x-api-key": "sk-sluice-" + letters + "S" * 32})
    assert len(checked._known) == CACHE_SIZE


def test_tags_are_read_leniently() -> None:
    assert tags_of("team=search, env = prod,odd,=x,y=") == (("team", "search"), ("env", "prod"))
    assert len(tags_of(",".join(f"k{n}=v" for n in range(99)))) == 16


@given(st.dictionaries(st.sampled_from(["authorization", "x-api-key"]), st.text(max_size=80)))
def test_any_header_is_a_key_or_a_clear_refusal(headers: dict[str, str]) -> None:
    try:
        text = presented_key(headers)
    except AuthenticationFailed:
        return
    assert text.startswith("sk-sluice-")


@pytest.mark.parametrize(
    ("models", "names", "allowed"),
    [
        ((), ("anything",), True),
        (("openai/*",), ("openai/gpt-4o",), True),
        (("openai/*",), ("anthropic/claude",), False),
        (("gpt-4o",), ("openai/gpt-4o", "gpt-4o"), True),
        (("gpt-4o",), ("gpt-4o-mini",), False),
    ],
)
def test_the_allow_list_knows_names_and_prefixes(
    models: tuple[str, ...], names: tuple[str, ...], allowed: bool
) -> None:
    assert key(models=models).allows(*names) is allowed
