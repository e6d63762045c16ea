"""Known weaknesses of the packages in the locks, by pip-audit, from the package index's advisories or else OSV's.

A package that no service answered for counts as not checked, and the status is 3: pip-audit itself would call it fine.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.locks import LOCKS, packages_of, read_policy

SERVICES = ("pypi", "osv")
TIMEOUT_SECONDS = 600
FOUND, NOT_CHECKED = 1, 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a lock's packages."""

    weaknesses: Sequence[str] = ()
    unchecked: Sequence[str] = ()  # each with why


Ask = Callable[[Path, str], Mapping[str, object] | str]


def judge(report: Mapping[str, object], accepted: Mapping[str, str]) -> Verdict:
    """Read pip-audit's JSON, and leave out the advisories that are accepted, under any of their names."""
    weaknesses: list[str] = []
    unchecked: list[str] = []
    dependencies = report["dependencies"]
    assert isinstance(dependencies, list)  # noqa: S101 - pip-audit's format
    for each in dependencies:
        if "skip_reason" in each:
            unchecked.append(f"{each['name']}: {each['skip_reason']}")
            continue
        for weakness in each["vulns"]:
            names = {weakness["id"], *weakness.get("aliases", ())}
            if not names & accepted.keys():
                fixed = ", ".join(weakness["fix_versions"]) or "no version yet"
                weaknesses.append(f"{each['name']} {each['version']}: {weakness['id']}, mended in {fixed}")
    return Verdict(weaknesses, unchecked)


def ask(lock: Path, service: str) -> Mapping[str, object] | str:
    """Have pip-audit ask one service; gives its report, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
        options = ["--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
        try:
            done = subprocess.run(
                [*command, *options, "--output", str(answer)],
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {TIMEOUT_SECONDS} s"
        if not answer.exists():
            return (done.stderr.strip().splitlines() or ["no answer"])[-1]
        report: Mapping[str, object] = json.loads(answer.read_text(encoding="utf-8"))
        return report


def check(lock: Path, accepted: Mapping[str, str], *, ask: Ask = ask) -> Verdict:
    """Ask one service after the other until one has answered for every package; else give the best that was had."""
    verdicts: list[Verdict] = []
    for service in SERVICES:
        report = ask(lock, service)
        if isinstance(report, str):
            why = f"{service}: {report}"
            verdicts.append(Verdict(unchecked=[f"{package.name}: {why}" for package in packages_of(lock)]))
        else:
            verdicts.append(judge(report, accepted))
        if not verdicts[-1].unchecked:
            break
    return min(verdicts, key=lambda verdict: len(verdict.unchecked))


def main() -> int:
    """Check all locks, tell what was found, and give the exit status."""
    accepted = read_policy().accepted_advisories
    weaknesses: set[str] = set()
    unchecked: set[str] = set()
    for lock in sorted(LOCKS.glob("*.txt")):
        verdict = check(lock, accepted)
        weaknesses.update(verdict.weaknesses)
        unchecked.update(verdict.unchecked)
        print(f"advisories: {lock.name}: {len(verdict.weaknesses)} known, {len(verdict.unchecked)} not checked")
        if verdict.unchecked:
            print(f"  such as {verdict.unchecked[0]}")
    for weakness in sorted(weaknesses):
        print(f"known weakness: {weakness}")
    if unchecked:
        print(f"NOT CHECKED: no service of advisories answered for {len(unchecked)} packages: they may have any.")
    return FOUND if weaknesses else NOT_CHECKED if unchecked else 0


if __name__ == "__main__":
    sys.exit(main())
