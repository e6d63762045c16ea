"""Which passwords are refused, in Python and in the script that makes them."""

import subprocess
from pathlib import Path

import pytest

from qserver.passwords import weakness

SCRIPT = Path(__file__).parents[3] / "scripts" / "make-env.sh"
WEAK = [
    ("", "empty"),
    ("short1!", "7 characters"),
    ("aaaaaaaaaaaabbbb", "different characters"),
    ("changeme-password", "everybody tries first"),
    ("passwortpasswort1", "everybody tries first"),
    ("adaadaadaada-xyz", "everybody tries first"),
]
STRONG = ["correct-horse-battery", "kX9#$&'\"\\ vLq2m7", "0123456789abcdef0123456789abcdef"]


@pytest.mark.parametrize(("password", "fault"), WEAK)
def test_a_weak_password_is_refused_with_its_fault(password: str, fault: str) -> None:
    found = weakness(password, user="ada")

    assert found is not None
    assert fault in found
    assert not password or password not in found


@pytest.mark.parametrize("password", STRONG)
def test_a_strong_password_passes(password: str) -> None:
    assert weakness(password, user="ada") is None


@pytest.mark.parametrize("password", [*(password for password, _ in WEAK), *STRONG])
def test_the_script_that_makes_passwords_refuses_the_same(password: str) -> None:
    answer = subprocess.run(
        [SCRIPT, "--check-password", "ada"], input=password, capture_output=True, text=True, check=False, timeout=30
    )

    assert answer.stdout.strip() == (weakness(password, user="ada") or "")
