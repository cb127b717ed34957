"""The rotation function over an emulated Secrets Manager: four steps, status, the daily look."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sluice.aws.errors import AwsError
from sluice.aws.rotation import RotationFunction
from sluice.aws.rotation_versions import ProviderSecret
from sluice.aws.service import JsonService
from sluice.control.rotation.failures import RotationStopped
from sluice.control.rotation.versions import CURRENT, PENDING
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings
from tests.emulator import Emulator
from tests.fakes import Lines
from tests.unit.aws.fakes import CREDENTIALS, FakeTransport, ok, refused
from tests.unit.control.rotation.fakes import ADMIN, OPENAI, STEPS, FakeOpenAI, Fuse, Moment


class Deployed:
    """The function with an OpenAI of its own and its secret on the emulator."""

    def __init__(self, emulator: Emulator, transport: HttpTransport, **held: Any) -> None:
        self.emulator, self.prefix = emulator, f"sluice-{uuid.uuid4().hex[:8]}"
        self.name = f"{self.prefix}-providers"
        emulator.put_secret(self.name, held or {"openai": {"api_key": "sk-by-hand", "admin_key": ADMIN}})
        self.moment, self.lines = Moment(), Lines()
        self.openai = FakeOpenAI(self.moment, Fuse())
        variables = emulator.environment(self.prefix) | {
            "SLUICE_ROTATION": json.dumps({"providers": {"openai": OPENAI}, "overlap_seconds": 3600})
        }
        self.function = RotationFunction(
            Settings.from_environment(variables),
            transport=transport,
            client=httpx.Client(transport=httpx.MockTransport(self.openai)),
            lines=self.lines,
            now=self.moment,
            sleep=self.moment.sleep,
        )

    def call(self, **event: Any) -> dict[str, Any]:
        return self.function(event, None)

    def value(self, **which: str) -> dict[str, Any]:
        found = self.emulator.call("secretsmanager.GetSecretValue", {"SecretId": self.name, **which})
        return dict(json.loads(str(found["SecretString"])))

    def labels(self) -> dict[str, list[str]]:
        found = self.emulator.call("secretsmanager.DescribeSecret", {"SecretId": self.name})
        labels: Any = found["VersionIdsToStages"]
        return dict(labels)

    def figures(self, name: str) -> list[float]:
        return [document[name] for line in self.lines.written if name in (document := json.loads(line))]


@pytest.fixture
def here(emulator: Emulator) -> Iterator[Deployed]:
    transport = HttpTransport(trusted=True)
    yield Deployed(emulator, transport)
    transport.drop_connections()


def test_all_four_steps_make_a_new_current_version_and_keep_the_one_before(here: Deployed) -> None:
    told = here.call(sluice="rotate")
    key = here.value()["openai"]["api_key"]
    assert key in here.openai.live
    assert here.value(VersionStage="AWSPREVIOUS")["openai"]["api_key"] == "sk-by-hand"
    current = next(version for version, labels in here.labels().items() if CURRENT in labels)
    assert current.startswith(told["version"])
    written = "".join(here.lines.written)
    assert key not in written
    assert ADMIN not in written


def test_secrets_manager_s_own_events_are_taken_one_by_one(here: Deployed) -> None:
    token = str(uuid.uuid4())
    arn = str(here.emulator.call("secretsmanager.DescribeSecret", {"SecretId": here.name})["ARN"])
    copy = json.dumps(here.value())
    with pytest.raises(RotationStopped, match="not pending"):
        here.call(Step="createSecret", SecretId=arn, ClientRequestToken=token)
    # The emulator cannot announce a version without a value, so it gets one that changes nothing.
    here.emulator.call(
        "secretsmanager.PutSecretValue",
        {"SecretId": here.name, "ClientRequestToken": token, "SecretString": copy, "VersionStages": [PENDING]},
    )
    for step in STEPS:
        here.call(Step=step, SecretId=arn, ClientRequestToken=token)
    assert CURRENT in here.labels()[token]
    assert here.value()["openai"]["api_key"] == "sk-by-hand"


def test_the_hourly_look_tries_what_an_operator_put_under_pending(here: Deployed) -> None:
    here.openai.by_hand.add("sk-typed")
    document = {"openai": {"api_key": "sk-typed", "admin_key": ADMIN, "rotated_at": str(int(here.moment()))}}
    wanted = {"SecretId": here.name, "SecretString": json.dumps(document), "VersionStages": [PENDING]}
    here.emulator.call("secretsmanager.PutSecretValue", {**wanted, "ClientRequestToken": str(uuid.uuid4())})
    assert here.call(source="aws.events")["began"]
    assert here.value()["openai"]["api_key"] == "sk-typed"


def test_the_hourly_look_goes_on_with_a_rotation_that_was_cut_off(here: Deployed) -> None:
    token = str(uuid.uuid4())
    here.function._step("createSecret", token, registered=False)
    assert here.value()["openai"]["api_key"] == "sk-by-hand"
    assert here.call(source="aws.events")["began"]
    assert CURRENT in here.labels()[token]
    assert here.openai.live == {here.value()["openai"]["api_key"]}


def test_the_hourly_look_gives_up_what_cannot_go_on_and_says_so(here: Deployed) -> None:
    here.function._step("createSecret", str(uuid.uuid4()), registered=False)
    here.emulator.put_secret(here.name, {"openai": {"api_key": "sk-typed", "admin_key": ADMIN}})
    here.openai.by_hand.add("sk-typed")
    assert not here.call(source="aws.events")["began"]
    assert here.figures("RotationFailed") == [1]
    assert here.value()["openai"]["api_key"] == "sk-typed"
    assert not [labels for labels in here.labels().values() if labels == [PENDING]]


@pytest.mark.parametrize("ending", ["", "-abc123", "x-abc123", "-abc1234"])
def test_no_other_secret_is_ever_touched(here: Deployed, ending: str) -> None:
    theirs = f"arn:aws:secretsmanager:us-east-1:000000000000:secret:somebody-elses{ending}"
    with pytest.raises(RotationStopped, match="no other"):
        here.call(Step="createSecret", SecretId=theirs, ClientRequestToken="t" * 32)
    with pytest.raises(RotationStopped, match="no other"):
        here.call(Step="createSecret", SecretId=f"{here.name}x{ending}", ClientRequestToken="t" * 32)
    if ending == "-abc123":
        with pytest.raises(RotationStopped, match="not pending"):
            here.call(Step="createSecret", SecretId=here.name + ending, ClientRequestToken="t" * 32)


def test_an_unknown_step_is_named(here: Deployed) -> None:
    with pytest.raises(RotationStopped, match="makeCoffee"):
        here.call(Step="makeCoffee", SecretId=here.name, ClientRequestToken="t" * 32)


def test_the_status_tells_versions_and_ages_and_no_value(here: Deployed) -> None:
    here.call(sluice="rotate")
    here.moment.seconds += 86_400
    told = here.call(sluice="status")
    (card,) = told["providers"]
    assert (card["provider"], card["state"], card["age"]) == ("openai", "fresh", 86_400)
    assert {label for version in told["versions"] for label in version["labels"]} >= {"AWSCURRENT", "AWSPREVIOUS"}
    assert here.value()["openai"]["api_key"] not in json.dumps(told)


def test_the_hourly_look_tells_the_age_and_begins_what_is_due(here: Deployed) -> None:
    here.call(sluice="rotate")
    here.moment.seconds += 10 * 86_400
    assert here.call(source="aws.events") == {"age": 10 * 86_400, "due": [], "began": False}
    here.moment.seconds += 20 * 86_400
    before = set(here.labels())
    assert here.call(source="aws.events")["began"]
    assert set(here.labels()) - before, "RotateSecret made a version"
    assert here.figures("RotationAge") == [10 * 86_400, 30 * 86_400]


def test_a_provider_that_fails_is_one_line_with_the_metric(here: Deployed) -> None:
    here.openai.down = True
    with pytest.raises(RotationStopped):
        here.call(sluice="rotate")
    assert here.figures("RotationFailed") == [1]
    (line,) = [json.loads(each) for each in here.lines.written if "RotationFailed" in each]
    assert (line["kind"], line["provider"], line["step"]) == ("rotation", "openai", "createSecret")


def secret(*answers: Any) -> tuple[ProviderSecret, FakeTransport]:
    transport = FakeTransport(*answers)
    service = JsonService(
        transport, CREDENTIALS, service="secretsmanager", target="secretsmanager", region="eu-west-1", protocol="1.1"
    )
    return ProviderSecret(service, "providers"), transport


def test_a_version_whose_value_stands_already_is_not_written_over() -> None:
    here, _ = secret(refused("ResourceExistsException"))
    assert not here.put("v1", {"openai": {}})


def test_a_label_that_is_gone_already_is_as_good_as_taken_away() -> None:
    here, _ = secret(refused("InvalidParameterException"))
    here.unlabel(PENDING, "v1")


def test_a_rotation_that_cannot_begin_says_why() -> None:
    here, _ = secret(refused("InvalidRequestException", message="A previous rotation isn't complete."))
    assert here.rotate() == "A previous rotation isn't complete."


def test_other_refusals_are_raised() -> None:
    for call in ("rotate", "overview"):
        here, _ = secret(refused("AccessDeniedException"))
        with pytest.raises(AwsError, match="AccessDenied"):
            getattr(here, call)()


def test_a_value_that_is_no_json_is_never_quoted() -> None:
    here, _ = secret(ok({"SecretString": "sk-secret is not json", "CreatedDate": 1}))
    with pytest.raises(RotationStopped) as raised:
        here.read("v1")
    assert "sk-secret" not in repr(raised.value.__context__) + str(raised.value)
