"""Key pairs of one Snowflake user: RSA_PUBLIC_KEY and RSA_PUBLIC_KEY_2 take turns, so the pair before stays good.

Sources: Snowflake docs, "Key-pair authentication and key-pair rotation" (two slots; their fingerprints in DESCRIBE
USER), "ALTER USER" (who may set them: the role that owns the user), "Submitting a request to execute SQL statements"
(POST /api/v2/statements; 202 with a handle), 2026-11.

The user signs in with the pair that is in use and changes the slot that this pair is not in.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping

from pydantic import BaseModel, Field

from sluice.control.rotation.calls import Vendor
from sluice.control.rotation.failures import RotationFailed
from sluice.control.rotation.options import KeyPair
from sluice.providers.tokens import Order
from sluice.providers.tokens.jwt import fingerprint, private_key
from sluice.providers.tokens.snowflake import mint

BITS = 2048
POLLS = 30
SLOTS = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")


class _Result(BaseModel):
    handle: str = Field(default="", alias="statementHandle")
    data: list[list[str | None]] = Field(default_factory=list)


class SnowflakeKeys:
    """Makes pairs and sets slots. `order` wraps an entry as what tokens are minted from; it holds no entry itself."""

    def __init__(
        self,
        vendor: Vendor,
        options: KeyPair,
        order: Callable[[Mapping[str, str]], Order],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._vendor = vendor
        self._options = options
        self._order = order
        self._sleep = sleep

    def renew(self, entry: Mapping[str, str], token: str) -> dict[str, str]:  # noqa: ARG002 - one shape for all
        """Return the entry with a new pair, whose public half stands in the free slot. Raises RotationFailed."""
        from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        made = generate_private_key(public_exponent=65537, key_size=BITS)
        text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        new = {name: value for name, value in entry.items() if name != "private_key_passphrase"}
        new["private_key"] = text
        self.assure(entry, new)
        return new

    def assure(self, current: Mapping[str, str], entry: Mapping[str, str]) -> None:
        """Put the entry's public key into the slot that the current pair is not in. Raises RotationFailed."""
        wanted = private_key(self._order(entry), entry["private_key"], entry.get("private_key_passphrase", ""))
        print_of_new = fingerprint(wanted)
        prints = self._slots(current)
        if print_of_new in prints.values():
            return
        held = private_key(self._order(current), current["private_key"], current.get("private_key_passphrase", ""))
        free = [slot for slot in reversed(SLOTS) if prints.get(slot) != fingerprint(held)]
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        der = wanted.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        public = b64encode(der).decode()
        self._rows(current, f"ALTER USER {_user(current)} SET {free[0]}='{public}'")

    def discard(self, entry: Mapping[str, str]) -> None:
        """Do nothing: a public key whose private half nobody has opens nothing, and its slot is the next to be set."""

    def retire(self, entry: Mapping[str, str], kept: Collection[str], before: float) -> int:  # noqa: ARG002
        """Return 0: the pair before stays good until its slot is set again."""
        return 0

    def _slots(self, entry: Mapping[str, str]) -> dict[str, str]:
        """Return the fingerprint that stands in each slot, without its prefix `SHA256:`."""
        found: dict[str, str] = {}
        for row in self._rows(entry, f"DESCRIBE USER {_user(entry)}"):
            name, value = (row[0] or "", row[1] or "") if len(row) > 1 else ("", "")
            slot = name.removesuffix("_FP")
            if slot in SLOTS and name.endswith("_FP"):
                found[slot] = value.removeprefix("SHA256:")
        return found

    def _rows(self, entry: Mapping[str, str], statement: str) -> list[list[str | None]]:
        headers = {
            "authorization": f"Bearer {mint(self._order(entry)).text}",
            "x-snowflake-authorization-token-type": "KEYPAIR_JWT",
            "accept": "application/json",
        }
        url = f"{self._options.base_url}/api/v2/statements"
        body = {"statement": statement, "timeout": 60} | ({"role": self._options.role} if self._options.role else {})
        answer = self._vendor.send("POST", url, headers, body)
        for _ in range(POLLS):
            if answer.status_code != 202:
                return self._vendor.read(answer, _Result).data
            handle = self._vendor.read(answer, _Result).handle
            if not handle.replace("-", "").isalnum():
                break
            self._sleep(1.0)
            answer = self._vendor.send("GET", f"{url}/{handle}", headers)
        raise RotationFailed(self._vendor.provider, "a statement did not end.", final=False)


def _user(entry: Mapping[str, str]) -> str:
    name = entry.get("user", "").strip().upper().replace('"', '""')
    return f'"{name}"'
