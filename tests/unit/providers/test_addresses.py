"""Provider calls stay on the public internet, whatever the configuration or DNS says."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.providers.addresses import AddressRefused, check_base_url, check_resolved, endpoint_url

ANY_V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
ANY_V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)


def accepted(ip: object, *, allow_loopback: bool = False) -> bool:
    try:
        check_resolved(str(ip), allow_loopback)
    except AddressRefused:
        return False
    return True


@given(st.one_of(ANY_V4, ANY_V6))
def test_only_global_unicast_addresses_are_called(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if accepted(ip):
        assert ip.is_global
        assert not any((ip.is_multicast, ip.is_reserved, ip.is_loopback, ip.is_link_local, ip.is_private))


@given(ANY_V4)
def test_no_ipv4_address_hides_in_an_ipv6_one(ip: ipaddress.IPv4Address) -> None:
    assert not accepted(f"::ffff:{ip}")
    assert not accepted(f"::{ip}")
    assert not accepted(f"64:ff9b::{ip}")
    assert not accepted(f"2002:{int(ip) >> 16:x}:{int(ip) & 0xFFFF:x}::1")


@pytest.mark.parametrize("ip", ["1.1.1.1", "104.18.7.192", "2606:4700::6812:7c0", "2a00:1450:4001:80b::200e"])
def test_public_addresses_are_called(ip: str) -> None:
    assert accepted(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "169.254.169.254",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:1.1.1.1",
        "no-address",
    ],
)
def test_internal_addresses_are_refused_in_the_local_stack_too(ip: str) -> None:
    assert not accepted(ip)
    assert not accepted(ip, allow_loopback=True)


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_called_only_where_that_is_allowed(ip: str) -> None:
    assert not accepted(ip)
    assert accepted(ip, allow_loopback=True)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("HTTPS://API.Example.COM:8443/v1/", "https://api.example.com:8443/v1"),
        ("https://1.1.1.1/v1", "https://1.1.1.1/v1"),
        ("https://[2606:4700::1111]:443/v1", "https://[2606:4700::1111]:443/v1"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example"),
    ],
)
def test_a_public_https_url_is_taken_in_normal_form(url: str, normal: str) -> None:
    assert check_base_url(url) == normal


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost:9000", "[::1]:9000", "gateway.localhost:9000"])
def test_this_machine_may_be_a_base_url_only_where_that_is_allowed(host: str) -> None:
    assert check_base_url(f"http://{host}/v1", allow_loopback=True) == f"http://{host}/v1"
    for scheme in ("http", "https"):
        with pytest.raises(AddressRefused, match="this machine"):
            check_base_url(f"{scheme}://{host}/v1")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com/v1",
        "ftp://api.openai.com",
        "api.openai.com/v1",
        "https://",
        "https:///v1",
        "https://user:secret@api.openai.com/v1",
        "https://api.openai.com/v1?x=1",
        "https://api.openai.com/v1#x",
        "https://api.openai.com\\@169.254.169.254/",
        "https://api.openai.com/v1\r\nx-injected: 1",
        "https://api.openai.com /v1",
        "https://intranet/v1",
        "https://a..b.example/",
        "https://a%2eexample.com/",
        "https://münchen.example/",
        "https://api.openai.com:0/v1",
        "https://api.openai.com:65536/v1",
        "https://api.openai.com:x/v1",
        "https://[::ffff:169.254.169.254]/",
        "https://[::1/",
        "https://[api.openai.com]/",
        "https://[]/",
        "https://169.254.169.254/latest/meta-data",
        "https://192.168.0.10/v1",
    ],
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_an_unsafe_base_url_is_refused_with_a_reason(url: str, allow_loopback: bool) -> None:
    with pytest.raises(AddressRefused) as caught:
        check_base_url(url, allow_loopback)
    assert caught.value.message
    assert "secret@" not in caught.value.message
    assert isinstance(caught.value, ValueError)


def odd_spellings(ip: ipaddress.IPv4Address) -> list[str]:
    octets = ip.packed
    return [
        str(int(ip)),
        hex(int(ip)),
        ".".join(f"0{octet:03o}" for octet in octets),
        ".".join(hex(octet) for octet in octets),
        f"{octets[0]}.{int(ip) & 0xFFFFFF}",
        f"{ip}.",
    ]


@given(ANY_V4)
@example(ipaddress.IPv4Address("127.0.0.1"))
@example(ipaddress.IPv4Address("169.254.169.254"))
def test_no_odd_spelling_of_an_ipv4_address_passes(ip: ipaddress.IPv4Address) -> None:
    for host in odd_spellings(ip):
        with pytest.raises(AddressRefused):
            check_base_url(f"https://{host}/v1", allow_loopback=True)


@given(st.text(alphabet="abz019.-:/@?#[]%\\ \n_", max_size=30), st.booleans())
def test_what_is_taken_means_the_same_to_a_url_parser(rest: str, allow_loopback: bool) -> None:
    try:
        taken = check_base_url(f"https://{rest}", allow_loopback)
    except AddressRefused:
        return
    parsed = urlsplit(taken)
    assert parsed.scheme == "https"
    assert parsed.hostname
    assert parsed.username is None
    assert not parsed.query
    assert not parsed.fragment
    assert check_base_url(taken, allow_loopback) == taken


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://api.openai.com/v1", "/chat/completions", "https://api.openai.com/v1/chat/completions"),
        ("https://api.anthropic.com", "/v1/messages", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "/v1/messages", "https://api.anthropic.com/v1/messages"),
        ("https://api.groq.com", "/openai/v1/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
        (
            "https://api.groq.com/openai/v1",
            "/openai/v1/chat/completions",
            "https://api.groq.com/openai/v1/chat/completions",
        ),
        ("https://api.deepseek.com/v1", "/chat/completions", "https://api.deepseek.com/v1/chat/completions"),
        ("https://api.deepseek.com/v1", "/anthropic/v1/messages", "https://api.deepseek.com/anthropic/v1/messages"),
        ("https://openrouter.ai/api/v1/", "/messages", "https://openrouter.ai/api/v1/messages"),
        ("http://127.0.0.1:80", "/anthropic/v1/messages", "http://127.0.0.1:80/anthropic/v1/messages"),
        ("https://host.example/messages-api", "/messages", "https://host.example/messages-api/messages"),
    ],
)
def test_a_path_is_joined_to_both_ways_of_writing_the_base_url(base: str, path: str, url: str) -> None:
    assert endpoint_url(base, path) == url
