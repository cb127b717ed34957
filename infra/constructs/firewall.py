"""AWS WAF in front of one region's API, for stages that ask for it.

Two rules, and both look at addresses alone. No rule looks at a body: to managed rules a prompt about SQL or HTML is an
attack, and they see its first 16 KB only (AWS WAF developer guide, "Oversize web request components", 2026-11).
"""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

RATE_SECONDS = 300
Rule = wafv2.CfnWebACL.RuleProperty
Statement = wafv2.CfnWebACL.StatementProperty


class Firewall(Construct):
    """The web ACL of `api`: known-bad addresses, and addresses with more than `rate` requests in five minutes."""

    def __init__(self, scope: Construct, construct_id: str, *, api: apigateway.RestApi, rate: int) -> None:
        super().__init__(scope, construct_id)
        reputation = wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
            vendor_name="AWS", name="AWSManagedRulesAmazonIpReputationList"
        )
        limit = wafv2.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP", limit=rate, evaluation_window_sec=RATE_SECONDS
        )
        acl = wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_watched("Acl"),
            rules=[
                Rule(
                    name="Reputation",
                    priority=0,
                    statement=Statement(managed_rule_group_statement=reputation),
                    override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
                    visibility_config=_watched("Reputation"),
                ),
                Rule(
                    name="Rate",
                    priority=1,
                    statement=Statement(rate_based_statement=limit),
                    action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                    visibility_config=_watched("Rate"),
                ),
            ],
        )
        stage_arn = api.deployment_stage.stage_arn
        wafv2.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn)


def _watched(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    # Sampled requests hold headers, hence keys.
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
