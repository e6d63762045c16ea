"""The licence of every package in the locks, by what the installed packages say of themselves.

Writes build/licences.md. Fails on a licence that requirements/policy.toml doesn't allow, and on one that nobody knows.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from email.message import Message
from importlib import metadata
from typing import cast

from scripts.locks import LOCKS, ROOT, SHIPPED, Package, Policy, packages_of, read_policy

REPORT = ROOT / "build" / "licences.md"
_LONGEST_NAME = 60  # what is longer is the licence's text


def licence_of(package: Package, policy: Policy) -> str:
    """Give a licence as an SPDX expression as far as that is known; nothing where nobody knows."""
    if package.name in policy.stated:
        return policy.stated[package.name]
    try:
        # A message in all Pythons, if not by its type.
        said = cast("Message", metadata.metadata(package.name))
    except metadata.PackageNotFoundError:
        return ""
    return licence_said(said, policy.words)


def licence_said(said: Message, words: Mapping[str, str]) -> str:
    """Read it from a package's metadata: the expression, else the classifiers, else the old field."""
    if expression := said.get("License-Expression"):
        return str(expression)
    names = [name.split(" :: ")[-1] for name in said.get_all("Classifier") or () if name.startswith("License ::")]
    field = str(said.get("License") or "").strip()
    if len(field) <= _LONGEST_NAME and "\n" not in field and (field in words or not names):
        names = [field]  # often more exact than the classifier
    return " AND ".join(sorted({words.get(name, name) for name in names} - {""}))


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Tell whether one may choose allowed licences alone: each part of an AND, any part of an OR. AND binds closer."""
    plain = expression.strip()
    while (inner := re.search(r"\(([^()]*)\)", plain)) is not None:
        verdict = "allowed" if is_allowed(inner[1], allowed) else "refused"
        plain = plain[: inner.start()] + verdict + plain[inner.end() :]
    return any(
        all(part.strip() == "allowed" or part.strip() in allowed for part in re.split(r"\s+AND\s+", choice))
        for choice in re.split(r"\s+OR\s+", plain)
    )


def found_licences(policy: Policy) -> Mapping[Package, tuple[str, Sequence[str]]]:
    """Give for each package its licence and the locks that it stands in."""
    locks: dict[Package, list[str]] = {}
    for lock in sorted(LOCKS.glob("*.txt")):
        for package in packages_of(lock):
            locks.setdefault(package, []).append(lock.stem)
    return {package: (licence_of(package, policy), stems) for package, stems in sorted(locks.items())}


def as_table(licences: Mapping[Package, tuple[str, Sequence[str]]]) -> str:
    """Write the list for people."""
    lines = ["# Licences", "", "| package | version | licence | in |", "| --- | --- | --- | --- |"]
    for package, (licence, stems) in licences.items():
        shipped = [stem for stem in stems if stem in SHIPPED]
        where = ", ".join(shipped) or "tools alone"
        lines.append(f"| {package.name} | {package.version} | {licence or '?'} | {where} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the list, tell what may not be there, and give the exit status."""
    policy = read_policy()
    licences = found_licences(policy)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(as_table(licences), encoding="utf-8")
    faults = [
        f"{package.name} {package.version}: {licence or 'nobody knows its licence'}"
        for package, (licence, _) in licences.items()
        if not licence or not is_allowed(licence, policy.allowed_licences)
    ]
    for fault in faults:
        print(f"licence not allowed: {fault}")
    if faults:
        print("Allow or state it in requirements/policy.toml, or do without the package.")
    print(f"licences: {len(licences)} packages, {len(faults)} not allowed; {REPORT.relative_to(ROOT)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
