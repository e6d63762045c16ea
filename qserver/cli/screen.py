"""What people see: tables, histograms, the state of jobs. Data go to standard output, other words to standard error."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from qserver.cli.documents import line_of
from qserver.client.results import Result
from qserver.errors import QServerError
from qserver.histogram import histogram
from qserver.jobs import JobStatus
from qserver.results import ResultType

STATUS_STYLES: Mapping[JobStatus, str] = {
    JobStatus.PENDING: "yellow",
    JobStatus.RUNNING: "cyan",
    JobStatus.FINISHED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELED: "magenta",
}
_MOST_ROWS = 16
_WIDTH_OF_A_PIPE = 10_000


class Screen:
    """Where a command writes. With `is_json` standard output has lines of JSON and nothing else."""

    def __init__(self, *, is_json: bool) -> None:
        """Write to this process's own output."""
        self.is_json = is_json
        # A pipe has no width: whoever reads it wants whole lines.
        self.output = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
        self.errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def document(self, document: Mapping[str, object]) -> None:
        """Write a line of JSON."""
        sys.stdout.write(f"{line_of(document)}\n")
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """Write a line for people, as it is."""
        self.output.print(text, markup=False, soft_wrap=True)

    def complain(self, text: str) -> None:
        """Say what went wrong, or what to do."""
        self.errors.print(text, markup=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table. What stands in the first column is never cut: people copy it."""
        found = list(rows)
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column(columns[0], min_width=max((len(row[0]) for row in found), default=0))
        for column in columns[1:]:
            table.add_column(column)
        for row in found:
            table.add_row(*row)
        self.output.print(table)

    def result(self, name: str, result: Result) -> None:
        """Show a result: counts as a histogram, the rest in lines."""
        run = result.run
        self.text(f"{name}: {run.shots:,} shots on {run.backend} ({run.method}, {run.device})")
        for kind in result.result_types:
            for line in _lines(result, kind):
                self.text(line)

    def failure(self, name: str, error: QServerError) -> None:
        """Say why something has no result."""
        self.complain(f"{name}: {error}")


def styled_status(status: JobStatus) -> str:
    """Give a status in its colour."""
    return f"[{STATUS_STYLES[status]}]{status}[/]"


def moment(at: datetime | None) -> str:
    """Write a time as people here tell it."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _lines(result: Result, kind: ResultType) -> Iterable[str]:
    match kind:
        case ResultType.COUNTS:
            yield histogram(result.counts)
        case ResultType.EXPVAL:
            pairs = zip(result.expval, result.expval_standard_errors, strict=True)
            yield from (
                f"  <{position}> = {value:+.6f}" + (f" ± {error:.6f}" if error else "")
                for position, (value, error) in enumerate(pairs)
            )
        case ResultType.PROBABILITIES:
            yield from _largest("p", result.probabilities)
        case ResultType.QUASI_DIST:
            yield from _largest("quasi_dist", {str(outcome): share for outcome, share in result.quasi_dist.items()})
        case ResultType.MEMORY:
            yield f"  memory: {' '.join(result.memory[:_MOST_ROWS])}{' ...' if len(result.memory) > _MOST_ROWS else ''}"
        case ResultType.STATEVECTOR:
            state = result.statevector
            rows = ", ".join(f"{amplitude:.4f}" for amplitude in state[:_MOST_ROWS])
            yield f"  statevector: {rows}{', ...' if len(state) > _MOST_ROWS else ''}"


def _largest(name: str, shares: Mapping[str, float]) -> Iterable[str]:
    rows = sorted(shares.items(), key=lambda row: (-row[1], row[0]))
    yield from (f"  {name}({outcome}) = {share:.6f}" for outcome, share in rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        yield f"  ... and {len(rows) - _MOST_ROWS:,} others"
