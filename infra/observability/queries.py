"""The saved queries of Logs Insights: what an operator asks first, over the lines that the gateway really writes.

A `request` line is the whole story of one request (`sluice.aws.emf`); its `entry` is the ledger's record, where money
is in billionths of a dollar (`entry.cost`), times are in milliseconds and what says nothing is left out, so `outcome`
is there only when a request did not end well. `access` is API Gateway's own log. Words in capitals are to be replaced.
"""

from __future__ import annotations

from infra.observability.model import Query

REQUESTS = ("streaming", "completion")
JOBS = ("rollup", "reconcile", "export", "exporter", "rotation", "alerts")
"""Of these, the ones that a region has."""
ACCESS = ("access",)

QUERIES: tuple[Query, ...] = (
    Query(
        "slowest-requests",
        "The slowest requests, and where their time went.",
        """\
filter kind = "request"
| fields entry.ms - entry.overhead_us / 1000 as provider_ms
| sort entry.ms desc
| limit 50
| display entry.id, entry.provider, entry.model, entry.ms, entry.first_ms, provider_ms, entry.overhead_us""",
        REQUESTS,
    ),
    Query(
        "errors-by-class",
        "What went wrong, how often, with whom, and one request of each kind to look at.",
        """\
filter kind = "request" and ispresent(entry.outcome)
| stats count(*) as requests, latest(entry.id) as example
    by entry.outcome, entry.status, entry.error, entry.error_kind, entry.provider
| sort requests desc
| limit 50""",
        REQUESTS,
    ),
    Query(
        "cost-by-team",
        "What each team spent, on how many requests and tokens.",
        """\
filter kind = "request" and ispresent(entry.cost)
| stats sum(entry.cost) / 1000000000 as dollars, count(*) as requests, sum(OutputTokens) as output_tokens by entry.team
| sort dollars desc
| limit 50""",
        REQUESTS,
    ),
    Query(
        "cost-by-model",
        "What each team spent on which model and with which key.",
        """\
filter kind = "request" and ispresent(entry.cost)
| stats sum(entry.cost) / 1000000000 as dollars, count(*) as requests
    by entry.provider, entry.model, entry.team, entry.key
| sort dollars desc
| limit 100""",
        REQUESTS,
    ),
    Query(
        "fallbacks",
        "Requests that went on to another deployment, and what the first one answered.",
        """\
filter kind = "request" and Fallbacks = 1
| stats count(*) as requests, latest(entry.id) as example
    by entry.attempts.0.0 as first, entry.attempts.0.2 as because, entry.provider, entry.model
| sort requests desc
| limit 50""",
        REQUESTS,
    ),
    Query(
        "provider-failures",
        "Failing calls by deployment: status and reason of the first attempt.",
        """\
filter kind = "request" and ispresent(entry.attempts.0.2) and entry.attempts.0.2 != "ok"
| stats count(*) as requests, latest(entry.id) as example
    by entry.provider, entry.attempts.0.0 as deployment, entry.attempts.0.1 as status, entry.attempts.0.2 as outcome
| sort requests desc
| limit 50""",
        REQUESTS,
    ),
    Query(
        "refused-by-budget",
        "Requests that a budget or a limit refused, by team and key.",
        """\
filter kind = "request" and entry.status in [402, 429] and not ispresent(entry.error_kind)
| stats count(*) as requests, latest(entry.id) as example by entry.team, entry.key, entry.status, entry.error
| sort requests desc
| limit 50""",
        REQUESTS,
    ),
    Query(
        "one-request",
        "Every line about one request.",
        """\
filter entry.id = "REQUEST" or request_id = "REQUEST"
| sort @timestamp asc
| limit 20
| display @timestamp, @log, kind, @message""",
        (*REQUESTS, "reconcile"),
    ),
    Query(
        "keys-requests",
        "What one virtual key did; KEY is the id, the twelve characters behind sk-sluice-.",
        """\
filter kind = "request" and entry.key = "KEY"
| sort @timestamp desc
| limit 200
| display @timestamp, entry.id, entry.asked, entry.provider, entry.model, entry.status, entry.error, entry.cost""",
        REQUESTS,
    ),
    Query(
        "cold-starts",
        "How many requests met a cold start, and what it cost them.",
        """\
filter kind = "request"
| stats sum(ColdStarts) as cold, count(*) as requests, pct(Overhead, 50) as p50_us, pct(Overhead, 99) as p99_us
    by bin(15m), @log
| limit 200""",
        REQUESTS,
    ),
    Query(
        "slow-gateway",
        "Requests on which the gateway itself was slow, and what they had in common.",
        """\
filter kind = "request" and Overhead > 100000
| stats count(*) as requests, pct(Overhead, 99) as p99_us, sum(ColdStarts) as cold, sum(LeaseMisses) as waited,
    latest(entry.id) as example by entry.op, entry.dialect, entry.provider
| sort requests desc
| limit 50""",
        REQUESTS,
    ),
    Query(
        "unfinished-requests",
        "Requests that reached a provider and of which no end was logged.",
        """\
filter kind in ["open", "request"]
| stats latest(kind) as last, latest(@timestamp) as seen, latest(@logStream) as environment by entry.id, entry.team
| filter last = "open"
| sort seen desc
| limit 100""",
        REQUESTS,
    ),
    Query(
        "faults",
        "Faults of the gateway's own: what could not be written or renewed, and why.",
        """\
filter kind = "fault"
| stats count(*) as faults, latest(request_id) as example by event, error
| sort faults desc
| limit 50""",
        REQUESTS,
    ),
    Query(
        "crashes",
        "What functions and their runtime printed that is no line of ours: crashes, time-outs, memory.",
        """\
filter not ispresent(kind) and @message like /(?i)(error|exception|timed out|killed|exit)/
| sort @timestamp desc
| limit 100
| display @timestamp, @log, @logStream, @message""",
        (*REQUESTS, "routing", *JOBS),
    ),
    Query(
        "books",
        "What the sweep found and put right, run by run.",
        """\
filter kind = "books"
| sort @timestamp desc
| limit 100
| display @timestamp, EntriesRestored, EntriesLost, HoldsReturned, UsageDriftUSD, CounterDriftUSD, RollupAge""",
        ("reconcile",),
    ),
    Query(
        "corrections",
        "Budget counters that the sweep corrected: by how much (billionths of a dollar), and where.",
        """\
filter kind = "correction"
| sort @timestamp desc
| limit 100
| display @timestamp, counter, part, off, added""",
        ("reconcile",),
    ),
    Query(
        "rotations",
        "The steps of rotations, and what stopped them.",
        """\
filter kind like /^rotation/
| sort @timestamp desc
| limit 100
| display @timestamp, kind, @message""",
        ("rotation",),
    ),
    Query(
        "deliveries",
        "What the exporter delivered, how late, and which targets did not take it.",
        """\
filter kind = "export"
| sort @timestamp desc
| limit 100
| display @timestamp, ExportedEntries, ExportFailures, ExportAge, @message""",
        ("exporter",),
    ),
    Query(
        "api-errors",
        "What API Gateway answered with 5xx, and why.",
        """\
filter status >= 500
| stats count(*) as requests by status, errorType, integrationStatus, integrationError, method, resource
| sort requests desc
| limit 50""",
        ACCESS,
    ),
)


def query_named(name: str) -> Query:
    """Return a saved query. Raises KeyError for a name that there is not."""
    return {query.name: query for query in QUERIES}[name]
