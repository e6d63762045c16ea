"""What was measured, as a document and as a table."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.measures import Measure

_PACKAGES = ("qiskit", "qiskit-aer", "grpcio", "pika", "psycopg", "sqlalchemy")


@dataclass(frozen=True, slots=True)
class Row:
    """A measure's rates of each party, one a round, in jobs a second."""

    name: str
    what: str
    target: float
    rates: Mapping[str, Sequence[float]]

    @classmethod
    def of(cls, measure: Measure, rounds: Sequence[Mapping[str, float]]) -> "Row":
        """Collect the rounds of a measure."""
        rates = {party: [found[party] for found in rounds] for party in rounds[0]}
        return cls(measure.name, measure.what, measure.target, rates)

    def ratios(self) -> Sequence[float]:
        """Give QServer's rate over the expert's, round by round."""
        return [own / other for own, other in zip(self.rates["qserver"], self.rates["expert"], strict=True)]


def machine() -> Mapping[str, object]:
    """Describe where this ran."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _lines(path: str) -> Sequence[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else ()


def write(path: Path, rows: Sequence[Row], *, at: datetime) -> None:
    """Write what was measured as JSON."""
    document = {"at": at.isoformat(timespec="seconds"), "machine": machine(), "measures": [asdict(row) for row in rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def table(rows: Sequence[Row]) -> str:
    """Give the rows in Markdown: medians of rates, and the ratio with its spread."""
    head = "| measure | QServer, jobs a second | expert | ratio (least to most) | to reach |"
    return "\n".join([head, "| --- | --- | --- | --- | --- |", *map(_line, rows)])


def _line(row: Row) -> str:
    own, other = median(row.rates["qserver"]), median(row.rates["expert"])
    ratios = row.ratios()
    spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"| {row.what} | {own:,.0f} | {other:,.0f} | {spread} | {row.target:g} |"
