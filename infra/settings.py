"""What differs between stages: regions, sizes, retention, limits. Everything else is the same everywhere.

A stage is one deployment of the whole gateway. Its first region is the primary one: it owns the global tables and the
secrets, the others hold replicas. To add a region, add one line to `regions`; to add a stage, add one entry to
`STAGES`. Stages called `pr-<anything>` need no entry: they are ephemeral, so `cdk destroy` leaves nothing behind.

Nothing here asks AWS: a missing account number means "the account of the credentials that deploy".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from infra.capacity import Capacity, check_functions
from infra.domain import Domain
from infra.exporters import ExporterTarget
from infra.invoice_checks import InvoiceChecks
from infra.provider_access import ProviderAccess
from infra.releases import Release
from infra.rotation_plan import RotationPlan
from infra.watch import Watch
from sluice.settings import UPLOAD_DAYS_LIMIT, UPLOAD_INLINE_MB_LIMIT

EPHEMERAL_PREFIX = "pr-"
NO_ACCESS = ProviderAccess()
NO_CHECKS = InvoiceChecks()
NO_ROTATION = RotationPlan()
AT_ONCE_RELEASE = Release()
WATCHED = Watch()
MEMORY_MB = (256, 512)
LOG_RETENTION = {
    1: "ONE_DAY",
    3: "THREE_DAYS",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    60: "TWO_MONTHS",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    400: "THIRTEEN_MONTHS",
    731: "TWO_YEARS",
    3653: "TEN_YEARS",
}
"""Days -> the CDK's name for that retention; CloudWatch Logs takes only certain numbers."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_ACCOUNT = re.compile(r"\d{12}")
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?|http://localhost(:\d{1,5})?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CUSTOMER_KEY = re.compile(r"mrk-[0-9a-f]{32}")


