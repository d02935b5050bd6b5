"""A certificate authority of one's own, for the proxy: it can vouch for the hosts it was made for and for no other.

The names are written into the authority's certificate as a critical constraint (RFC 5280 4.2.1.10), so whoever trusts
it trusts it for these hosts only, even if its key is stolen. Keys are P-256; certificates of hosts live in memory only.
"""

from __future__ import annotations

import datetime as dt
import os
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from switchhook.core.errors import Unavailable

_LIFE = dt.timedelta(days=3650)
_HOST_LIFE = dt.timedelta(days=397)  # longer ones are refused by some clients
_EARLIER = dt.timedelta(hours=1)  # clocks differ


class Authority:
    """A certificate and its key, kept in a PEM file beside which the key stands (`NAME.key`, readable by its owner)."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def at(cls, path: Path, hosts: Iterable[str]) -> Authority:
        """Reads the authority, or makes one for these hosts; raises `Unavailable` when it cannot vouch for them."""
        hosts = tuple(hosts)
        key_path = path.with_name(path.name + ".key")
        try:
            if path.exists() or key_path.exists():
                found = cls._read(path, key_path)
            else:
                found = cls._made(hosts)
                found._write(path, key_path)
        except (OSError, ValueError, TypeError) as wrong:
            raise Unavailable(f"the certificate authority {path} cannot be used: {wrong}") from wrong
        missing = [host for host in hosts if host not in found.hosts]
        if missing:
            raise Unavailable(f"{path} was made without {', '.join(missing)}; delete it and {key_path} to make another")
        return found

    @classmethod
    def _read(cls, path: Path, key_path: Path) -> Authority:
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_path} is no key of ours")
        return cls(x509.load_pem_x509_certificate(path.read_bytes()), key)

    @classmethod
    def _made(cls, hosts: tuple[str, ...]) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Switchhook proxy for {', '.join(hosts)}"[:64])])
        allowed = x509.NameConstraints([x509.DNSName(host) for host in hosts], None)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            _begun(name, name, key.public_key(), _LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(allowed, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    def _write(self, path: Path, key_path: Path) -> None:
        descriptor = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_pem(self._key))
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that this authority may vouch for."""
        constraints = self._certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        return tuple(str(name.value) for name in constraints.permitted_subtrees or ())

    def context(self, host: str) -> ssl.SSLContext:
        """Returns what a server needs to answer as `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _begun(name, self._certificate.subject, key.public_key(), _HOST_LIFE)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        # The module `ssl` loads keys from files only.
        with tempfile.NamedTemporaryFile("wb", suffix=".pem") as file:
            file.write(_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
            file.flush()
            context.load_cert_chain(file.name)
        return context


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: dt.timedelta
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + life)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, plain, serialization.NoEncryption())
