"""`sluice doctor`: what is wrong, or will be, with a deployed stage, and what to do about it.

It reads the account with the AWS credentials of whoever calls it (`sluice.cli.checks`), each region of the stage in
turn, and changes nothing. With SLUICE_API_KEY it also asks the gateway itself which models the key can call, and with
`--probe` it asks the cheapest model of each provider for one word, which costs a few tokens. The exit status is 1 when
something failed; warnings and what could not be seen leave it 0.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sluice.cli.checks import FAILED, OK, UNKNOWN, WARNING, Finding, Place, examine
from sluice.cli.session import CommandFailed, Session, known_environment
from sluice.cli.smoke import Failed, cheapest

Table = Callable[[Sequence[str], Sequence[Sequence[object]]], str]
PATIENCE = 60.0


def add_commands(groups: Any, table: Table) -> None:
    """Add the command; `table` lays out rows under a head."""
    doctor = groups.add_parser("doctor", help="look for what is wrong with a deployed stage, and what to do about it")
    doctor.add_argument("--stage", default="dev", help="the deployed stage (default dev)")
    doctor.add_argument(
        "--region", action="append", help="a region of the stage, the primary one first (repeat; default us-east-1)"
    )
    doctor.add_argument("--rps", type=float, default=20, help="requests a second that are planned for a region")
    doctor.add_argument("--seconds", type=float, default=5, help="how long a request takes (default 5, a stream)")
    doctor.add_argument("--endpoint-url", help="an emulator's address instead of AWS")
    doctor.add_argument("--probe", action="store_true", help="ask one model of each provider for a word")
    doctor.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the findings as JSON")
    doctor.set_defaults(command=lambda session, chosen: _doctor(session, chosen, table), gateway=False)


def _doctor(session: Session, chosen: argparse.Namespace, table: Table) -> None:
    regions = tuple(chosen.region or ("us-east-1",))
    found: list[tuple[str, Finding]] = []
    for region in regions:
        place = Place(
            stage=chosen.stage,
            region=region,
            regions=regions,
            client=_clients(region, chosen.endpoint_url),
            requests_per_second=chosen.rps,
            seconds=chosen.seconds,
        )
        found += [(region, finding) for finding in examine(place)]
    found += [("gateway", finding) for finding in _gateway(chosen)]
    states = Counter(finding.state for _, finding in found)
    rows = [(each.state, where, each.about, each.seen) for where, each in found]
    advice = [f"{each.about} ({where}): {each.remedy}" for where, each in found if each.remedy and each.state != OK]
    told = f"{states[OK]} ok, {states[WARNING]} warnings, {states[FAILED]} failed, {states[UNKNOWN]} not to be seen"
    text = "\n".join([table(("", "where", "what", "seen"), rows), "", *advice, told])
    cards = [
        {"where": where, "state": each.state, "about": each.about, "seen": each.seen, "remedy": each.remedy}
        for where, each in found
    ]
    session.show({"findings": cards, "passed": not states[FAILED]}, text)
    if states[FAILED]:
        raise CommandFailed(f"{states[FAILED]} of {len(found)} findings are failures.")


def _clients(region: str, endpoint_url: str | None) -> Callable[[str], Any]:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})
    session = boto3.session.Session(region_name=region)
    return lambda service: session.client(service, config=config, endpoint_url=endpoint_url)


def _gateway(chosen: argparse.Namespace) -> Iterator[Finding]:
    """Yield what the gateway says of its models, where it can be asked."""
    import httpx

    known = known_environment()
    url, key = chosen.url or known.get("SLUICE_URL"), known.get("SLUICE_API_KEY")
    if not url or not key:
        yield Finding(UNKNOWN, "models", "not asked", "Set SLUICE_URL and SLUICE_API_KEY to see which can be called.")
        return
    headers = {"authorization": f"Bearer {key}"}
    try:
        with httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=PATIENCE) as client:
            answer = client.get("/v1/models")
            if answer.status_code != 200:
                yield Finding(FAILED, "models", f"the gateway answers {answer.status_code}", "Is the key valid?")
                return
            by_provider = _by_provider(answer.json()["data"])
            if not by_provider:
                yield Finding(FAILED, "models", "none can be called", "Put a provider's key into the provider secret.")
            for provider, models in sorted(by_provider.items()):
                if chosen.probe:
                    yield _probed(client, provider, models)
                else:
                    yield Finding(OK, f"models of {provider}", f"{len(models)} can be called")
    except httpx.HTTPError as error:
        yield Finding(FAILED, "models", f"no answer from the gateway ({type(error).__name__})", "Is SLUICE_URL right?")


def _by_provider(models: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for card in models:
        if not card.get("route"):
            found.setdefault(str(card["owned_by"]), []).append(card)
    return found


def _probed(client: Any, provider: str, models: Sequence[Mapping[str, Any]]) -> Finding:
    """Ask the cheapest model of a provider for one word."""
    about = f"models of {provider}"
    try:
        model = cheapest(models)
    except Failed:
        return Finding(OK, about, f"{len(models)} can be called, none of them chats")
    asked = {"model": model, "max_completion_tokens": 16, "messages": [{"role": "user", "content": "Say ready."}]}
    answer = client.post("/v1/chat/completions", json=asked)
    if answer.status_code == 200:
        return Finding(OK, about, f"{len(models)} can be called; {model} has answered")
    told = answer.json().get("error", {})
    source = answer.headers.get("x-sluice-error-source", "gateway")
    return Finding(
        FAILED,
        about,
        f"{model}: {answer.status_code} from the {source}: {str(told.get('message', ''))[:120]}",
        f"Check {provider}'s key in the provider secret, and that its account may use the model.",
    )
