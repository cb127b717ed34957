"""What is wrong with who may call without a virtual key, and what is only doubtful."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.errors import GatewayError
from sluice.providers.addresses import check_base_url
from sluice.types.identity import Identity, Issuer
from sluice.types.routes import Configuration


def identity_complaints(configuration: Configuration, *, local: bool) -> Iterator[str]:
    """Yield what makes an issuer unsafe or useless; `local` is true in the local stack alone."""
    for issuer in _of(configuration).issuers:
        where = f"identity.issuers.{issuer.name}"
        if issuer.allow_loopback and not local:
            yield f"{where}.allow_loopback: is for the local stack only"
        for member, url in (("issuer", issuer.issuer), ("jwks_url", issuer.jwks_url)):
            if not url or (member == "issuer" and issuer.jwks_url):
                continue  # with a jwks_url, the issuer is a name that is only compared
            try:
                check_base_url(url, issuer.allow_loopback and local)
            except GatewayError as error:
                yield f"{where}.{member}: {error.message}"


def identity_doubts(configuration: Configuration) -> list[str]:
    """Return what is allowed and probably not meant, one sentence each."""
    identity = _of(configuration)
    found = [doubt for issuer in identity.issuers for doubt in _open(issuer)]
    for rule in identity.principals:
        if rule.arn.endswith(("role/*", "user/*")):
            found.append(
                f"identity.principals: {rule.arn} lets in every one of the account; name them, or their prefix"
            )
    return found


def _open(issuer: Issuer) -> Iterator[str]:
    where = f"identity.issuers.{issuer.name}"
    for number, rule in enumerate(issuer.rules):
        if not rule.when and not issuer.required:
            yield f"{where}.rules.{number}: lets in everybody with a token for the audience; say when, or required"
        if not rule.when and number + 1 < len(issuer.rules):
            yield f"{where}.rules.{number}: holds for every token, so the rules after it never apply"


def _of(configuration: Configuration) -> Identity:
    return configuration.identity or Identity()
