"""The key that signs outputs: made once for this installation, or the user's own with its certificate.

What is made here says nothing about the user: the certificate is issued by a root that is forgotten as soon
as it has signed once, and both are named after the program. Who has the root can tell that two files come
from one installation; public readers call the issuer unknown.
"""

import datetime
import os
import secrets
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cameo3d.errors import CredentialsError
from cameo3d.media.files import check_input, shown

_YEARS = 10
_KEY, _CHAIN, _ROOT = "key.pem", "certificates.pem", "root.pem"
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_AGAIN = "run `cameo3d credentials init`"


@dataclass(frozen=True)
class Credentials:
    """A key with its certificates, checked to fit each other and to be valid now."""

    folder: Path
    """Where they are kept."""
    algorithm: str
    """C2PA's name of the signature, such as "es256"."""
    subject: str
    """Who the certificate names."""
    issuer: str
    """Who says so."""
    expires: datetime.datetime
    """Until when it is valid."""
    fingerprint: str
    """SHA-256 of the certificate, in hexadecimal digits."""
    chain: bytes
    """The certificate and those that vouch for it, as PEM."""
    key: bytes
    """The private key, as PEM."""
    root: bytes | None
    """The certificate that a reader has to trust, if it was made here."""


def credentials_folder() -> Path:
    """Where key and certificates are kept: $CAMEO3D_CREDENTIALS, or a folder in the user's data folder."""
    if chosen := os.environ.get("CAMEO3D_CREDENTIALS"):
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data).expanduser() / "cameo3d" / "credentials"


def load_credentials() -> Credentials:
    """The installation's key, made now if there is none.

    Raises:
        CredentialsError: If it cannot be made, is damaged, or has expired.
    """
    folder = credentials_folder()
    if not (folder / _KEY).exists():
        return make_credentials()
    try:
        chain, key = (folder / _CHAIN).read_bytes(), (folder / _KEY).read_bytes()
        root = (folder / _ROOT).read_bytes() if (folder / _ROOT).exists() else None
    except OSError as error:
        raise CredentialsError(
            f"The credentials in {shown(folder)} cannot be read ({_reason(error)}); check the folder or "
            f"{_AGAIN}."
        ) from error
    return _checked(folder, chain, key, root, f"The credentials in {shown(folder)}", _AGAIN)


def installation_root() -> bytes | None:
    """The root certificate of this installation as PEM, if it has one; nothing is made."""
    try:
        return (credentials_folder() / _ROOT).read_bytes()
    except OSError:
        return None


def make_credentials() -> Credentials:
    """Make a new key with its certificates; an older one is replaced.

    Raises:
        CredentialsError: If the folder cannot be written.
    """
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("cameo3d self-made root", "cameo3d self-made root", root_key, root_key)
    leaf = _certificate("cameo3d installation", "cameo3d self-made root", key, root_key)
    pem = serialization.Encoding.PEM
    return _keep(
        leaf.public_bytes(pem) + root.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        root.public_bytes(pem),
    )


def use_credentials(certificates: Path, key: Path) -> Credentials:
    """Take over the user's own certificate and key; earlier ones are replaced.

    Args:
        certificates: PEM file with the certificate first, then those that vouch for it.
        key: PEM file with the unencrypted private key.

    Raises:
        InputError: If a file cannot be read.
        CredentialsError: If they do not fit each other, are not valid now, are not meant for this, or cannot
            be kept.
    """
    chain = check_input(certificates, "certificate").read_bytes()
    secret = check_input(key, "key").read_bytes()
    _checked(certificates, chain, secret, None, f"The certificate {shown(certificates)}", "give another")
    return _keep(chain, secret, None)


def _certificate(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now, is_root = datetime.datetime.now(datetime.UTC), subject == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(not is_root, False, False, False, False, is_root, is_root, False, False),
            critical=True,
        )
    )
    if not is_root:  # readers of C2PA accept this usage; the one for signing documents they refuse
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, text),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "cameo3d (self-made key)"),
        ]
    )


def _keep(chain: bytes, key: bytes, root: bytes | None) -> Credentials:
    """Put the files into the folder, which nobody else may enter, all at once."""
    folder = credentials_folder()
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(6)}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir(mode=0o700)
        for name, content in ((_KEY, key), (_CHAIN, chain), (_ROOT, root)):
            if content is not None:
                descriptor = os.open(fresh / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "wb") as file:
                    file.write(content)
        if folder.is_dir():
            old = fresh.with_name(f"{fresh.name}-old")
            folder.rename(old)
            fresh.rename(folder)
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    except OSError as error:
        raise CredentialsError(
            f"The key cannot be kept in {shown(folder)} ({_reason(error)}); make the folder writable or name "
            "another in CAMEO3D_CREDENTIALS."
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return _checked(folder, chain, key, root, f"The credentials in {shown(folder)}", _AGAIN)


def _checked(
    folder: Path, chain: bytes, key: bytes, root: bytes | None, name: str, remedy: str
) -> Credentials:
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        secret = serialization.load_pem_private_key(key, None)
    except TypeError as error:  # the key asks for a password
        raise CredentialsError(
            f"The key of {name.lower()} is encrypted; store it without a password."
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CredentialsError(f"{name} and its key are no PEM files that can be read; {remedy}.") from error
    leaf, now = certificates[0], datetime.datetime.now(datetime.UTC)
    if secret.public_key() != leaf.public_key():
        raise CredentialsError(f"{name} does not belong to the key; {remedy}.")
    if now > leaf.not_valid_after_utc:
        raise CredentialsError(f"{name} expired on {leaf.not_valid_after_utc:%Y-%m-%d}; {remedy}.")
    if now < leaf.not_valid_before_utc:
        raise CredentialsError(f"{name} is valid only from {leaf.not_valid_before_utc:%Y-%m-%d}; {remedy}.")
    for lower, upper in pairwise(certificates):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise CredentialsError(f"{name} is not vouched for by the one after it; {remedy}.") from error
    if not _may_sign(leaf):
        raise CredentialsError(f"{name} lacks the usages digitalSignature and emailProtection; {remedy}.")
    return Credentials(
        folder=folder,
        algorithm=_algorithm(secret, name),
        subject=leaf.subject.rfc4514_string(),
        issuer=leaf.issuer.rfc4514_string(),
        expires=leaf.not_valid_after_utc,
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        chain=chain,
        key=key,
        root=root,
    )


def _may_sign(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return usage.digital_signature and ExtendedKeyUsageOID.EMAIL_PROTECTION in extended


def _algorithm(key: object, name: str) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise CredentialsError(
        f"{name} has a key of a kind that C2PA does not know; give one of P-256 or Ed25519."
    )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
