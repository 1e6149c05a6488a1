import datetime
import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cameo3d.errors import CredentialsError, InputError
from cameo3d.provenance.keys import load_credentials, make_credentials, use_credentials

PEM = serialization.Encoding.PEM


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CAMEO3D_CREDENTIALS", str(tmp_path / "data" / "credentials"))
    return tmp_path / "data" / "credentials"


def secret(key, password: bytes | None = None) -> bytes:
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, locked)


def certificate(key, days=(-1, 30), usage=ExtendedKeyUsageOID.EMAIL_PROTECTION) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    flags = [True] + [False] * 8
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.KeyUsage(*flags), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return built.public_bytes(PEM)


@pytest.fixture
def files(tmp_path):
    """Writes a certificate and a key, and takes them over."""

    def use(chain: bytes, key: bytes):
        (tmp_path / "cert.pem").write_bytes(chain)
        (tmp_path / "key.pem").write_bytes(key)
        return use_credentials(tmp_path / "cert.pem", tmp_path / "key.pem")

    return use


def sentence(error) -> str:
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_the_key_is_made_once_and_nobody_else_may_read_it(folder):
    first = load_credentials()
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert load_credentials() == first
    assert make_credentials().fingerprint != first.fingerprint
    assert [path.name for path in folder.parent.iterdir()] == ["credentials"]


def test_a_certificate_says_nothing_about_the_user(folder, monkeypatch):
    monkeypatch.setenv("USER", "gertrude")
    text = x509.load_pem_x509_certificates(make_credentials().chain)
    names = " ".join(one.subject.rfc4514_string() + one.issuer.rfc4514_string() for one in text)
    assert "gertrude" not in names
    assert os.uname().nodename not in names
    assert "PRIVATE" not in (folder / "root.pem").read_text()


def test_the_root_vouches_for_the_leaf_and_its_key_is_forgotten(folder):
    leaf, root = x509.load_pem_x509_certificates(make_credentials().chain)
    leaf.verify_directly_issued_by(root)
    assert sorted(path.name for path in folder.iterdir()) == ["certificates.pem", "key.pem", "root.pem"]


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_a_key_of_ones_own_is_taken_over(files, key):
    taken = files(certificate(key), secret(key))
    assert taken.subject == "CN=somebody"
    assert taken.algorithm in ("es384", "ed25519")
    assert taken.root is None
    assert load_credentials() == taken


def test_what_cannot_sign_is_refused_in_one_sentence_and_changes_nothing(files):
    before = make_credentials()
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    good = certificate(key)
    for chain, pem, said in (
        (certificate(key, (-9, -2)), secret(key), "expired on"),
        (certificate(key, (2, 9)), secret(key), "valid only from"),
        (good, secret(other), "does not belong to the key"),
        (certificate(key, usage=ExtendedKeyUsageOID.SERVER_AUTH), secret(key), "lacks the usages"),
        (good + certificate(other), secret(key), "not vouched for"),
        (b"no certificate", secret(key), "no PEM files"),
        (good, b"no key", "no PEM files"),
        (good, secret(key, b"password"), "encrypted"),
    ):
        with pytest.raises(CredentialsError) as error:
            files(chain, pem)
        assert said in sentence(error)
    assert load_credentials() == before


def test_a_missing_certificate_is_told(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        use_credentials(tmp_path / "cert.pem", tmp_path / "key.pem")


def test_damaged_credentials_are_told(folder):
    make_credentials()
    (folder / "key.pem").write_text("nonsense")
    with pytest.raises(CredentialsError) as error:
        load_credentials()
    assert "credentials init" in sentence(error)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(folder):
    folder.parent.mkdir()
    folder.parent.chmod(0o500)
    with pytest.raises(CredentialsError, match="CAMEO3D_CREDENTIALS"):
        load_credentials()


def test_a_folder_that_cannot_be_made_is_told(folder):
    folder.parent.write_text("a file stands where the folder should be")
    with pytest.raises(CredentialsError) as error:
        load_credentials()
    assert "CAMEO3D_CREDENTIALS" in sentence(error)
