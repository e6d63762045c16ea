"""What a run found, as JSON: written after every round, so that a run that breaks off leaves what it had."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.figures import Comparison, Figure, Found, Row


@dataclass(frozen=True, slots=True)
class Document:
    """A run: when, where, at which size, and its rows."""

    at: datetime
    scale: float
    machine: Mapping[str, Any]
    rows: Sequence[Row]


def write(path: Path, document: Document) -> None:
    """Write a run."""
    plain = {**asdict(document), "at": document.at.isoformat(timespec="seconds")}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain, indent=1) + "\n")


def read(path: Path) -> Document:
    """Read a run back. Raises KeyError or TypeError for a file of another form."""
    plain = json.loads(path.read_text())
    rows = [_row(each) for each in plain["rows"]]
    return Document(datetime.fromisoformat(plain["at"]), plain["scale"], plain["machine"], rows)


def _row(plain: Mapping[str, Any]) -> Row:
    return Row(
        name=plain["name"],
        figures=[_figure(each) for each in plain["figures"]],
        rounds=[Found(**each) for each in plain["rounds"]],
        not_run=plain["not_run"],
    )


def _figure(plain: Mapping[str, Any]) -> Figure:
    return Figure(plain["what"], plain["unit"], [Comparison(**each) for each in plain["comparisons"]])
