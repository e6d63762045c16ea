"""Licences are read from what packages say, and only what is allowed passes."""

from email.message import Message

import pytest

from scripts.licences import as_table, is_allowed, licence_of, licence_said
from scripts.locks import LOCKS, Package, Policy, packages_of, read_policy

ALLOWED = frozenset({"MIT", "Apache-2.0", "BSD-3-Clause"})
WORDS = {"MIT License": "MIT", "BSD License": "BSD", "DFSG approved": ""}


def said(**fields: str | list[str]) -> Message:
    message = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT AND Apache-2.0", True),
        ("MIT AND (GPL-3.0-only OR Apache-2.0)", True),
        ("MIT AND (GPL-3.0-only OR (AGPL-3.0-only AND MIT))", False),
        ("", False),
    ],
)
def test_an_expression_passes_where_allowed_licences_alone_may_be_chosen(expression: str, *, verdict: bool) -> None:
    assert is_allowed(expression, ALLOWED) is verdict


@pytest.mark.parametrize(
    ("message", "licence"),
    [
        (said(License_Expression="MIT OR Apache-2.0", License="other"), "MIT OR Apache-2.0"),
        (said(Classifier=["License :: OSI Approved :: MIT License", "Framework :: X"]), "MIT"),
        (said(Classifier=["License :: DFSG approved", "License :: OSI Approved :: MIT License"]), "MIT"),
        (said(License="BSD-3-Clause"), "BSD-3-Clause"),
        (said(License="Copyright\nall of it", Classifier=["License :: OSI Approved :: BSD License"]), "BSD"),
        (said(License="Copyright\nall of it"), ""),
        (said(Name="silent"), ""),
    ],
)
def test_a_package_s_words_are_read_the_most_exact_first(message: Message, licence: str) -> None:
    assert licence_said(message, WORDS) == licence


def test_a_package_that_nobody_knows_has_no_licence() -> None:
    policy = Policy(ALLOWED, WORDS, {"stated-package": "MIT"}, {})

    assert licence_of(Package("stated-package", "1"), policy) == "MIT"
    assert licence_of(Package("not-installed-anywhere", "1"), policy) == ""
    assert "| not-installed-anywhere | 1 | ? | tools alone |" in as_table(
        {Package("not-installed-anywhere", "1"): ("", ["dev"])}
    )


def test_every_package_that_an_image_gets_has_an_allowed_licence() -> None:
    policy = read_policy()

    found = {package: licence_of(package, policy) for package in packages_of(LOCKS / "standalone.txt")}

    assert len(found) > 40
    assert [package for package, licence in found.items() if not is_allowed(licence, policy.allowed_licences)] == []
