"""The file of secrets: strong, private, and never made twice."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "make-env.sh"
STRONG = "correct-horse-battery"


def make_env(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": str(folder / ".env"), **variables}
    return subprocess.run(
        [SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def values(folder: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", (folder / ".env").read_text(), flags=re.MULTILINE))


def test_secrets_are_strong_and_nobody_else_s_to_read(tmp_path: Path) -> None:
    answer = make_env(tmp_path)

    assert answer.returncode == 0, answer.stderr
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    passwords = [value for name, value in values(tmp_path).items() if name.endswith("_PASSWORD")]
    assert len(set(passwords)) == len(passwords) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", password) for password in passwords)
    assert re.fullmatch(r"qserver_[A-Za-z0-9]{64}", values(tmp_path)["QSERVER_ADMIN_KEY"])
    assert values(tmp_path)["QSERVER_ADMIN_KEY"] not in answer.stdout + answer.stderr
    assert not any(password in answer.stdout + answer.stderr for password in passwords)


def test_services_get_their_passwords_as_files_that_nobody_else_here_can_reach(tmp_path: Path) -> None:
    make_env(tmp_path)

    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}
    assert (folder / "database_password").read_text() == values(tmp_path)["DB_PASSWORD"]
    assert (folder / "database_owner_password").read_text() == values(tmp_path)["DB_ROOT_PASSWORD"]
    assert (folder / "broker_password").read_text() == values(tmp_path)["RABBITMQ_PASSWORD"]
    assert values(tmp_path)["SECRETS_FOLDER"] == str(folder)


def test_a_changed_password_is_written_and_told_to_compose(tmp_path: Path) -> None:
    make_env(tmp_path)
    text = (tmp_path / ".env").read_text()
    first = values(tmp_path)
    stale = text.replace(first["DB_PASSWORD"], f"'{STRONG} $1'").replace(first["SECRETS_CHANGED"], "then")
    (tmp_path / ".env").write_text(stale)
    told = make_env(tmp_path, "--check")

    make_env(tmp_path)

    assert "secrets/database_password doesn't hold DB_PASSWORD of " in told.stderr
    assert "run make env" in told.stderr
    assert (tmp_path / "secrets" / "database_password").read_text() == f"{STRONG} $1"
    assert values(tmp_path)["SECRETS_CHANGED"] != "then"
    assert make_env(tmp_path, "--check").returncode == 0


def test_what_is_set_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# mine\nDB_PASSWORD='a fine p@ssphrase $ indeed'\nTIME_TO_DELETE=7\nWORKER_REPLICAS=3\n"
    )

    make_env(tmp_path)
    first = (tmp_path / ".env").read_text()
    again = make_env(tmp_path)

    assert first.startswith("# mine\nDB_PASSWORD='a fine p@ssphrase $ indeed'\nTIME_TO_DELETE=7\nWORKER_REPLICAS=3\n")
    assert (tmp_path / ".env").read_text() == first
    assert "nothing was missing" in again.stdout


def test_a_last_line_without_an_end_stays_one_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_ROOT_USER=root\nDB_USERNAME=qserver\nTIME_TO_DELETE=7")

    answer = make_env(tmp_path)

    assert answer.returncode == 0, answer.stderr
    assert values(tmp_path)["TIME_TO_DELETE"] == "7"
    assert len(values(tmp_path)["DB_ROOT_PASSWORD"]) == 32


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("DB_PASSWORD=short", r"DB_PASSWORD in .* has 5 characters; the least is 12"),
        ("RABBITMQ_PASSWORD=guestguestguest", "RABBITMQ_PASSWORD in .*fewer than 6 different characters"),
        ("QSERVER_ADMIN_KEY=qserver_short", "QSERVER_ADMIN_KEY in .* at least 32 random"),
        ("QSERVER_ADMIN_KEY=abcdefghijklmnopqrstuvwxyz0123456789", "must be qserver_ and at least 32"),
        ("DB_ROOT_PASSWORD=postgres-password", "DB_ROOT_PASSWORD in .*everybody tries first"),
        ("DB_PASSWORD=a-fine-p@ss$phrase", r"DB_PASSWORD in .* holds a \$.*between single quotes"),
        ('DB_PASSWORD="a-fine-p@ss$phrase"', r"DB_PASSWORD in .* holds a \$.*between single quotes"),
        ("DB_USERNAME=qserver_owner", "are the same"),
        ("DB_USERNAME='a b'", "DB_USERNAME in .* must be a name"),
        ("DB_WORKER_USERNAME=away", "DB_WORKER_PASSWORD in .* is empty"),
        (
            f"DB_WORKER_USERNAME=qserver\nDB_WORKER_PASSWORD={STRONG}",
            "DB_WORKER_USERNAME and DB_USERNAME in .* the same",
        ),
        (
            f"RABBITMQ_WORKER_USER=qserver\nRABBITMQ_WORKER_PASSWORD={STRONG}",
            "RABBITMQ_WORKER_USER and RABBITMQ_USER in .* are the same",
        ),
        ("DOMAIN=https://box.example.org", "DOMAIN is 'https://box.example.org'; it must be a name"),
        ("WORKER_REPLICAS=many", "WORKER_REPLICAS is 'many'"),
    ],
)
def test_what_is_weak_or_wrong_is_refused_with_a_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n")

    answer = make_env(tmp_path)

    assert answer.returncode == 1
    assert re.search(sentence, answer.stderr)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    answer = make_env(tmp_path, "--check")

    assert answer.returncode == 1
    assert "run make env" in answer.stderr


def test_the_box_is_divided_between_its_workers(tmp_path: Path) -> None:
    make_env(tmp_path)
    halves = values(tmp_path)

    make_env(tmp_path, WORKERS="4")

    quarters = values(tmp_path)
    assert (halves["WORKER_REPLICAS"], quarters["WORKER_REPLICAS"]) == ("2", "4")
    assert float(quarters["WORKER_CPUS"]) == pytest.approx(float(halves["WORKER_CPUS"]) / 2, abs=0.01)
    assert quarters["DB_PASSWORD"] == halves["DB_PASSWORD"]


def test_gpus_and_the_endpoint_choose_their_compose_files(tmp_path: Path) -> None:
    make_env(tmp_path, GPUS="2")
    make_env(tmp_path, WORKER_ENDPOINT="on")

    found = values(tmp_path)
    assert found["COMPOSE_FILE"] == "compose.yml:compose.gpu.yml:compose.worker-endpoint.yml"
    assert found["COMPOSE_PROFILES"] == "gpus-2"
    assert len(found["DB_WORKER_PASSWORD"]) == 32


def test_compose_files_of_the_box_s_own_stay(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMPOSE_FILE=compose.yml:compose.gpu.yml:compose.mine.yml\n")

    make_env(tmp_path, GPUS="0", WORKER_ENDPOINT="on")

    assert values(tmp_path)["COMPOSE_FILE"] == "compose.yml:compose.worker-endpoint.yml:compose.mine.yml"


def test_a_domain_brings_the_folder_of_its_certificates(tmp_path: Path) -> None:
    answer = make_env(tmp_path, DOMAIN="box.example.org")

    assert answer.returncode == 0, answer.stderr
    written = values(tmp_path)
    assert (written["DOMAIN"], written["LETSENCRYPT_FOLDER"]) == ("box.example.org", "/etc/letsencrypt")


@pytest.mark.parametrize("domain", ["https://box.example.org", "box.example.org:443", "a b"])
def test_a_domain_that_the_proxy_would_refuse_is_not_written(tmp_path: Path, domain: str) -> None:
    answer = make_env(tmp_path, DOMAIN=domain)

    assert answer.returncode == 1
    assert f"DOMAIN is '{domain}'; it must be a name such as box.example.org" in answer.stderr
    assert "DOMAIN" not in values(tmp_path)