class InvalidStage(ValueError):
    """A stage's settings cannot be deployed; the message names the setting, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """What differs in one region of a stage; whatever is not said is as everywhere."""

    memory_mb: int | None = None
    """Memory of the functions on the request path."""
    log_days: int | None = None
    """How long log lines are kept."""
    requests_per_second: int | None = None
    """The API's own limit in this region."""
    burst: int | None = None
    """The API's burst in this region."""
    capacity: Mapping[str, Capacity] | None = None
    """Function -> environments in this region; it stands in place of the stage's, not beside it."""
    firewall_rate: int | None = None
    """Requests of one address in five minutes; 0 for no web ACL in this region."""
    release: Release | None = None
    """How versions change in this region."""
    watch: Watch | None = None
    """Alarms' thresholds in this region, and who is told; it stands in place of the stage's, not beside it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment of the gateway. Every member is one setting; docs/deploy.md has the table of them."""

    name: str
    """Part of the name of every stack, table and secret; `pr-...` for stages that leave nothing behind."""
    regions: tuple[str, ...]
    """Where it runs. The first is the primary region: it owns the global tables and the secrets."""
    account: str | None = None
    """The AWS account; none for that of the credentials that deploy."""
    ephemeral: bool = False
    """Whether `destroy` deletes everything, tables included. True exactly for `pr-...`."""
    memory_mb: int = 256
    """Memory of the functions on the request path; the CPU share follows it."""
    log_days: int = 30
    """How long log lines are kept."""
    ledger_days: int = 90
    """How long ledger entries are kept; usage and exports outlive them."""
    requests_per_second: int = 100
    """The API's own limit per region, over all callers."""
    burst: int = 200
    """So many requests may come at once before that limit refuses any."""
    upload_days: int = 7
    """How long uploads are kept."""
    upload_inline_mb: int = 16
    """So many MB of uploads at most are written into one request."""
    upload_origins: tuple[str, ...] = ()
    """Web pages (`https://chat.example.com`) that may put uploads from a browser."""
    customer_key: str = ""
    """Id of a multi-Region KMS key that exists in every region of the stage; it then encrypts tables, secrets, uploads
    and alerts. Without one, keys that AWS owns do, at no cost and with no call to KMS on the request path."""
    providers: ProviderAccess = NO_ACCESS
    """Providers that let the functions' own role in (docs/credentials.md); without an entry, none does."""
    invoices: InvoiceChecks = NO_CHECKS
    """Vendors whose figures the ledger is compared with every night (docs/invoices.md)."""
    rotation: RotationPlan = NO_ROTATION
    """How provider keys are rotated, and how long the one before stays good (docs/rotation.md)."""
    exporters: tuple[ExporterTarget, ...] = ()
    """Where telemetry goes beyond CloudWatch: collectors, Langfuse, Helicone, S3 (docs/observability.md)."""
    archive: bool = False
    """Whether there is a bucket for payloads of routes that archive them, and for exporters of kind s3."""
    alert_emails: tuple[str, ...] = ()
    """Who is told when a budget passes a threshold; AWS asks each address once whether it wants to be."""
    watch: Watch = WATCHED
    """Who is told of alarms, and their thresholds (docs/dashboards.md)."""
    release: Release = AT_ONCE_RELEASE
    """How a new version takes over callers, and what rolls it back."""
    capacity: Mapping[str, Capacity] = field(default_factory=dict)
    """Function (`streaming`, `completion`, `routing`, `admin`) -> environments kept ready or set aside per region."""
    domain: Domain | None = None
    """The gateway's host name, with latency-based routing between the regions; none for API Gateway's own names."""
    firewall_rate: int = 0
    """With a number, AWS WAF stands in front: it blocks known-bad addresses, and an address with more requests than
    that in five minutes. 0: no web ACL, which costs $7 a month in each region."""
    signed_callers: bool = True
    """Whether every endpoint stands under `/iam` as well, for callers that sign with AWS credentials
    (docs/identity.md)."""
    per_region: Mapping[str, RegionSettings] = field(default_factory=dict)
    """Region -> what differs there."""

    def __post_init__(self) -> None:
        """Raise InvalidStage for a value that AWS would refuse later, or that would surprise."""
        self._check("name", _NAME.fullmatch(self.name) is not None, "up to 20 of a-z, 0-9 and -, a letter first")
        self._check("regions", bool(self.regions), "at least one region")
        self._check("regions", len(set(self.regions)) == len(self.regions), "each region once")
        self._check("regions", all(map(_REGION.fullmatch, self.regions)), "region names such as eu-central-1")
        account_fits = self.account is None or _ACCOUNT.fullmatch(self.account) is not None
        self._check("account", account_fits, "12 digits, or none for the account of the credentials")
        self._check("memory_mb", self.memory_mb in MEMORY_MB, f"one of {MEMORY_MB}")
        self._check("log_days", self.log_days in LOG_RETENTION, f"one of {tuple(LOG_RETENTION)}")
        self._check("ledger_days", 1 <= self.ledger_days <= 36_500, "1 to 36500")
        self._check("requests_per_second", 1 <= self.requests_per_second <= 10_000, "1 to 10000")
        self._check("burst", 1 <= self.burst <= 5_000, "1 to 5000")
        self._check("upload_days", 1 <= self.upload_days <= UPLOAD_DAYS_LIMIT, f"1 to {UPLOAD_DAYS_LIMIT}")
        inline_fits = 1 <= self.upload_inline_mb <= UPLOAD_INLINE_MB_LIMIT
        self._check("upload_inline_mb", inline_fits, f"1 to {UPLOAD_INLINE_MB_LIMIT}")
        origins_fit = all(map(_ORIGIN.fullmatch, self.upload_origins))
        self._check("upload_origins", origins_fit, "origins such as https://chat.example.com, without a path or a *")
        key_fits = self.customer_key == "" or _CUSTOMER_KEY.fullmatch(self.customer_key) is not None
        self._check("customer_key", key_fits, "a multi-Region key id (mrk- and 32 hex digits), or empty")
        names = [target.name for target in self.exporters]
        self._check("exporters", len(set(names)) == len(names), "targets with names of their own")
        wanted = self.archive or not any(target.kind == "s3" for target in self.exporters)
        self._check("archive", wanted, "true where an exporter is of kind s3")
        emails_fit = all(map(_EMAIL.fullmatch, self.alert_emails))
        self._check("alert_emails", emails_fit, "addresses such as finops@example.com")
        firewall_fits = self.firewall_rate == 0 or 10 <= self.firewall_rate <= 2_000_000_000
        self._check("firewall_rate", firewall_fits, "0, or 10 to 2000000000")
        check_functions(self.capacity)
        known = all(region in self.regions for region in self.per_region)
        self._check("per_region", known, f"for regions of the stage ({', '.join(self.regions)})")
        for region in self.per_region:
            self.at(region)
        named_ephemeral = self.name.startswith(EPHEMERAL_PREFIX)
        self._check("ephemeral", self.ephemeral == named_ephemeral, f"true exactly for names in {EPHEMERAL_PREFIX}*")

    def _check(self, setting: str, holds: bool, allowed: str) -> None:
        if not holds:
            value = getattr(self, setting)
            raise InvalidStage(f"Stage {self.name!r}: {setting} is {value!r}; it must be {allowed}.")

    def at(self, region: str) -> Stage:
        """Return the stage as it is in one of its regions. Raises InvalidStage when that could not be deployed."""
        own = self.per_region.get(region)
        if own is None:
            return self
        differs = {each.name: value for each in fields(own) if (value := getattr(own, each.name)) is not None}
        return replace(self, per_region={}, **differs)

    @property
    def primary(self) -> str:
        """The region that owns the global tables and the secrets."""
        return self.regions[0]

    @property
    def prefix(self) -> str:
        """What the names of tables, secrets and stacks begin with."""
        return f"sluice-{self.name}"

    @property
    def provider_secret(self) -> str:
        """Name of the secret with the providers' keys, the same in every region."""
        return f"{self.prefix}/providers"

    @property
    def gateway_secret(self) -> str:
        """Name of the secret with the gateway's own pepper, the same in every region."""
        return f"{self.prefix}/gateway"


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "dev",
            regions=("us-east-1",),
            log_days=14,
        ),
        Stage(
            "prod",
            regions=(
                "us-east-1",
                "us-west-2",
            ),
            memory_mb=512,
            log_days=90,
            ledger_days=400,
            requests_per_second=1_000,
            burst=2_000,
            release=Release("canary_10_percent_5_minutes"),
        ),
    )
}


def stage_named(name: str, *, regions: str = "", account: str = "") -> Stage:
    """Return the stage called `name`; comma-separated `regions` and `account` replace its own when given.

    Raises:
        InvalidStage: no such stage, or a value that cannot be deployed.
    """
    stage = STAGES.get(name)
    if stage is None and name.startswith(EPHEMERAL_PREFIX):
        stage = Stage(name, regions=STAGES["dev"].regions, ephemeral=True, log_days=1, ledger_days=7)
    if stage is None:
        known = ", ".join([*STAGES, f"{EPHEMERAL_PREFIX}<anything>"])
        raise InvalidStage(f"There is no stage {name!r}. Choose one of {known}, or add it to infra/settings.py.")
    if regions:
        stage = replace(stage, regions=tuple(region.strip() for region in regions.split(",")))
    return replace(stage, account=account) if account else stage
