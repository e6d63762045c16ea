"""The packages of the hashed locks in requirements/, and what they are held against."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
SHIPPED = ("jobs-server", "rest-api", "worker-simulator", "worker-simulator-gpu", "janitor", "standalone")
"""Locks of what runs; the others are tools."""

_ENTRY = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One distribution in one version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Policy:
    """requirements/policy.toml."""

    allowed_licences: frozenset[str]
    words: Mapping[str, str]
    stated: Mapping[str, str]
    accepted_advisories: Mapping[str, str]


def packages_of(lock: Path) -> Iterator[Package]:
    """List a lock's packages."""
    for name, version in _ENTRY.findall(lock.read_text(encoding="utf-8")):
        yield Package(re.sub(r"[-_.]+", "-", name).lower(), version)


def read_policy(path: Path = LOCKS / "policy.toml") -> Policy:
    """Read the policy."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    return Policy(
        frozenset(values["allowed_licences"]), values["words"], values["stated"], values["accepted_advisories"]
    )
