"""A secret as Secrets Manager keeps it, an OpenAI that makes keys, and a way to be killed at any of their calls."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from sluice.control.rotation.calls import Vendor
from sluice.control.rotation.openai_keys import OpenAIKeys
from sluice.control.rotation.options import RotationOptions, ServiceAccountKeys, options_from
from sluice.control.rotation.steps import Rotation, Strategy, Told
from sluice.control.rotation.trial import ProviderTrial
from sluice.control.rotation.versions import CURRENT, PENDING, PREVIOUS, STAGED, Document, Overview
from sluice.providers.registry import Registry
from tests.fakes import Scripted, ScriptedTransport

DAY = 86_400
START = 1_800_000_000.0
ADMIN = "sk-admin-1"
Result = TypeVar("Result")
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


class Killed(BaseException):
    """The function's end in the middle of a step."""


class Moment:
    def __init__(self) -> None:
        self.seconds = START

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Fuse:
    """Burns down with each call; at its end the call happens (`after`) or not, and the caller is killed."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.after = False
        self.burnt = 0

    def before(self) -> None:
        self.burnt += 1
        if self.left is not None:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Killed

    def behind(self) -> None:
        if self.left == 0 and self.after:
            raise Killed


class Vault:
    """One secret. Versions cannot be changed, and a label is on one version at a time."""

    def __init__(self, now: Moment, fuse: Fuse, **providers: Mapping[str, str]) -> None:
        self._now, self._fuse = now, fuse
        self.values: dict[str, tuple[str, float]] = {}
        self.labels: dict[str, set[str]] = {}
        self.rotated_at: float | None = None
        self._names = (f"version-{number:04}-{'0' * 24}" for number in itertools.count(1))
        self.write(providers, CURRENT)

    def write(self, document: Mapping[str, Any], label: str) -> str:
        """Put a version as an operator does."""
        version = next(self._names)
        self.values[version] = (json.dumps(document), self._now())
        self._move(label, version)
        return version

    def register(self) -> str:
        """Announce a version as RotateSecret does: a label, no value yet."""
        version = next(self._names)
        self._move(PENDING, version)
        return version

    def bundle(self, label: str = CURRENT) -> Document:
        """Return what stands under a label."""
        version = self.overview_now().labelled(label)
        assert version is not None
        return dict(json.loads(self.values[version][0]))

    def overview_now(self) -> Overview:
        labels = {version: tuple(sorted(those)) for version, those in self.labels.items() if those}
        return Overview(labels, self.rotated_at)

    def overview(self) -> Overview:
        return self._called(self.overview_now)

    def read(self, version: str) -> tuple[Document, float] | None:
        def read() -> tuple[Document, float] | None:
            value = self.values.get(version)
            return None if value is None else (json.loads(value[0]), value[1])

        return self._called(read)

    def put(self, version: str, document: Document) -> bool:
        def put() -> bool:
            text = json.dumps(document)
            if version in self.values:
                return self.values[version][0] == text
            self.values[version] = (text, self._now())
            self._move(PENDING, version)
            return True

        return self._called(put)

    def promote(self, version: str, before: str | None) -> None:
        def promote() -> None:
            assert self.overview_now().labelled(CURRENT) == before
            if before is not None:
                self._move(PREVIOUS, before)
            self._move(CURRENT, version)
            self.rotated_at = self._now()

        self._called(promote)

    def unlabel(self, label: str, version: str) -> None:
        self._called(lambda: self.labels.get(version, set()).discard(label))

    def _move(self, label: str, version: str) -> None:
        for those in self.labels.values():
            those.discard(label)
        self.labels.setdefault(version, set()).add(label)

    def _called(self, act: Callable[[], Result]) -> Result:
        self._fuse.before()
        value = act()
        self._fuse.behind()
        return value


class FakeOpenAI:
    """The Administration API of one project, and /models for those who hold one of its keys."""

    def __init__(self, now: Moment, fuse: Fuse) -> None:
        self._now, self._fuse = now, fuse
        self.keys: dict[str, dict[str, Any]] = {}
        self.by_hand = {"sk-by-hand"}
        self.down = False
        self.slow_keys = 0
        """So many calls with a new key are refused first."""
        self._numbers = itertools.count(1)
        self.add("a-key-of-somebody-else")

    def add(self, name: str) -> dict[str, Any]:
        number = next(self._numbers)
        key: dict[str, Any] = {
            "id": f"key_{number}",
            "name": name,
            "created_at": int(self._now()),
            "value": f"sk-svc-{number}",
        }
        self.keys[key["id"]] = key
        return key

    @property
    def live(self) -> set[str]:
        """The keys that are taken, but for the one of somebody else."""
        return {key["value"] for key in self.keys.values() if key["name"].startswith("sluice-")}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._fuse.before()
        answer = self._answer(request)
        self._fuse.behind()
        return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(503)
        bearer = request.headers["authorization"].removeprefix("Bearer ")
        path = request.url.path
        if path == "/v1/models":
            known = bearer in self.by_hand or bearer in {key["value"] for key in self.keys.values()}
            if known and self.slow_keys > 0:
                self.slow_keys -= 1
                known = False
            return httpx.Response(200 if known else 401, json={"error": {"code": "invalid_api_key", "message": bearer}})
        if bearer != ADMIN:
            return httpx.Response(401, json={"error": {"code": "invalid_api_key", "message": bearer}})
        if path == "/v1/organization/projects/proj_1/service_accounts/user-1/api_keys" and request.method == "POST":
            made = self.add(json.loads(request.content)["name"])
            return httpx.Response(200, json=made | {"object": "organization.project.service_account.api_key"})
        if path == "/v1/organization/projects/proj_1/api_keys" and request.method == "GET":
            return self._page(request.url.params)
        head, _, name = path.rpartition("/")
        if head == "/v1/organization/projects/proj_1/api_keys" and request.method == "DELETE":
            gone = self.keys.pop(name, None)
            return httpx.Response(200 if gone else 404, json={"id": name, "deleted": gone is not None})
        return httpx.Response(404, json={})

    def _page(self, params: httpx.QueryParams) -> httpx.Response:
        """Two keys a page, the newest first."""
        listed = [{n: v for n, v in key.items() if n != "value"} for key in reversed(self.keys.values())]
        after = params.get("after")
        start = next((place + 1 for place, key in enumerate(listed) if key["id"] == after), 0)
        page = listed[start : start + 2]
        more = start + 2 < len(listed)
        return httpx.Response(200, json={"data": page, "has_more": more, "last_id": page[-1]["id"] if page else None})


OPENAI = {"strategy": "openai_service_account", "project": "proj_1", "service_account": "user-1", "days": 30}


class Scene:
    """One deployment: its secret, its OpenAI, and the rotation over both."""

    def __init__(self, *, overlap: int = DAY, providers: Mapping[str, Any] | None = None, **held: Any) -> None:
        self.now, self.fuse = Moment(), Fuse()
        held = held or {"openai": {"api_key": "sk-by-hand", "admin_key": ADMIN}}
        self.vault = Vault(self.now, self.fuse, **held)
        self.openai = FakeOpenAI(self.now, self.fuse)
        document = {"providers": {"openai": OPENAI, **(providers or {})}, "overlap_seconds": overlap}
        self.options: RotationOptions = options_from(json.dumps(document))
        self.told: list[Told] = []
        self.others: dict[str, Strategy] = {}
        self.client = httpx.Client(transport=httpx.MockTransport(self.openai))
        trial = ProviderTrial(Registry(), ScriptedTransport(Scripted()), self.vendor, self.now.sleep)
        self.rotation = Rotation(self.vault, self.options, self.strategy, trial, now=self.now, tell=self.told.append)

    def vendor(self, name: str) -> Vendor:
        return Vendor(name, self.client, self.now.sleep)

    def strategy(self, name: str) -> Strategy | None:
        chosen = self.options.of(name)
        if isinstance(chosen, ServiceAccountKeys):
            return OpenAIKeys(self.vendor(name), chosen, "sluice-test")
        return self.others.get(name)

    def rotate(self, token: str | None = None) -> str:
        """Take all four steps as Secrets Manager does."""
        token = token or self.vault.register()
        for step in STEPS:
            self.step(step, token)
        return token

    def step(self, step: str, token: str) -> None:
        self.rotation.run(step, token)  # type: ignore[arg-type]

    def stage(self, **entries: Mapping[str, str]) -> str:
        """Stage what an operator typed in."""
        return self.vault.write(copy.deepcopy(entries), STAGED)

    @property
    def key(self) -> str:
        """OpenAI's current key."""
        return str(self.vault.bundle()["openai"]["api_key"])

    def outcomes(self, provider: str) -> list[str]:
        return [told.outcome for told in self.told if told.provider == provider]
