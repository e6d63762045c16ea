"""What runs found, as tables in Markdown, and their place in a page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.document import Document
from bench.figures import Comparison, Figure, Row
from bench.spread import Spread, number

BEGIN = "<!-- written by make bench: begin -->"
END = "<!-- written by make bench: end -->"

_LEAST_MILLISECONDS = 0.001
_RATIOS = ("measure", "compared", "medians", "ratio or value (least to most)", "to reach", "reached")


def write_into(page: Path, documents: Sequence[Document]) -> None:
    """Put the tables between the marks of `page`. Raises ValueError where it has none."""
    text = page.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{page} needs one line {BEGIN!r} and one line {END!r} to write between")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{tables(documents)}\n\n{END}{after}")


def tables(documents: Sequence[Document]) -> str:
    """Write all measures; of one that several runs measured, the newest."""
    newest = _newest(documents)
    used = [document for document in documents if any(document is own for _, own in newest.values())]
    rows = [row for row, _ in newest.values()]
    blocks = [*map(_where, used), _table(_RATIOS, list(_ratio_lines(rows))), _costs(rows), *_left_out(rows)]
    return "\n\n".join(block for block in blocks if block)


def _newest(documents: Sequence[Document]) -> Mapping[str, tuple[Row, Document]]:
    newest: dict[str, tuple[Row, Document]] = {}
    for document in sorted(documents, key=lambda each: each.at):
        for row in document.rows:
            if row.rounds or row.name not in newest:
                newest[row.name] = (row, document)
    return newest


def _where(document: Document) -> str:
    machine = document.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    rounds = max((len(row.rounds) for row in document.rows), default=0)
    size = "" if document.scale == 1 else f", a trial at {document.scale:g} of the full sizes"
    return (
        f"`bench/results/{document.at:%Y%m%dT%H%M%SZ}.json`: {machine['cores']} cores ({machine['cpu']}), memory "
        f"{machine['memory']}, Python {machine['python']}, {versions}; {rounds} rounds{size}."
    )


def _ratio_lines(rows: Sequence[Row]) -> Iterator[Sequence[str]]:
    for row in rows:
        for figure in row.figures if row.rounds else ():
            for place, comparison in enumerate(figure.comparisons):
                yield "" if place else figure.what, *_ratio_cells(row, figure, comparison)


def _ratio_cells(row: Row, figure: Figure, comparison: Comparison) -> Sequence[str]:
    parties = [party for party in (comparison.over, comparison.under) if party]
    medians = " / ".join(number(Spread.of(row.values(figure, party)).median) for party in parties)
    spread = Spread.of(row.ratios(figure, comparison))
    unit = "" if comparison.under else f" {figure.unit}"
    reached = _reached(comparison, spread.median)
    return comparison.title, f"{medians} {figure.unit}", f"{spread}{unit}", comparison.target, reached


def _reached(comparison: Comparison, median: float) -> str:
    if comparison.at_least is not None:
        return "yes" if median >= comparison.at_least else "no"
    if comparison.at_most is not None:
        return "yes" if median <= comparison.at_most else "no"
    return ""


def _costs(rows: Sequence[Row]) -> str:
    """Write CPU milliseconds a job by party and part, the medians of the rounds."""
    lines = [_cost_line(row, party) for row in rows for party in (row.rounds[0].cpu_milliseconds if row.rounds else ())]
    return _table(("measure", "party", "CPU milliseconds a job", "of which"), lines)


def _cost_line(row: Row, party: str) -> Sequence[str]:
    parts = {part: cost for part, cost in _medians(row, party).items() if cost >= _LEAST_MILLISECONDS}
    total = Spread.of([sum(found.cpu_milliseconds[party].values()) for found in row.rounds]).median
    return row.name, party, number(total), ", ".join(f"{part} {number(cost)}" for part, cost in parts.items())


def _medians(row: Row, party: str) -> Mapping[str, float]:
    parts = row.rounds[0].cpu_milliseconds[party]
    return {part: Spread.of([found.cpu_milliseconds[party][part] for found in row.rounds]).median for part in parts}


def _left_out(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.not_run:
            yield f"Not run: {row.name} ({row.figures[0].what}): {row.not_run}."


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    if not lines:
        return ""
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))
