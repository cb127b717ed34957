"""Measure what the gateway costs: `make bench`, on any machine, against a mock upstream that answers in 0.04 ms.

Every figure comes from one run in which all targets take turns, round by round, so that a noisy machine is noisy for
all of them. Where there are two cores or more, the target has one to itself; load, mock upstream and mock AWS share
another. Compare the columns of one table; absolute times do not carry over to another machine.

Targets
* `direct`: the mock upstream without anything between; its latency is subtracted from everyone's.
* `sluice`: the streaming function on its runtime loop, the same dialect (OpenAI) on both sides. The load generator is
  its Runtime API, so no local API Gateway is measured with it; authentication, plan, dispatch, ledger entry and metrics
  line are. DynamoDB and Secrets Manager answer from memory, and connections are plain HTTP, as for all others.
* `sluice-anthropic`, `sluice-translating`: the same environments on Anthropic Messages, and translating that to OpenAI.
* `sluice-tls`: as deployed, with TLS to AWS and to the provider; cold start and memory are judged by it.
* `floor-raw` (bytes copied between two sockets), `floor-loop` (the runtime loop with a handler that only passes bytes
  on), `floor-httpx` and `floor-aiohttp` (where installed): bare pass-throughs.
* `PEERS=litellm,portkey`: other gateways, installed from their registries into `.cache/peers`.

Workloads: a 1 KB prompt with a 500 byte answer at 1, 8 and 32 callers; a stream of 200 chunks, one a millisecond, less
a stream of one chunk (CPU per chunk); 100 chunks at once (burst); and a cold start, from the start of the process to
its first whole answer, in turns with bare Python under awslambdaric.

CPU is user and system time of the target's own processes, as the kernel's scheduler counts it; the lower quartile of
all rounds. "Loaded" is the same with 32 callers: 34 environments that share one core, where Lambda gives each its own.
While CPU per chunk is measured, load and mock upstream share the target's core (see `gauges.gathered`).
"""
