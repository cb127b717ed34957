"""Keys of one OpenAI service account: a new one is made, the one before stays good until the next rotation.

Sources: OpenAI API reference, Administration (2026-11): "Create project service account API key" (POST
/organization/projects/{project}/service_accounts/{account}/api_keys: name, expires_in_seconds up to a year), "List
project API keys" (GET /organization/projects/{project}/api_keys, pages by `after`), "Delete project API key" (also for
keys of service accounts; the account and its other keys stay).

Every key is named after the rotation that made it, so what an interrupted rotation has left is known for its own and
deleted later. Keys with other names are never touched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from pydantic import BaseModel

from sluice.control.rotation.calls import Vendor
from sluice.control.rotation.failures import RotationFailed
from sluice.control.rotation.options import ServiceAccountKeys

PAGE = 100
PAGES = 100
KEY_ID = "key_id"
"""The member of the entry that names the key at the vendor."""


class _Made(BaseModel):
    id: str
    value: str


class _Listed(BaseModel):
    id: str
    name: str | None = None
    created_at: int


class _Page(BaseModel):
    data: list[_Listed]
    has_more: bool = False
    last_id: str | None = None


class OpenAIKeys:
    """Makes and deletes keys. `prefix` is what the names of this deployment's keys begin with."""

    def __init__(self, vendor: Vendor, options: ServiceAccountKeys, prefix: str) -> None:
        self._vendor = vendor
        self._options = options
        self._prefix = f"{prefix}-rotated-"
        self._project = f"{options.admin_url}/organization/projects/{options.project}"

    def renew(self, entry: Mapping[str, str], token: str) -> dict[str, str]:
        """Return the entry with a new key. Raises RotationFailed."""
        body: dict[str, object] = {"name": self._prefix + token}
        if self._options.expires_days:
            body["expires_in_seconds"] = min(self._options.expires_days * 86_400, 31_536_000)
        url = f"{self._project}/service_accounts/{self._options.service_account}/api_keys"
        made = self._vendor.read(self._vendor.send("POST", url, self._headers(entry), body), _Made)
        return {**entry, "api_key": made.value, KEY_ID: made.id}

    def assure(self, current: Mapping[str, str], entry: Mapping[str, str]) -> None:
        """Do nothing: the key was good from the moment it was made."""

    def discard(self, entry: Mapping[str, str]) -> None:
        """Delete a key that is not going to be used. Raises RotationFailed."""
        self._delete(entry, entry.get(KEY_ID, ""))

    def retire(self, entry: Mapping[str, str], kept: Collection[str], before: float) -> int:
        """Delete this deployment's keys that are out of use, and return how many.

        Out of use is a key that is not among `kept` ids and whose successor was made `before` that moment (epoch
        seconds). Raises RotationFailed.
        """
        mine = sorted(self._mine(entry), key=lambda key: key.created_at)
        replaced = [old for old, new in pairwise(mine) if new.created_at <= before]
        gone = [key for key in replaced if key.id not in kept]
        for key in gone:
            self._delete(entry, key.id)
        return len(gone)

    def _mine(self, entry: Mapping[str, str]) -> list[_Listed]:
        found: list[_Listed] = []
        cursor = ""
        for _ in range(PAGES):
            url = f"{self._project}/api_keys?limit={PAGE}" + (f"&after={cursor}" if cursor else "")
            page = self._vendor.read(self._vendor.send("GET", url, self._headers(entry)), _Page)
            found += [key for key in page.data if (key.name or "").startswith(self._prefix)]
            if not page.has_more or not page.data:
                return found
            cursor = page.last_id or page.data[-1].id
        raise RotationFailed(self._vendor.provider, "its list of keys does not end.")

    def _delete(self, entry: Mapping[str, str], key_id: str) -> None:
        answer = self._vendor.send("DELETE", f"{self._project}/api_keys/{key_id}", self._headers(entry))
        if not answer.is_success and answer.status_code != 404:
            raise self._vendor.refusal(answer)

    def _headers(self, entry: Mapping[str, str]) -> dict[str, str]:
        key = entry.get("admin_key", "").strip()
        if not key:
            raise RotationFailed(self._vendor.provider, "its entry in the secret holds no admin_key to make keys with.")
        return {"authorization": f"Bearer {key}"}
