"""Tokens of an issuer."""

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from qserver.access.tokens import OidcVerifier
from qserver.errors import Unauthenticated, Unavailable
from qserver.identity import Role
from qserver.settings import AccessSettings
from tests.issuer import Issuer


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.close()


def settings_of(issuer: Issuer, **changes: object) -> AccessSettings:
    return AccessSettings.model_validate({"oidc_issuer": issuer.url, "oidc_audience": "qserver", **changes})


def test_a_good_token_says_who_its_bearer_is(issuer: Issuer) -> None:
    holder = OidcVerifier(settings_of(issuer)).verify(issuer.token())

    assert (holder.subject, holder.name, holder.role) == (f"{issuer.url}|42", "ada", Role.USER)
    assert timedelta(minutes=-1) < datetime.now(UTC) - holder.issued_at < timedelta(minutes=1)
    assert timedelta(minutes=59) < holder.expires_at - datetime.now(UTC) < timedelta(minutes=61)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"iss": "https://other.example.org"}, "issuer"),
        ({"aud": "another-service"}, "[Aa]udience"),
        ({"exp": datetime(2020, 1, 1, tzinfo=UTC)}, "expired"),
        ({"nbf": datetime.now(UTC) + timedelta(hours=1)}, "not yet valid"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": datetime.now(UTC) + timedelta(hours=1)}, "not yet valid"),
        ({"sub": None}, "sub"),
        ({"aud": None}, "aud"),
        ({"roles": ["student"]}, "no role here: its claim roles holds none of qserver-admin, qserver-user"),
        ({"roles": None}, "no role here"),
        ({"roles": {"qserver-admin": True}}, "no role here"),
    ],
)
def test_a_token_that_is_not_meant_for_us_is_refused(
    issuer: Issuer, changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(Unauthenticated, match=complaint):
        OidcVerifier(settings_of(issuer)).verify(issuer.token(**changes))


def test_a_signature_of_somebody_else_is_refused(issuer: Issuer) -> None:
    forged = jwt.encode(issuer.claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "1"})

    with pytest.raises(Unauthenticated, match="Signature"):
        OidcVerifier(settings_of(issuer)).verify(forged)


def test_a_token_without_a_signature_is_refused(issuer: Issuer) -> None:
    unsigned = jwt.encode(issuer.claims(), "", "none", {"kid": "1"})

    with pytest.raises(Unauthenticated, match="not good"):
        OidcVerifier(settings_of(issuer)).verify(unsigned)


def test_our_copy_of_the_public_key_is_no_shared_secret(issuer: Issuer) -> None:
    public = issuer.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    confused = jwt.encode(issuer.claims(), public, "HS256", {"kid": "1"})

    with pytest.raises(Unauthenticated, match="not good"):
        OidcVerifier(settings_of(issuer)).verify(confused)


@pytest.mark.parametrize("token", ["", "a.b.c", "qserver", "\x00.\x00.\x00"])
def test_what_is_no_token_is_refused(issuer: Issuer, token: str) -> None:
    with pytest.raises(Unauthenticated, match="neither a key of this service nor a token"):
        OidcVerifier(settings_of(issuer)).verify(token)


@pytest.mark.parametrize(
    ("words", "role"),
    [
        (["qserver-viewer", "qserver-admin"], Role.ADMIN),
        ("staff qserver-viewer", Role.VIEWER),
        ([1, None, "qserver-user"], Role.USER),
    ],
)
def test_the_highest_role_counts(issuer: Issuer, words: object, role: Role) -> None:
    assert OidcVerifier(settings_of(issuer)).verify(issuer.token(roles=words)).role is role


def test_the_claim_of_the_roles_may_lie_deeper_and_name_other_words(issuer: Issuer) -> None:
    settings = settings_of(issuer, oidc_role_claim="realm_access.roles", oidc_admin_role="boss")
    token = issuer.token(roles=None, realm_access={"roles": ["boss"]})

    assert OidcVerifier(settings).verify(token).role is Role.ADMIN


def test_who_has_no_role_may_get_one_by_default(issuer: Issuer) -> None:
    settings = settings_of(issuer, oidc_default_role="viewer")

    assert OidcVerifier(settings).verify(issuer.token(roles=[])).role is Role.VIEWER


