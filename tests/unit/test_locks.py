"""The locks in requirements/ hold what the groups of pyproject.toml ask for: services are installed from them alone."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))


def requirements(group: str) -> Iterator[Requirement]:
    """Give what a dependency group asks for, with the groups that it includes."""
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    for item in groups[group]:
        if isinstance(item, str):
            yield Requirement(item)
        else:
            yield from requirements(item["include-group"])


def locked_versions(lock: Path) -> Mapping[str, Sequence[str]]:
    """Give the versions of each distribution; there may be several, for Pythons that differ."""
    versions: defaultdict[str, list[str]] = defaultdict(list)
    for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", lock.read_text(), re.MULTILINE):
        versions[canonicalize_name(name)].append(version)
    return versions


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_holds_all_that_its_group_asks_for(lock: Path) -> None:
    locked = locked_versions(lock)

    missing = [
        str(requirement)
        for requirement in requirements(lock.stem)
        if not any(map(requirement.specifier.contains, locked.get(canonicalize_name(requirement.name), ())))
    ]

    assert missing == [], "run 'make lock'"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_a_hash_for_everything_and_names_no_index(lock: Path) -> None:
    entries = re.split(r"(?<!\\)\n", lock.read_text().strip())

    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
