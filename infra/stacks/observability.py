"""What one region is watched with: topics, alarms, the dashboard and saved queries, all from `infra.observability`."""

from __future__ import annotations

from aws_cdk import ArnFormat, CfnOutput, CfnResource, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.constructs.names import log_group_name
from infra.constructs.published import Published, name_parameter
from infra.observability.alarms import alarms, told
from infra.observability.model import Alarm, Composite, Deployed
from infra.observability.place import Place
from infra.observability.properties import alarm_name, alarm_properties, dashboard_body, description, rule, sourced
from infra.observability.queries import QUERIES
from infra.observability.widgets import rows
from infra.settings import Stage
from sluice.endpoints import ENDPOINTS
from sluice.settings import metric_namespace, table_name

IN_EVERY_REGION = (*(endpoint.function for endpoint in ENDPOINTS), "access")
"""Log groups of the API stack."""
TOPICS = {"page": "what hurts callers now", "ticket": "what can wait for the morning"}


class ObservabilityStack(Stack):
    """One region's alarms and dashboard; `jobs` is what its jobs stack published."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, region: str, jobs: Published) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(account=stage.account, region=region),
            description=f"Sluice {stage.name}: dashboard and alarms",
        )
        self.stage = stage
        self.place = place_of(stage, region, jobs)
        self._names: dict[Deployed, str] = {}
        self.on_expressions: list[CfnResource] = []
        """Alarms on more than one metric, which the emulator refuses."""
        self.topics = {severity: self._topic(severity) for severity in TOPICS}
        self._alarms()
        self._dashboard()
        self._queries()

    def _topic(self, severity: str) -> sns.Topic:
        # Not under a customer's key: CloudWatch could use it only if the key's own policy said so, and an alarm that
        # cannot be delivered is lost without a word. The messages hold names and figures.
        topic = sns.Topic(self, severity.capitalize(), topic_name=f"{self.stage.prefix}-{severity}", enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        watch = self.stage.watch
        for address in watch.page_emails if severity == "page" else watch.ticket_emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        CfnOutput(self, f"{severity.capitalize()}Topic", value=topic.topic_arn, description=f"Told {TOPICS[severity]}")
        return topic

    def _name(self, deployed: Deployed) -> str:
        if deployed.kind == "api":
            return self.stage.prefix
        if deployed.kind == "table":
            return table_name(self.stage.prefix, deployed.name)
        if deployed not in self._names:
            parameter = name_parameter(self.stage, f"{deployed.kind}s", deployed.name)
            self._names[deployed] = ssm.StringParameter.value_for_string_parameter(self, parameter)
        return self._names[deployed]

    def _alarms(self) -> None:
        made: dict[str, CfnResource] = {}
        for alarm in alarms(self.place):
            made[alarm.name] = self._composite(alarm) if isinstance(alarm, Composite) else self._alarm(alarm)
            for together in alarm.any_of if isinstance(alarm, Composite) else ():
                for name in together:
                    made[alarm.name].add_resource_dependency(made[name])

    def _alarm(self, alarm: Alarm) -> CfnResource:
        namespace = metric_namespace(self.stage.name)
        properties = alarm_properties(alarm, namespace, self._name) | self._told(alarm)
        kind = cloudwatch.CfnAlarm.CFN_RESOURCE_TYPE_NAME
        made = CfnResource(self, f"Alarm-{alarm.name}", type=kind, properties=properties)
        if "Metrics" in properties:
            self.on_expressions.append(made)
        return made

    def _composite(self, alarm: Composite) -> CfnResource:
        properties = {"AlarmRule": rule(self.stage.prefix, alarm)} | self._told(alarm)
        kind = cloudwatch.CfnCompositeAlarm.CFN_RESOURCE_TYPE_NAME
        return CfnResource(self, f"Alarm-{alarm.name}", type=kind, properties=properties)

    def _told(self, alarm: Alarm | Composite) -> dict[str, object]:
        found: dict[str, object] = {
            "AlarmName": alarm_name(self.stage.prefix, alarm.name),
            "AlarmDescription": description(alarm, self.stage.watch.runbooks_url),
        }
        if alarm.severity == "part":
            return found
        topic = self.topics[alarm.severity].topic_arn
        found["AlarmActions"] = [topic]
        if alarm.severity == "page":
            # Whoever was called at night also wants to know that it is over.
            found["OKActions"] = [topic]
        if isinstance(alarm, Alarm) and alarm.missing == "missing":
            found["InsufficientDataActions"] = [topic]
        return found

    def _dashboard(self) -> None:
        body = dashboard_body(
            rows(self.place),
            region=self.region,
            namespace=metric_namespace(self.stage.name),
            names=self._name,
            alarm_arns=[self._alarm_arn(alarm.name) for alarm in told(self.place)],
            queries={query.name: sourced(query, self._groups(query.groups)) for query in QUERIES},
        )
        # A dashboard's name counts in the whole account, not in its region.
        name = f"{self.stage.prefix}-{self.place.region}"
        cloudwatch.CfnDashboard(self, "Dashboard", dashboard_name=name, dashboard_body=self.to_json_string(body))

    def _alarm_arn(self, name: str) -> str:
        full = alarm_name(self.stage.prefix, name)
        arn_format = ArnFormat.COLON_RESOURCE_NAME
        return self.format_arn(service="cloudwatch", resource="alarm", resource_name=full, arn_format=arn_format)

    def _queries(self) -> None:
        for query in QUERIES:
            groups = self._groups(query.groups)
            if not groups:
                continue
            logs.CfnQueryDefinition(
                self,
                f"Query-{query.name}",
                name=f"{self.stage.prefix}/{query.name}",
                query_string=query.text,
                log_group_names=groups,
            )

    def _groups(self, names: tuple[str, ...]) -> list[str]:
        """Return the log groups of functions that the region has."""
        there = {*IN_EVERY_REGION, *self.place.jobs}
        return [log_group_name(self.stage, name) for name in names if name in there]


def place_of(stage: Stage, region: str, jobs: Published) -> Place:
    """Return what there is to watch in one region of a stage."""
    return Place(
        stage=stage.name,
        region=region,
        others=tuple(other for other in stage.regions if other != region),
        watch=stage.watch,
        jobs=jobs.functions,
        queues=jobs.queues,
        # The figures of all regions meet in the global tables, so the primary one compares them.
        invoices=tuple(stage.invoices.providers) if region == stage.primary else (),
        drift_bp=stage.invoices.bar_bp,
        exporting=bool(stage.exporters) or stage.archive,
    )
