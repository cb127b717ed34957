"""Which addresses a provider call may go to: public ones over https, and this machine only in the local stack.

A base URL comes from configuration, so whoever may write configuration could aim the gateway, and the keys that it
sends along, at the cloud's metadata service or at hosts behind the firewall. `check_base_url` refuses such URLs when
they are written; `check_resolved` is asked again for every address that DNS gives, because a name may resolve to
something else tomorrow. Special-purpose networks: IANA registries of RFC 6890 (2026-11).
"""

from __future__ import annotations

import socket

from sluice.errors import ProviderError

_REFUSED_4 = (
    ("0.0.0.0", 8),  # noqa: S104 - "this network", reaches the machine itself
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("169.254.0.0", 16),  # link-local, with the cloud's metadata service
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.31.196.0", 24),
    ("192.52.193.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("192.175.48.0", 24),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 3),  # multicast and reserved
)
_LOOPBACK_4 = ("127.0.0.0", 8)
_GLOBAL_6 = ("2000::", 3)
_REFUSED_6 = (("2001::", 23), ("2001:db8::", 32), ("2002::", 16), ("3fff::", 20))
_LOOPBACK_6 = ("::1", 128)
_LOCAL_NAMES = ("localhost", "localhost.")
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


class AddressRefused(ProviderError, ValueError):
    """The gateway may not call this address. (A ValueError too, so that pydantic reports it as a fault.)"""

    def __init__(self, message: str) -> None:
        super().__init__(message, provider_status=502, kind="permission")
        self.error_code = "provider_address_refused"


def check_base_url(url: str, allow_loopback: bool = False) -> str:
    """Return `url` in normal form: lower-case scheme and host, no slash at the end.

    `allow_loopback` permits this machine, over http too. Raises AddressRefused with the remedy.
    """
    if not url.isascii() or any(ord(c) <= 0x20 or c in "\\\x7f" for c in url):
        raise AddressRefused("A base URL holds plain ASCII without spaces, backslashes or control characters.")
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in ("http", "https"):
        raise AddressRefused("A base URL starts with https://.")
    if "?" in rest or "#" in rest:
        raise AddressRefused("A base URL has no query and no fragment.")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        raise AddressRefused("A base URL names no user; the key belongs in the provider secret.")
    host, port = _split_port(authority.lower())
    loopback = _check_host(host, allow_loopback)
    if scheme == "http" and not loopback:
        raise AddressRefused(f"{host} must be called over https: http would show the provider key to the network.")
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}{port}{slash}{path}".rstrip("/")


def check_resolved(ip: str, allow_loopback: bool = False) -> None:
    """Check one address that DNS gave for a provider's host. Raises AddressRefused."""
    packed = _packed(ip.partition("%")[0])
    if packed is None:
        raise AddressRefused("The provider's host resolves to something that is not an IP address.")
    _check_address(packed, ip, allow_loopback)


def endpoint_url(base_url: str, path: str) -> str:
    """Join a base URL and an endpoint's path.

    SDKs disagree on whether the version belongs to the base URL, so what both state is taken once: a `/v1` at the
    base's end yields to one inside the path, and the base's last segments to the same ones at the path's start.
    """
    base = base_url.rstrip("/")
    if base.endswith("/v1") and "/v1/" in path:
        base = base[:-3]
    start = base.find("/", base.find("://") + 3)
    segments = base[start:].split("/")[1:] if start >= 0 else []
    for count in range(len(segments), 0, -1):
        shared = "/" + "/".join(segments[-count:])
        if path.startswith(shared + "/"):
            return base[: len(base) - len(shared)] + path
    return base + path


def _split_port(authority: str) -> tuple[str, str]:
    """Return the host and `:port` ("" where none is stated)."""
    if authority.startswith("["):
        host, closed, port = authority[1:].partition("]")
        if not closed or not host or _packed(host) is None:
            raise AddressRefused("An IPv6 address in a base URL stands in brackets: https://[2606:4700::1111]/v1.")
    else:
        host, colon, digits = authority.partition(":")
        port = colon + digits
    if port:
        digits = port[1:]
        if port[0] != ":" or not digits.isdigit() or len(digits) > 5 or not 0 < int(digits) < 65536:
            raise AddressRefused("The port of a base URL is a number from 1 to 65535.")
    return host, port


def _check_host(host: str, allow_loopback: bool) -> bool:
    """Return whether the host is this machine. Raises AddressRefused."""
    packed = _packed(host)
    if packed is not None:
        return _check_address(packed, host, allow_loopback)
    if host in _LOCAL_NAMES or host.endswith((".localhost", ".localhost.")):
        if not allow_loopback:
            raise AddressRefused(f"{host} is this machine; a provider may be there in the local stack only.")
        return True
    labels = host.removesuffix(".").split(".")
    if not host or not _HOST_CHARACTERS.issuperset(host) or not all(labels):
        raise AddressRefused("The host of a base URL is a DNS name or an IP address.")
    # Resolvers also read 127.1, 0x7f000001, 2130706433 and 0177.0.0.1 as addresses.
    last = labels[-1]
    if last.isdigit() or last.startswith("0x"):
        raise AddressRefused(f"{host} is neither a DNS name nor an IPv4 address in the form 192.0.2.1.")
    if len(labels) == 1:
        raise AddressRefused(f"{host} is not a public DNS name; give the full one, as in api.example.com.")
    return False


def _check_address(packed: bytes, shown: str, allow_loopback: bool) -> bool:
    """Return whether the address is this machine. Raises AddressRefused for any that is not public."""
    if _inside(packed, _LOOPBACK_4) or _inside(packed, _LOOPBACK_6):
        if not allow_loopback:
            raise AddressRefused(f"{shown} is this machine; a provider may be there in the local stack only.")
        return True
    public = not any(_inside(packed, network) for network in (_REFUSED_4 if len(packed) == 4 else _REFUSED_6))
    if len(packed) == 16:
        public = public and _inside(packed, _GLOBAL_6)
    if not public:
        raise AddressRefused(f"{shown} is not a public address; the gateway calls providers on the internet only.")
    return False


def _packed(ip: str) -> bytes | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, ip)
        except (OSError, ValueError):
            continue
    return None


def _inside(packed: bytes, network: tuple[str, int]) -> bool:
    prefix = _packed(network[0])
    if prefix is None or len(prefix) != len(packed):
        return False
    shift = len(packed) * 8 - network[1]
    return int.from_bytes(packed, "big") >> shift == int.from_bytes(prefix, "big") >> shift
