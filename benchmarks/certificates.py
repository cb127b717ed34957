"""A certificate for the mocks, and a bundle that trusts it beside all the roots of this machine.

The bundle is as long as a real one, because reading it is part of every cold start.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


class Certificates(NamedTuple):
    """`server` holds key and certificate, `bundle` what clients trust; both are PEM files."""

    server: Path
    bundle: Path

    def context(self) -> ssl.SSLContext:
        """Return the context of a server on loopback."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        context.set_alpn_protocols(["http/1.1"])
        return context


def available() -> bool:
    """Whether certificates can be made here (`cryptography` comes with the development tools)."""
    return find_spec("cryptography") is not None


def make(folder: Path) -> Certificates:
    """Make a certificate for 127.0.0.1 that holds for a day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    server, bundle = folder / "server.pem", folder / "bundle.pem"
    server.touch(mode=0o600)
    server.write_bytes(secret + public)
    roots = ssl.get_default_verify_paths().cafile
    bundle.write_bytes((Path(roots).read_bytes() if roots else b"") + public)
    return Certificates(server, bundle)
