"""Look for secrets in every file that git tracks, and fail on one that isn't known to be none: `make check`.

`--accept` writes what is found into .secrets.baseline, after you have looked at each: examples in docs, made-up
passwords in tests. A line that moves stays known; one that changes does not.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detect_secrets.core import scan
from detect_secrets.settings import default_settings

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / ".secrets.baseline"
LEFT_OUT = ("requirements/", "rest_api/static/", BASELINE.name)
"""Hashes of packages, somebody else's minified pages, and the hashes of what is known."""

Known = Mapping[str, Sequence[str]]
"""By file, "kind of secret, SHA-1 of it"."""


@dataclass(frozen=True, slots=True, order=True)
class Suspect:
    """What looks like a secret. `mark` names it without showing it."""

    file: str
    line: int
    mark: str


def tracked_files(root: Path) -> Sequence[str]:
    """Name every file that git tracks or would, but for those that are left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    names = (name for name in listed.split("\0") if name and not name.startswith(LEFT_OUT))
    return sorted({name for name in names if (root / name).is_file()})


def find_suspects(root: Path, names: Iterable[str]) -> Iterator[Suspect]:
    """Look into each file."""
    with default_settings():
        for name in names:
            for found in scan.scan_file(str(root / name)):
                yield Suspect(name, found.line_number, f"{found.type}, {found.secret_hash}")


def unknown(suspects: Iterable[Suspect], known: Known) -> Sequence[Suspect]:
    """Leave out those that somebody has looked at."""
    return sorted(each for each in suspects if each.mark not in known.get(each.file, ()))


def as_baseline(suspects: Iterable[Suspect]) -> str:
    """Write down suspects as known."""
    known: dict[str, set[str]] = {}
    for each in suspects:
        known.setdefault(each.file, set()).add(each.mark)
    return json.dumps({file: sorted(marks) for file, marks in sorted(known.items())}, indent=2) + "\n"


def main() -> int:
    """Compare, or accept; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accept", action="store_true", help="what is found is known from now on")
    accept = parser.parse_args().accept
    suspects = list(find_suspects(ROOT, tracked_files(ROOT)))
    if accept:
        BASELINE.write_text(as_baseline(suspects))
        return 0
    found = unknown(suspects, json.loads(BASELINE.read_text()))
    for each in found:
        print(f"{each.file}:{each.line}: looks like a secret ({each.mark.partition(',')[0]})")
    if found:
        print("Take it out, and out of git's history. If it is none: python -m scripts.check_secrets --accept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