def test_without_a_name_the_subject_is_the_name(issuer: Issuer) -> None:
    assert OidcVerifier(settings_of(issuer)).verify(issuer.token(preferred_username=None)).name == "42"


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("ada\x00\n l.", "ada l"),
        ("../../x", "x"),
        ("..", "42"),
        ("\ud800", "42"),
        ("Ada Müller-O'Hara", "Ada Müller-O'Hara"),
        (7, "42"),
        ("x" * 300, "x" * 150),
    ],
)
def test_a_name_is_what_lists_and_paths_can_show(issuer: Issuer, claim: object, name: str) -> None:
    token = issuer.token(preferred_username=claim)

    assert OidcVerifier(settings_of(issuer)).verify(token).name == name


@pytest.mark.parametrize("claim", [1e15, 1e30])
def test_an_end_beyond_time_is_none(issuer: Issuer, claim: float) -> None:
    with pytest.raises(Unauthenticated, match="exp"):
        OidcVerifier(settings_of(issuer)).verify(issuer.token(exp=claim))


@pytest.mark.parametrize("subject", ["", "s" * 256])
def test_a_subject_must_name_somebody(issuer: Issuer, subject: str) -> None:
    with pytest.raises(Unauthenticated, match="subject"):
        OidcVerifier(settings_of(issuer)).verify(issuer.token(sub=subject))


def test_a_page_in_the_place_of_the_keys_is_the_issuers_fault(issuer: Issuer) -> None:
    settings = settings_of(issuer, oidc_jwks_url=f"{issuer.url}/login")

    with pytest.raises(Unavailable, match="doesn't give its keys"):
        OidcVerifier(settings).verify(issuer.token())


def test_an_issuer_that_does_not_answer_is_no_fault_of_the_caller(issuer: Issuer) -> None:
    settings = settings_of(issuer, oidc_jwks_url="http://127.0.0.1:9", oidc_timeout_seconds=1)

    with pytest.raises(Unavailable, match="doesn't give its keys; try again"):
        OidcVerifier(settings).verify(issuer.token())


@pytest.mark.parametrize("setting", ["oidc_issuer", "oidc_jwks_url"])
def test_an_issuer_that_does_not_answer_is_not_asked_for_each_token(issuer: Issuer, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        verifier = OidcVerifier(settings_of(issuer, **{setting: url, "oidc_timeout_seconds": 0.1}))
        for _ in range(3):
            with pytest.raises(Unavailable, match="doesn't give its keys; try again"):
                verifier.verify(issuer.token())

        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


BROKEN_ANSWERS = {
    "reset": b"",
    "reset_amid_the_head": b"HTTP/1.1 200 OK\r\nContent-",
    "reset_amid_the_body": b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"keys": [',
    "no_http": b"SSH-2.0-OpenSSH\r\n",
    "no_text": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
    "another_document": b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"issuer": 1234}',
}


@pytest.mark.parametrize("setting", ["oidc_issuer", "oidc_jwks_url"])
@pytest.mark.parametrize("answer", BROKEN_ANSWERS.values(), ids=BROKEN_ANSWERS)
def test_an_issuer_whose_answer_is_broken_is_no_fault_of_ours_or_the_caller(
    issuer: Issuer, setting: str, answer: bytes
) -> None:
    with breaking_off(answer) as url:
        verifier = OidcVerifier(settings_of(issuer, **{setting: url, "oidc_timeout_seconds": 30}))

        with pytest.raises(Unavailable, match="doesn't give its keys; try again"):
            verifier.verify(issuer.token())


@contextmanager
def breaking_off(answer: bytes) -> Iterator[str]:
    """Serve one request with bytes, then reset its connection; gives the URL."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as executor:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(64 * 1024)
                connection.sendall(answer)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        served = executor.submit(serve)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        served.result(30)


def test_a_discovery_document_of_somebody_else_is_not_believed(issuer: Issuer) -> None:
    issuer.name_in_discovery = "https://other.example.org"
    try:
        with pytest.raises(Unavailable):
            OidcVerifier(settings_of(issuer)).verify(issuer.token())
    finally:
        issuer.name_in_discovery = None
