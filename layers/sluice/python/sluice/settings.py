"""What the deployment tells the code: environment variables and the table schema.

This is the only reader of the environment, and it imports nothing of Sluice, so the CDK app, the local stack and the
functions share one spelling of every name. Table names are `<SLUICE_TABLE_PREFIX>-<name>`; every table has a string
partition key `pk` and a string sort key `sk`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

UPLOAD_PREFIX = "uploads/"
"""What the keys of uploads begin with."""
EXPORT_PREFIX = "focus/"
"""What the keys of the ledger's exports begin with."""
SECRET_TTL_SECONDS = 900
"""How long an environment uses the provider keys that it has read, unless a provider refuses one."""
SECRET_REPLICATION_SECONDS = 300
"""How long a new version of a secret may take to reach the other regions; AWS states no bound, seconds are usual."""
ENTRIES_PREFIX = "entries/"
"""What the keys of ledger entries in the archive begin with."""
PAYLOADS_PREFIX = "payloads/"
"""What the keys of archived payloads begin with; how many days they are kept follows, `payloads/30d/`."""
PAYLOAD_DAYS = (1, 7, 30, 90, 365)
"""How long payloads may be kept: each has a lifecycle rule of the bucket."""
UPLOAD_DAYS_LIMIT = 30
UPLOAD_INLINE_MB_LIMIT = 64
"""A request with that many MB of files needs a function of 1 GB: each stands there several times at once."""
PARTITION_KEY = "pk"
SORT_KEY = "sk"


class TableSchema(NamedTuple):
    """One DynamoDB table. (A NamedTuple: a frozen dataclass would cost its share of every cold start.)

    `replicated` tables are global tables, the others exist once per region. `ttl` names the attribute that holds
    epoch seconds, `stream` the view that the table's stream carries, None for neither. `restorable` asks for
    point-in-time recovery, `retained` keeps the table when its stack is deleted.
    """

    name: str
    replicated: bool
    ttl: str | None = None
    stream: str | None = None
    restorable: bool = False
    retained: bool = False
    partition_key: str = PARTITION_KEY
    sort_key: str = SORT_KEY


TABLES: tuple[TableSchema, ...] = (
    TableSchema("config", replicated=True, restorable=True, retained=True),
    TableSchema("usage", replicated=True, ttl="expires_at", restorable=True, retained=True),
    # Both images: where an entry takes the place of the sweep's guess, roll-ups count the difference.
    TableSchema(
        "ledger", replicated=False, ttl="expires_at", stream="NEW_AND_OLD_IMAGES", restorable=True, retained=True
    ),
    TableSchema("cache", replicated=False, ttl="expires_at"),
    # Only ever added to. Replicated, so that every region can show all; each writes a chain of its own.
    TableSchema("audit", replicated=True, restorable=True, retained=True),
)
"""Every table of a deployment."""


class SettingsError(ValueError):
    """An environment variable is missing or cannot be read; the message names it."""


def table_name(prefix: str, name: str) -> str:
    """Return the full name of the table that the schema calls `name`."""
    return f"{prefix}-{name}"


def metric_namespace(stage: str) -> str:
    """Return the CloudWatch namespace of a stage's metrics, so that two stages of one account never mix."""
    return f"Sluice/{stage}"


