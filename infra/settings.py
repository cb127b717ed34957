"""What differs between stages: regions, sizes, retention, limits. Everything else is the same everywhere.

A stage is one deployment of the whole gateway. Its first region is the primary one: it owns the global tables and the
secrets, the others hold replicas. To add a region, add one line to `regions`; to add a stage, add one entry to
`STAGES`. Stages called `pr-<anything>` need no entry: they are ephemeral, so `cdk destroy` leaves nothing behind.

Nothing here asks AWS: a missing account number means "the account of the credentials that deploy".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from infra.invoice_checks import InvoiceChecks
from infra.provider_access import ProviderAccess
from sluice.settings import UPLOAD_DAYS_LIMIT, UPLOAD_INLINE_MB_LIMIT

EPHEMERAL_PREFIX = "pr-"
NO_ACCESS = ProviderAccess()
NO_CHECKS = InvoiceChecks()
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
class Stage:
    """One deployment of the gateway.

    `memory_mb` is for the functions on the request path, `log_days` for every log group, `ledger_days` for ledger
    entries. `requests_per_second` and `burst` are the API's own limit, per region, over all callers.
    Uploads are kept for `upload_days`, at most `upload_inline_mb` MB of them are written into one request, and web
    pages of `upload_origins` ("https://chat.example.com") may put them from a browser.
    `customer_key` is the id of a multi-Region KMS key that exists in every region of the stage; it then encrypts
    tables, secrets and uploads. Without one, keys that AWS owns or manages do that at no cost and with no call to KMS
    on the request path. `ephemeral` stages keep nothing when they are destroyed.
    `providers` says which providers let the functions' own role in; without an entry there, none does. `invoices` lists
    the vendors whose figures the ledger is compared with every night.
    """

    name: str
    regions: tuple[str, ...]
    account: str | None = None
    ephemeral: bool = False
    memory_mb: int = 256
    log_days: int = 30
    ledger_days: int = 90
    requests_per_second: int = 100
    burst: int = 200
    upload_days: int = 7
    upload_inline_mb: int = 16
    upload_origins: tuple[str, ...] = ()
    customer_key: str = ""
    providers: ProviderAccess = NO_ACCESS
    invoices: InvoiceChecks = NO_CHECKS
    alert_emails: tuple[str, ...] = ()
    """Who is told when a budget passes a threshold; AWS asks each address once whether it wants to be."""

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
        emails_fit = all(map(_EMAIL.fullmatch, self.alert_emails))
        self._check("alert_emails", emails_fit, "addresses such as finops@example.com")
        named_ephemeral = self.name.startswith(EPHEMERAL_PREFIX)
        self._check("ephemeral", self.ephemeral == named_ephemeral, f"true exactly for names in {EPHEMERAL_PREFIX}*")

    def _check(self, setting: str, holds: bool, allowed: str) -> None:
        if not holds:
            value = getattr(self, setting)
            raise InvalidStage(f"Stage {self.name!r}: {setting} is {value!r}; it must be {allowed}.")

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
