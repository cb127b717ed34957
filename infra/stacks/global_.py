"""What exists once for all regions: the records that send a caller to the nearest healthy one.

Each region's record goes by latency and stands only while the region's alarm is quiet. Where every region is in alarm,
Route 53 answers as if all were well. Everything is known by name, so this stack needs no value of another one, and a
region that is down cannot hold it up.
"""

from __future__ import annotations

from aws_cdk import Environment, Stack
from aws_cdk import aws_route53 as route53
from constructs import Construct

from infra.constructs.names import health_alarm_name
from infra.domain import Domain
from infra.settings import Stage


class GlobalStack(Stack):
    """Latency records and health checks of `domain`, one of each per region."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, domain: Domain) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(account=stage.account, region=stage.primary),
            description=f"Sluice {stage.name}: names of all regions",
        )
        for region in stage.regions:
            self._record(stage, domain, region)

    def _record(self, stage: Stage, domain: Domain, region: str) -> None:
        check = route53.CfnHealthCheck(
            self,
            f"Health-{region}",
            health_check_config=route53.CfnHealthCheck.HealthCheckConfigProperty(
                type="CLOUDWATCH_METRIC",
                alarm_identifier=route53.CfnHealthCheck.AlarmIdentifierProperty(
                    name=health_alarm_name(stage), region=region
                ),
                # An idle region has no data, and is well.
                insufficient_data_health_status="Healthy",
            ),
            health_check_tags=[
                route53.CfnHealthCheck.HealthCheckTagProperty(key="Name", value=f"{stage.prefix}-{region}")
            ],
        )
        route53.CfnRecordSet(
            self,
            f"Record-{region}",
            hosted_zone_id=domain.zone_id,
            name=f"{domain.name}.",
            type="A",
            set_identifier=region,
            region=region,
            health_check_id=check.attr_health_check_id,
            alias_target=route53.CfnRecordSet.AliasTargetProperty(
                dns_name=f"{domain.target_in(region)}.",
                hosted_zone_id=domain.zone_id,
                evaluate_target_health=False,
            ),
        )
