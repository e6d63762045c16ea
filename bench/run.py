"""A run: all measures warmed up, then round by round, so that each round sees everybody under the same conditions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bench.figures import NotRunError, Row
from bench.house import House
from bench.measures.measure import Measure, Round

_WARM_UP_SHARE = 0.1

Say = Callable[[str], None]


def run_rounds(
    measures: Sequence[Measure], house: House, *, rounds: int, scale: float, say: Say
) -> Iterator[Sequence[Row]]:
    """Give the rows after the warm-up, and again after each round."""
    rows = [_warmed_up(measure, house, scale, say) for measure in measures]
    yield rows
    for number in range(1, rounds + 1):
        turn = Round(number, scale)
        rows = [_after(measure, row, house, turn, say) for measure, row in zip(measures, rows, strict=True)]
        yield rows


def _warmed_up(measure: Measure, house: House, scale: float, say: Say) -> Row:
    row = Row(measure.name, measure.figures(scale), ())
    if measure.warms_itself:
        return row
    say(f"warming up: {measure.name}")
    try:
        measure.run(house, Round(0, scale * _WARM_UP_SHARE))
    except NotRunError as reason:
        return replace(row, not_run=str(reason))
    return row


def _after(measure: Measure, row: Row, house: House, turn: Round, say: Say) -> Row:
    if row.not_run:
        return row
    say(f"round {turn.number}: {measure.name}")
    try:
        return replace(row, rounds=[*row.rounds, measure.run(house, turn)])
    except NotRunError as reason:
        return replace(row, not_run=str(reason))
