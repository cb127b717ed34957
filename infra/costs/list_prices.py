"""List prices of AWS in us-east-1, in dollars, without free tiers and discounts.

Read from the services' public pricing pages, 2026-11; other regions differ by up to a fifth. Check them against the
AWS Price List API before a decision hangs on them.
"""

from __future__ import annotations

from decimal import Decimal

HOURS = Decimal(730)
"""Hours of a month, as AWS's own calculator counts them."""

# aws.amazon.com/lambda/pricing (arm64)
LAMBDA_GB_SECOND = Decimal("0.0000133334")
LAMBDA_REQUESTS = Decimal("0.20")
"""Per million invocations."""
PROVISIONED_GB_SECOND = Decimal("0.0000033334")
"""Of provisioned concurrency, used or not."""
PROVISIONED_USED_GB_SECOND = Decimal("0.0000077778")
"""Of what runs within it, in place of LAMBDA_GB_SECOND."""

# aws.amazon.com/api-gateway/pricing
REST_REQUESTS = Decimal("3.50")
"""Per million; each begun 10 MB of a streamed answer counts as one."""

# aws.amazon.com/dynamodb/pricing (on demand, standard class)
WRITES = Decimal("0.625")
"""Per million write request units of 1 KB."""
REPLICATED_WRITES = Decimal("0.625")
"""The same in every region that holds a replica."""
READS = Decimal("0.125")
"""Per million read request units of 4 KB."""
TABLE_GB = Decimal("0.25")
RECOVERY_GB = Decimal("0.20")
"""Point-in-time recovery, per GB and month."""

# aws.amazon.com/cloudwatch/pricing
METRIC_SERIES = Decimal("0.30")
ALARM_METRIC = Decimal("0.10")
"""Per metric that an alarm looks at, by the month; a band of anomaly detection counts as two more."""
FAST_ALARM_METRIC = Decimal("0.30")
"""The same with a period under a minute."""
COMPOSITE_ALARM = Decimal("0.50")
DASHBOARD = Decimal("3.00")
LOGS_GB = Decimal("0.50")
"""Per GB that is written."""
LOGS_KEPT_GB = Decimal("0.03")

# aws.amazon.com/secrets-manager/pricing, /kms/pricing, /waf/pricing, /route53/pricing, /sqs/pricing
SECRET = Decimal("0.40")
"""Per secret and per replica of one."""
CUSTOMER_KEY = Decimal("1.00")
"""Per region that holds the key."""
WEB_ACL = Decimal("5.00")
WEB_ACL_RULE = Decimal("1.00")
WAF_REQUESTS = Decimal("0.60")
HEALTH_CHECK = Decimal("0.50")
"""Of an endpoint in AWS, and of an alarm."""
HEALTH_CHECK_FEATURE = Decimal("1.00")
"""HTTPS, string matching, a fast interval: each."""
HOSTED_ZONE = Decimal("0.50")

# aws.amazon.com/ec2/pricing/on-demand
EGRESS_GB = Decimal("0.09")
