"""Everything that must survive a deployment: tables, secrets, uploads and the ledger's exports.

Tables come from `sluice.settings.TABLES`. The primary region owns the replicated tables and the secrets, and AWS keeps
copies in the stage's other regions; each region owns its regional tables. Outside ephemeral stages, what cannot be made
again is protected against deletion and kept when the stack goes. Uploads can be made again and live for days only:
their bucket goes with its stack once it is empty.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Duration, Environment, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.constructs.acknowledgements import acknowledge
from infra.constructs.names import (
    archive_bucket_name,
    customer_key_arn,
    export_bucket_name,
    ledger_stream_parameter,
    upload_bucket_name,
)
from infra.constructs.retention import kept
from infra.settings import Stage
from sluice.settings import PAYLOAD_DAYS, PAYLOADS_PREFIX, TABLES, UPLOAD_PREFIX, TableSchema, table_name

ACKNOWLEDGED = {
    "AwsSolutions-SMG4": "The jobs stack rotates the providers' keys, and names their secret by its name; a new pepper "
    "would end every virtual key at once (docs/adr/0012-rotation.md).",
    "AwsSolutions-S1": "Each use of an upload has a ledger entry. Server access logs would write signed URLs, which "
    "open the files while they last, into a second bucket; who wants a trail turns on CloudTrail's data events.",
}


class DataStack(Stack):
    """One region's tables, and in the primary region the global ones and the secrets."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, region: str) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(account=stage.account, region=region),
            description=f"Sluice {stage.name}: tables, secrets and uploads",
            termination_protection=not stage.ephemeral,
        )
        self.stage = stage
        is_primary = region == stage.primary
        self.key = kms.Key.from_key_arn(self, "Key", customer_key_arn(self, stage)) if stage.customer_key else None
        self.tables = {schema.name: self._table(schema) for schema in TABLES if is_primary or not schema.replicated}
        # A parameter and not an export: a stream that is made anew must not be held up by who reads the old one.
        ssm.StringParameter(
            self,
            "LedgerStream",
            parameter_name=ledger_stream_parameter(stage),
            string_value=str(self.tables["ledger"].table_stream_arn),
        )
        if is_primary:
            self._secrets()
        self._uploads()
        self._exports()
        if stage.archive:
            self._archive()
        acknowledge(self, ACKNOWLEDGED)

    def _table(self, schema: TableSchema) -> dynamodb.TableV2:
        keep = schema.retained and not self.stage.ephemeral
        recovery = dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=schema.restorable)
        string = dynamodb.AttributeType.STRING
        return dynamodb.TableV2(
            self,
            f"{schema.name.capitalize()}Table",
            table_name=table_name(self.stage.prefix, schema.name),
            partition_key=dynamodb.Attribute(name=schema.partition_key, type=string),
            sort_key=dynamodb.Attribute(name=schema.sort_key, type=string),
            billing=dynamodb.Billing.on_demand(),
            time_to_live_attribute=schema.ttl,
            dynamo_stream=dynamodb.StreamViewType[schema.stream] if schema.stream else None,
            encryption=self._encryption(schema),
            point_in_time_recovery_specification=recovery,
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
            replicas=[dynamodb.ReplicaTableProps(region=other) for other in self._replicas(schema)],
        )

    def _encryption(self, schema: TableSchema) -> dynamodb.TableEncryptionV2:
        if self.key is None:
            return dynamodb.TableEncryptionV2.dynamo_owned_key()
        arns = {other: customer_key_arn(self, self.stage, region=other) for other in self._replicas(schema)}
        return dynamodb.TableEncryptionV2.customer_managed_key(self.key, arns)

    def _replicas(self, schema: TableSchema) -> tuple[str, ...]:
        return self.stage.regions[1:] if schema.replicated else ()

    def _uploads(self) -> None:
        """Make the region's bucket of uploads, each object gone after the stage's days."""
        rule = s3.LifecycleRule(
            prefix=UPLOAD_PREFIX,
            expiration=Duration.days(self.stage.upload_days),
            abort_incomplete_multipart_upload_after=Duration.days(1),
        )
        name = upload_bucket_name(self, self.stage)
        self._bucket("UploadBucket", name, RemovalPolicy.DESTROY, rules=[rule], cors=self._browsers())

    def _exports(self) -> None:
        """Make the region's bucket of ledger exports, which outlive the entries themselves."""
        name = export_bucket_name(self, self.stage)
        self._bucket("ExportBucket", name, kept(self.stage), versioned=True)

    def _archive(self) -> None:
        """Make the region's bucket of payloads, each gone after its route's days, and of exported entries."""
        rules = [
            s3.LifecycleRule(prefix=f"{PAYLOADS_PREFIX}{days}d/", expiration=Duration.days(days))
            for days in PAYLOAD_DAYS
        ]
        self._bucket("ArchiveBucket", archive_bucket_name(self, self.stage), kept(self.stage), rules=rules)

    def _bucket(
        self,
        construct_id: str,
        name: str,
        removal: RemovalPolicy,
        *,
        rules: list[s3.LifecycleRule] | None = None,
        cors: list[s3.CorsRule] | None = None,
        versioned: bool | None = None,
    ) -> None:
        """Make a bucket: private, over TLS only, encrypted."""
        s3.Bucket(
            self,
            construct_id,
            bucket_name=name,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            # S3's own keys cost nothing and make no calls; a customer's key is asked for once per bucket and hour.
            encryption=s3.BucketEncryption.S3_MANAGED if self.key is None else s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=None if self.key is None else True,
            lifecycle_rules=rules,
            cors=cors,
            versioned=versioned,
            removal_policy=removal,
        )

    def _browsers(self) -> list[s3.CorsRule] | None:
        if not self.stage.upload_origins:
            return None
        return [
            s3.CorsRule(
                allowed_methods=[s3.HttpMethods.PUT],
                allowed_origins=list(self.stage.upload_origins),
                allowed_headers=["content-type", "x-amz-checksum-sha256"],
                exposed_headers=["etag"],
                max_age=3600,
            )
        ]

    def _secrets(self) -> None:
        # CloudFormation writes a secret's value when it creates it and when the value's own property changes, which
        # neither of these ever does: what an operator or a rotation has put there stays.
        self._secret(
            "ProviderSecret",
            self.stage.provider_secret,
            description='Keys of the providers: {"openai": {"api_key": "..."}, ...}',
            secret_string_value=SecretValue.unsafe_plain_text("{}"),
        )
        self._secret(
            "GatewaySecret",
            self.stage.gateway_secret,
            description="The pepper under which virtual keys are stored; a new one ends every virtual key",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - what the generated value is put into
                generate_string_key="pepper",
                password_length=64,
                exclude_punctuation=True,
            ),
        )

    def _secret(self, construct_id: str, name: str, **value: Any) -> None:
        secretsmanager.Secret(
            self,
            construct_id,
            secret_name=name,
            encryption_key=self.key,
            replica_regions=[self._secret_replica(region) for region in self.stage.regions[1:]],
            removal_policy=kept(self.stage),
            **value,
        )
        CfnOutput(self, f"{construct_id}Name", value=name)

    def _secret_replica(self, region: str) -> secretsmanager.ReplicaRegion:
        if not self.stage.customer_key:
            return secretsmanager.ReplicaRegion(region=region)
        arn = customer_key_arn(self, self.stage, region=region)
        return secretsmanager.ReplicaRegion(region=region, encryption_key=kms.Key.from_key_arn(self, region, arn))
