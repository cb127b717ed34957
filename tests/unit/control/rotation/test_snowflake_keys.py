"""Two slots for public keys take turns, and the pair in use always stays."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sluice.control.rotation.calls import Vendor
from sluice.control.rotation.failures import RotationFailed
from sluice.control.rotation.options import KeyPair
from sluice.control.rotation.snowflake_keys import SLOTS, SnowflakeKeys
from sluice.providers.registry import Registry
from sluice.providers.tokens import Order
from sluice.providers.tokens.jwt import fingerprint, private_key
from tests.fakes import Scripted, ScriptedTransport

ALTER = re.compile(r"ALTER USER \"GATE\"\"WAY\" SET (RSA_PUBLIC_KEY(?:_2)?)='([A-Za-z0-9+/=]+)'")


def pem() -> str:
    made = generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def order(entry: Mapping[str, str]) -> Order:
    provider = Registry().provider("snowflake_cortex")
    assert provider is not None
    return Order(provider, provider.auth, entry, ScriptedTransport(Scripted()), lambda: 1_800_000_000.0)


def print_of(text: str) -> str:
    return fingerprint(private_key(order({}), text))


class Account:
    """The SQL API of an account with one user; a token is taken when its pair stands in a slot."""

    def __init__(self, first: str) -> None:
        self.slots = {SLOTS[0]: print_of(first), SLOTS[1]: ""}
        self.asynchronous = False
        self.statements: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return self.rows()
        claims = json.loads(b64decode(request.headers["authorization"].split(".")[1] + "=="))
        if claims["iss"].rpartition("SHA256:")[2] not in self.slots.values():
            return httpx.Response(401, json={"code": "390144", "message": "JWT token is invalid."})
        body = json.loads(request.content)
        assert body["role"] == "ROTATOR"
        self.statements.append(body["statement"])
        found = ALTER.fullmatch(body["statement"])
        if found is not None:
            self.slots[found[1]] = b64encode(sha256(b64decode(found[2])).digest()).decode()
        elif body["statement"] != 'DESCRIBE USER "GATE""WAY"':
            return httpx.Response(422, json={"code": "001003", "message": body["statement"]})
        return httpx.Response(202, json={"statementHandle": "01b-2"}) if self.asynchronous else self.rows()

    def rows(self) -> httpx.Response:
        rows = [["NAME", "GATEWAY", None, None]]
        rows += [[f"{slot}_FP", f"SHA256:{held}" if held else None, None, None] for slot, held in self.slots.items()]
        return httpx.Response(200, json={"statementHandle": "01b-2", "data": rows})


@pytest.fixture(scope="module")
def first() -> str:
    return pem()


def keys(account: Account) -> SnowflakeKeys:
    client = httpx.Client(transport=httpx.MockTransport(account))
    options = KeyPair(base_url="https://acct.snowflakecomputing.com", role="ROTATOR")
    return SnowflakeKeys(Vendor("snowflake_cortex", client, lambda _: None), options, order, lambda _: None)


def entry(text: str, **more: str) -> dict[str, str]:
    return {"account": "acct", "user": 'gate"way', "private_key": text, **more}


def test_the_new_pair_goes_into_the_free_slot_and_the_next_one_into_the_other(first: str) -> None:
    account = Account(first)
    second = keys(account).renew(entry(first), "token")
    assert account.slots == {SLOTS[0]: print_of(first), SLOTS[1]: print_of(second["private_key"])}
    third = keys(account).renew(second, "token")
    assert account.slots == {SLOTS[0]: print_of(third["private_key"]), SLOTS[1]: print_of(second["private_key"])}
    assert (third["account"], third["user"]) == ("acct", 'gate"way')


def test_a_pair_that_stands_already_is_not_set_again(first: str) -> None:
    account = Account(first)
    second = keys(account).renew(entry(first), "token")
    count = len(account.statements)
    keys(account).assure(entry(first), second)
    assert account.statements[count:] == ['DESCRIBE USER "GATE""WAY"']


def test_a_pair_whose_slot_was_cleared_meanwhile_is_set_again(first: str) -> None:
    account = Account(first)
    second = keys(account).renew(entry(first), "token")
    account.slots[SLOTS[1]] = ""
    keys(account).assure(entry(first), second)
    assert account.slots[SLOTS[1]] == print_of(second["private_key"])


def test_a_statement_that_takes_its_time_is_waited_for(first: str) -> None:
    account = Account(first)
    account.asynchronous = True
    second = keys(account).renew(entry(first), "token")
    assert print_of(second["private_key"]) in account.slots.values()


def test_a_refusal_names_status_and_code_and_neither_key_nor_statement(first: str) -> None:
    account = Account(first)
    account.slots[SLOTS[0]] = ""
    with pytest.raises(RotationFailed) as raised:
        keys(account).renew(entry(first), "token")
    assert str(raised.value) == "snowflake_cortex: POST was answered with 401 (390144)."
    assert raised.value.final


def test_a_passphrase_of_the_old_key_is_not_kept_for_the_new_one() -> None:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key

    plain = pem()
    locked = load_pem_private_key(plain.encode(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")
    )
    account = Account(plain)
    made = keys(account).renew(entry(locked.decode(), private_key_passphrase="open sesame"), "token")
    assert "private_key_passphrase" not in made
    assert keys(account).retire(made, (), 0.0) == 0
