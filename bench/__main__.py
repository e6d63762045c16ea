"""`python -m bench`: start private servers and services, measure all in turns, write and print what was found."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import document, table
from bench.house import House
from bench.machine import machine
from bench.measures import MEASURES
from bench.options import parse_options
from bench.run import run_rounds

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def main() -> None:
    """Measure what was asked for; a whole run at full size goes into the page."""
    options = parse_options(sys.argv[1:], [measure.name for measure in MEASURES])
    chosen = [measure for measure in MEASURES if not options.only or measure.name in options.only]
    now = datetime.now(UTC)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    found = document.Document(now, options.scale, machine(), ())
    with House.opened() as house:
        for rows in run_rounds(chosen, house, rounds=options.rounds, scale=options.scale, say=_say):
            found = document.Document(now, options.scale, found.machine, rows)
            document.write(path, found)
    print(table.tables([found]))
    if options.is_whole:
        table.write_into(PAGE, [found])


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
