"""A signed statement by AWS of who this function is, for a reader outside AWS (STS GetWebIdentityToken).

The account must have outbound identity federation switched on, and the role be allowed the action for the audience.
Source: AWS STS API reference, "GetWebIdentityToken" (regional endpoints only; RS256; 60 to 3600 s), 2026-11.
"""

from __future__ import annotations

import re

from sluice.providers.sigv4 import source
from sluice.providers.tokens import Order, TokenFailed
from sluice.providers.tokens.exchange import form, send_to_aws
from sluice.signing import Signer

LIFE_SECONDS = 300
_TOKEN = re.compile(rb"<WebIdentityToken>\s*([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\s*</WebIdentityToken>")
_CODE = re.compile(rb"<Code>([A-Za-z][A-Za-z.]{0,80})</Code>")
_REMEDIES = {
    "AccessDenied": "Add the audience to federation_audiences in infra/settings.py.",
    "OutboundWebIdentityFederationDisabled": "Run `aws iam enable-outbound-web-identity-federation` once per account.",
}


def web_identity_token(order: Order, audience: str) -> str:
    """Return a JWT of the function's role for one audience. Raises TokenFailed, RoleUnavailable."""
    suffix = "amazonaws.com.cn" if order.home.startswith("cn-") else "amazonaws.com"
    url = order.sts_url.rstrip("/") + "/" if order.sts_url else f"https://sts.{order.home}.{suffix}/"
    body = form(
        {
            "Action": "GetWebIdentityToken",
            "Version": "2011-06-15",
            "Audience.member.1": audience,
            "SigningAlgorithm": "RS256",
            "DurationSeconds": str(LIFE_SECONDS),
        }
    )
    keys = source(order.held, order.role, order.provider.name)
    signer = Signer("sts", order.home, keys, now=order.now)
    headers = signer.sign("POST", url, {"content-type": "application/x-www-form-urlencoded"}, body)
    status, content = send_to_aws(order, url, body, headers)
    found = _TOKEN.search(content)
    if status == 200 and found is not None:
        return found[1].decode()
    code = _CODE.search(content)
    reason = code[1].decode().removesuffix("Exception") if code else "no reason"
    remedy = _REMEDIES.get(reason, "")
    problem = f"AWS STS answered {status} ({reason}) when asked for an identity token for {audience}. {remedy}"
    kind = "connection" if status in {200, 429} or status >= 500 else "authentication"
    raise TokenFailed(order.provider.name, problem.strip(), kind=kind)