@dataclass(frozen=True)
class Settings:
    """What one function was told.

    `endpoint_url` replaces every AWS endpoint (emulator only). `local` is true in the local stack alone: there a
    configuration may send a provider's traffic to a loopback address. `ledger_days` is how long an entry is kept.
    `log_groups` are where the sweep finds request lines, `local_logs` the folder that takes their place in the local
    stack; a request is called lost when nothing was heard of it for `sweep_grace_seconds`, by default longer than any
    function may run. Uploads are kept in `upload_bucket` ("": none are taken) for `upload_days` days; at most
    `upload_inline_mb` MB of them are written into one request. `role_services` are the AWS services that the
    function's role may call as providers. `invoices` is the JSON text of what the ledger is compared with,
    `export_bucket` where it is exported to. The credentials never appear in `repr`.
    """

    stage: str
    table_prefix: str
    provider_secret: str
    gateway_secret: str
    region: str
    endpoint_url: str | None = None
    regions: tuple[str, ...] = ()
    local: bool = False
    ledger_days: int = 90
    log_groups: tuple[str, ...] = ()
    local_logs: str = ""
    sweep_grace_seconds: int = 1020
    upload_bucket: str = ""
    upload_days: int = 7
    upload_inline_mb: int = 16
    alert_topic: str = ""
    """ARN of the SNS topic that alerts about budgets are published to; "" for none."""
    export_bucket: str = ""
    exporters: str = ""
    """JSON text: where telemetry goes (`sluice.telemetry.options`)."""
    archive_bucket: str = ""
    """Where payloads of routes that archive them go, and entries of an exporter to S3; "" for none."""
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    role_services: tuple[str, ...] = ()
    invoices: str = ""
    rotation: str = ""
    """JSON text: how each provider's key is rotated (`control.rotation.options`)."""
    credentials_url: str = ""
    credentials_authorization: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `environ`, by default the environment of this very interpreter.

        Raises:
            SettingsError: names the first variable that is missing or malformed.
        """
        if environ is None:
            environ = os.environ
        return cls(
            stage=_required(environ, "SLUICE_STAGE"),
            table_prefix=_required(environ, "SLUICE_TABLE_PREFIX"),
            provider_secret=_required(environ, "SLUICE_PROVIDER_SECRET"),
            gateway_secret=_required(environ, "SLUICE_GATEWAY_SECRET"),
            region=_required(environ, "AWS_REGION"),
            endpoint_url=environ.get("AWS_ENDPOINT_URL") or None,
            regions=tuple(filter(None, environ.get("SLUICE_REGIONS", "").split(","))),
            local=environ.get("SLUICE_LOCAL") == "1",
            ledger_days=_number(environ, "SLUICE_LEDGER_DAYS", 90, 36_500),
            log_groups=tuple(filter(None, environ.get("SLUICE_LOG_GROUPS", "").split(","))),
            local_logs=environ.get("SLUICE_LOCAL_LOGS", ""),
            sweep_grace_seconds=_number(environ, "SLUICE_SWEEP_GRACE_SECONDS", 1020, 86_400),
            upload_bucket=environ.get("SLUICE_UPLOAD_BUCKET", ""),
            upload_days=_number(environ, "SLUICE_UPLOAD_DAYS", 7, UPLOAD_DAYS_LIMIT),
            upload_inline_mb=_number(environ, "SLUICE_UPLOAD_INLINE_MB", 16, UPLOAD_INLINE_MB_LIMIT),
            alert_topic=environ.get("SLUICE_ALERT_TOPIC", ""),
            export_bucket=environ.get("SLUICE_EXPORT_BUCKET", ""),
            exporters=environ.get("SLUICE_EXPORTERS", ""),
            archive_bucket=environ.get("SLUICE_ARCHIVE_BUCKET", ""),
            access_key_id=environ.get("AWS_ACCESS_KEY_ID", ""),
            secret_access_key=environ.get("AWS_SECRET_ACCESS_KEY", ""),
            session_token=environ.get("AWS_SESSION_TOKEN", ""),
            role_services=tuple(filter(None, environ.get("SLUICE_ROLE_SERVICES", "").split(","))),
            invoices=environ.get("SLUICE_INVOICES", ""),
            rotation=environ.get("SLUICE_ROTATION", ""),
            credentials_url=environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""),
            credentials_authorization=environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""),
        )

    def table(self, name: str) -> str:
        """Return the full name of the table that the schema calls `name`."""
        return table_name(self.table_prefix, name)


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise SettingsError(f"Environment variable {name} is not set; the function needs it. Set it and start again.")
    return value


def _number(environ: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise SettingsError(f"Environment variable {name} must be a whole number from 1 to {most}.")
    return int(text)
