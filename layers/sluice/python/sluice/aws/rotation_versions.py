"""The provider secret's versions in Secrets Manager (`control.rotation.versions.SecretVersions`)."""

from __future__ import annotations

import json
from typing import Any

from sluice.aws.errors import AwsError, Refused
from sluice.aws.secretsmanager import Sealed
from sluice.aws.service import JsonService
from sluice.control.rotation.failures import RotationStopped
from sluice.control.rotation.versions import CURRENT, PENDING, Document, Overview


class ProviderSecret:
    """One secret by its name or ARN. No value shows in an error."""

    def __init__(self, service: JsonService, secret_id: str) -> None:
        self._service = service
        self._secret_id = secret_id

    def overview(self) -> Overview:
        """Return its versions and times. Raises AwsError."""
        found = self._service.call("DescribeSecret", {"SecretId": self._secret_id})
        labels = {version: tuple(those) for version, those in (found.get("VersionIdsToStages") or {}).items()}
        return Overview(labels, _moment(found.get("LastRotatedDate")), _moment(found.get("NextRotationDate")))

    def read(self, version: str) -> tuple[Document, float] | None:
        """Return a version's document and when it was made, None while it has no value. Raises AwsError."""
        try:
            found = self._service.call("GetSecretValue", {"SecretId": self._secret_id, "VersionId": version})
        except Refused as error:
            if error.aws_code == "ResourceNotFoundException":
                return None
            raise
        text = found.get("SecretString")
        if not text:
            return None
        document = _parsed(str(text))
        if document is None:
            # Raised outside any handler: a parser's error would carry the document.
            raise RotationStopped(f"Version {version[:8]} of the provider secret is not a JSON object; put one in.")
        return Sealed(document), _moment(found.get("CreatedDate")) or 0.0

    def put(self, version: str, document: Document) -> bool:
        """Write the pending version; False when another value stands under this name. Raises AwsError."""
        wanted = {
            "SecretId": self._secret_id,
            "ClientRequestToken": version,
            "SecretString": json.dumps(document),
            "VersionStages": [PENDING],
        }
        try:
            self._service.call("PutSecretValue", wanted)
        except Refused as error:
            if error.aws_code == "ResourceExistsException":
                return False
            raise
        return True

    def promote(self, version: str, before: str | None) -> None:
        """Move AWSCURRENT to `version`. Raises AwsError."""
        wanted: dict[str, Any] = {"SecretId": self._secret_id, "VersionStage": CURRENT, "MoveToVersionId": version}
        self._service.call("UpdateSecretVersionStage", wanted | ({"RemoveFromVersionId": before} if before else {}))

    def unlabel(self, label: str, version: str) -> None:
        """Take a label from a version; one that it no longer has is fine. Raises AwsError."""
        wanted = {"SecretId": self._secret_id, "VersionStage": label, "RemoveFromVersionId": version}
        try:
            self._service.call("UpdateSecretVersionStage", wanted)
        except Refused as error:
            if error.aws_code not in ("InvalidParameterException", "ResourceNotFoundException"):
                raise

    def rotate(self) -> str:
        """Ask Secrets Manager to begin a rotation; returns "" or why it does not. Raises AwsError."""
        try:
            self._service.call("RotateSecret", {"SecretId": self._secret_id})
        except AwsError as error:
            if error.aws_code != "InvalidRequestException":
                raise
            return error.detail or error.message
        return ""


def _parsed(text: str) -> Document | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _moment(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
