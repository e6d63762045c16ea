"""The commands that make certificates: what they make, who may read it, and what they refuse."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.certificates import REPOSITORY, Authority

# Stands in for certbot: writes down what it was asked for, and leaves files where certbot does.
CERTBOT = """#!/bin/sh
printf '%s\\n' "$@" >"$RECORD"
[ -z "${CERTBOT_FAILS:-}" ] || exit 1
while [ "$1" != --config-dir ]; do shift; done
mkdir -p "$2/live/box.example.org" "$2/archive/box.example.org"
chmod 700 "$2/live" "$2/archive"
echo key >"$2/archive/box.example.org/privkey1.pem"
chmod 600 "$2/archive/box.example.org/privkey1.pem"
ln -s ../../archive/box.example.org/privkey1.pem "$2/live/box.example.org/privkey.pem"
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "private")


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def text_of(certificate: Path) -> str:
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-text"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_names_and_addresses_stand_in_the_certificate(authority: Authority) -> None:
    made = authority.server("box.lan", "*.box.lan", "192.168.1.20", "fd00::1")

    text = text_of(made.certificate)

    assert "DNS:box.lan, DNS:*.box.lan, IP Address:192.168.1.20, IP Address:FD00:0:0:0:0:0:0:1" in text
    assert "TLS Web Server Authentication" in text


def test_the_authority_is_made_once_and_certificates_anew(authority: Authority) -> None:
    first = authority.server("box.lan").certificate.read_bytes()
    trusted = authority.certificate.read_bytes()

    second = authority.server("box.lan").certificate.read_bytes()

    assert authority.certificate.read_bytes() == trusted
    assert first != second


def test_only_the_owner_reaches_keys_and_the_proxy_reads_its_own(authority: Authority, tmp_path: Path) -> None:
    server, client = authority.server("box.lan"), authority.client("gpu1")

    private = tmp_path / "private"

    assert rights(private) == 0o700
    assert rights(private / "authority" / "ca.key") == 0o600
    assert rights(client.key) == 0o600
    assert (rights(server.key), rights(authority.proxy_folder)) == (0o644, 0o755)
    assert not (authority.proxy_folder / "ca.key").exists()


def test_certificates_are_listed_with_their_state(authority: Authority) -> None:
    for name in ("gpu1", "gpu2"):
        authority.client(name)
    authority.revoke("gpu1")

    lines = authority.run("list").stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["revoked", "valid"]
    assert lines[1].endswith(" gpu2")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["server", "https://box.lan"], "'https://box.lan' is neither a name nor an address"),
        (["server", "box lan"], "'box lan' is neither a name nor an address"),
        (["client", "../gpu1"], "'../gpu1' is no name for a client"),
        (["client", ""], "'' is no name for a client"),
        (["revoke", "gpu9"], "there is no authority in"),
        (["list"], "there is no authority in"),
    ],
)
def test_what_can_not_be_done_is_said(authority: Authority, arguments: list[str], sentence: str) -> None:
    done = authority.run(*arguments)

    assert done.returncode == 1
    assert done.stderr.startswith(f"private-ca: {sentence}")


@pytest.mark.parametrize("arguments", [[], ["server"], ["client"], ["client", "a", "b"], ["nonsense"]])
def test_wrong_use_is_answered_with_the_right_one(authority: Authority, arguments: list[str]) -> None:
    done = authority.run(*arguments)

    assert done.returncode == 2
    assert "certs/private-ca.sh server NAME_OR_ADDRESS..." in done.stderr


def test_a_client_that_never_was_can_not_be_revoked(authority: Authority) -> None:
    authority.client("gpu1")

    done = authority.run("revoke", "gpu")

    assert (done.returncode, done.stderr) == (1, "private-ca: no valid certificate was made for client gpu\n")


def generate_certs(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command for Let's Encrypt with a certbot that only writes down what it is asked for."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "certbot").write_text(CERTBOT)
    (programs / "certbot").chmod(0o755)
    return subprocess.run(
        [str(REPOSITORY / "certs" / "generate-certs.sh"), *arguments],
        env={
            "PATH": f"{programs}:{os.defpath}",
            "RECORD": str(folder / "record"),
            "LETSENCRYPT_FOLDER": str(folder / "letsencrypt"),
            "ACME_FOLDER": str(folder / "acme"),
            "PROXY_GROUP": str(os.getgid()),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def asked(folder: Path) -> list[str]:
    return (folder / "record").read_text().splitlines()


def test_a_domain_is_ordered_by_http_through_the_proxy(tmp_path: Path) -> None:
    done = generate_certs(tmp_path, "box.example.org", EMAIL="me@example.org")

    words = asked(tmp_path)
    assert done.returncode == 0, done.stderr
    assert words[words.index("--webroot-path") + 1] == str(tmp_path / "acme")
    assert words[words.index("--domain") + 1] == "box.example.org"
    assert words[words.index("--email") + 1] == "me@example.org"
    assert "make env DOMAIN=box.example.org" in done.stdout
    assert f"LETSENCRYPT_FOLDER={tmp_path / 'letsencrypt'}" in done.stdout


def test_renewals_let_the_same_group_read(tmp_path: Path) -> None:
    generate_certs(tmp_path, "box.example.org")

    words = asked(tmp_path)
    hook = words[words.index("--deploy-hook") + 1]
    assert hook == f"env PROXY_GROUP={os.getgid()} {REPOSITORY / 'certs' / 'let-proxy-read.sh'}"


def test_a_domain_is_ordered_by_dns(tmp_path: Path) -> None:
    generate_certs(tmp_path, "box.example.org", "--dns", STAGING="1")

    words = asked(tmp_path)
    assert words[words.index("--preferred-challenges") + 1] == "dns"
    assert "--webroot" not in words
    assert "--staging" in words


def test_options_of_certbot_are_passed_on(tmp_path: Path) -> None:
    generate_certs(tmp_path, "*.example.org", "--", "--dns-cloudflare")

    words = asked(tmp_path)
    assert "--dns-cloudflare" in words
    assert words[words.index("--cert-name") + 1] == "example.org"


def test_the_proxy_may_read_what_certbot_made_and_others_may_not(tmp_path: Path) -> None:
    generate_certs(tmp_path, "box.example.org")

    folder = tmp_path / "letsencrypt"
    assert rights(folder / "archive" / "box.example.org" / "privkey1.pem") == 0o640
    assert (rights(folder / "live"), rights(folder / "archive")) == (0o750, 0o750)


@pytest.mark.parametrize(
    "domain", ["192.168.1.20", "box", "https://box.example.org", "-x.example.org", "a;b.example.org"]
)
def test_what_is_no_domain_is_refused(tmp_path: Path, domain: str) -> None:
    done = generate_certs(tmp_path, domain)

    assert done.returncode == 1
    assert done.stderr.startswith(f"generate-certs: '{domain}' is no domain such as box.example.org")


def test_an_order_that_fails_is_said_to_have_failed(tmp_path: Path) -> None:
    done = generate_certs(tmp_path, "box.example.org", CERTBOT_FAILS="1")

    assert done.returncode == 1
    assert "no certificate was made for box.example.org" in done.stderr
