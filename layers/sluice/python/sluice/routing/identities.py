"""Reads the member `identity` of a configuration document; imported only for documents that have one.

    {"issuers": [{"name": "okta", "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["sluice"],
                  "algorithms": ["RS256"], "jwks_url": "https://acme.okta.com/oauth2/default/v1/keys",
                  "clock_skew": 60, "required": {"email_verified": ["true"]},
                  "rules": [{"when": {"groups": ["search"]}, "team": "search", "user_claim": "email",
                             "tag_claims": {"department": "dept"}, "models": ["openai/*"]}]}],
     "principals": [{"arn": "arn:aws:iam::123456789012:role/search-*", "team": "search"}]}

This is the full form that publishing makes of what people write (`sluice.control.identity_schema`). Members that this
version of the code does not know are passed over; an algorithm that it does not know is an error, not a wish.
"""

from __future__ import annotations

from sluice.routing.configuration import Raw, _count, _flag, _list, _object, _text, _texts
from sluice.types.identity import ALGORITHMS, ClaimRule, Grant, Identity, Issuer, PrincipalRule


def identity(raw: object) -> Identity:
    """Return who may call without a virtual key. Raises ValueError, which names the member at fault."""
    document = _object(raw, "identity")
    try:
        issuers = tuple(_issuer(_object(each, "it")) for each in _list(document.get("issuers") or [], "issuers"))
        principals = tuple(_principal(_object(each, "it")) for each in _list(document.get("principals") or [], "it"))
    except KeyError as error:
        raise ValueError(f"identity: {error} is missing") from None
    except ValueError as error:
        raise ValueError(f"identity: {error}") from None
    return Identity(issuers, principals)


def _issuer(raw: Raw) -> Issuer:
    algorithms = _texts(raw, "algorithms", ())
    if not algorithms or not set(algorithms) <= set(ALGORITHMS):
        raise ValueError(f"algorithms must be of {', '.join(ALGORITHMS)}")
    plain = Issuer("", "", (), (), ())
    return Issuer(
        name=_text(raw["name"], "name"),
        issuer=_text(raw["issuer"], "issuer"),
        audiences=_texts(raw, "audiences", ()),
        algorithms=algorithms,
        rules=tuple(_rule(_object(rule, "each rule")) for rule in _list(raw["rules"], "rules")),
        jwks_url=_text(raw.get("jwks_url") or "", "jwks_url"),
        required=_wanted(raw, "required"),
        clock_skew=_count(raw.get("clock_skew", plain.clock_skew), "clock_skew"),
        allow_loopback=_flag(raw, "allow_loopback") or False,
    )


def _rule(raw: Raw) -> ClaimRule:
    return ClaimRule(
        grant=_grant(raw),
        when=_wanted(raw, "when"),
        team_claim=_text(raw.get("team_claim") or "", "team_claim"),
        user_claim=_text(raw.get("user_claim", "sub"), "user_claim"),
        tag_claims=_pairs(raw, "tag_claims"),
    )


def _principal(raw: Raw) -> PrincipalRule:
    return PrincipalRule(_text(raw["arn"], "arn"), _grant(raw), _flag(raw, "session_as_user") or False)


def _grant(raw: Raw) -> Grant:
    return Grant(
        team=_text(raw.get("team") or "", "team"),
        models=_texts(raw, "models", ()),
        scopes=_texts(raw, "scopes", ("inference",)),
        team_bound=_flag(raw, "team_bound") or False,
        tags=_pairs(raw, "tags"),
    )


def _wanted(raw: Raw, member: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    wanted = _object(raw.get(member) or {}, member)
    return tuple((name, _texts(wanted, name, ())) for name in wanted)


def _pairs(raw: Raw, member: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value, name)) for name, value in _object(raw.get(member) or {}, member).items())
