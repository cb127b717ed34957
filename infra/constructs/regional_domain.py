"""One region's part of the gateway's host name.

The API answers to the common name and to the region's own, `<region>.<name>`, with one certificate that AWS renews.
Two records of the region point at API Gateway: its own, and the one that the common name's record in the global stack
points at. So no stack needs a value out of another region.
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_route53 as route53
from constructs import Construct

from infra.constructs.names import health_alarm_name
from infra.constructs.rest_api import API_STAGE
from infra.domain import Domain
from infra.settings import Stage

MINUTES = 3


class RegionalDomain(Construct):
    """The names, the certificate and the region's record, and the alarm that takes the region out."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        domain: Domain,
        region: str,
        api: apigateway.RestApi,
    ) -> None:
        super().__init__(scope, construct_id)
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id=domain.zone_id, zone_name=domain.zone
        )
        own, target = domain.in_region(region), domain.target_in(region)
        certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=domain.name,
            subject_alternative_names=[own],
            validation=acm.CertificateValidation.from_dns(zone),
        )
        for kind, name, record in (("Common", domain.name, target), ("Own", own, own)):
            made = apigateway.DomainName(
                self,
                kind,
                domain_name=name,
                certificate=certificate,
                endpoint_type=apigateway.EndpointType.REGIONAL,
                security_policy=apigateway.SecurityPolicy.TLS_1_2,
                mapping=api,
            )
            route53.CfnRecordSet(
                self,
                f"{kind}Record",
                hosted_zone_id=domain.zone_id,
                name=f"{record}.",
                type="A",
                alias_target=route53.CfnRecordSet.AliasTargetProperty(
                    dns_name=made.domain_name_alias_domain_name,
                    hosted_zone_id=made.domain_name_alias_hosted_zone_id,
                    evaluate_target_health=False,
                ),
            )
        self._health(stage, domain)

    def _health(self, stage: Stage, domain: Domain) -> None:
        # Route 53 takes standard statistics of one metric, no expressions (Route 53 API reference, AlarmIdentifier,
        # 2026-11). The average of 5XXError is the part of requests that failed.
        metric = cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name="5XXError",
            dimensions_map={"ApiName": stage.prefix, "Stage": API_STAGE},
            statistic="Average",
            period=Duration.minutes(1),
        )
        metric.create_alarm(
            self,
            "Health",
            alarm_name=health_alarm_name(stage),
            alarm_description="The region fails its callers; Route 53 sends them to another one.",
            threshold=domain.unhealthy_percent / 100,
            evaluation_periods=MINUTES,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
