"""What `python -m bench` may be told on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured, how often, and at which share of the full sizes."""

    rounds: int
    only: Sequence[str]  # all where empty
    scale: float

    @property
    def is_whole(self) -> bool:
        """Whether this is a run whose figures belong on the page."""
        return not self.only and self.scale == 1


def parse_options(arguments: Sequence[str], measures: Sequence[str]) -> Options:
    """Read the command line. Exits with a usage message where it can't be right."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure QServer against its peers, in turns.")
    parser.add_argument("--rounds", type=_rounds, default=5, help="turns of every measure (default %(default)s)")
    parser.add_argument("--only", choices=measures, action="append", default=[], help="may be given more than once")
    parser.add_argument("--scale", type=_scale, default=1.0, help="share of the full sizes, for a trial: 0.05")
    found = parser.parse_args(arguments)
    return Options(found.rounds, tuple(found.only), found.scale)


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of rounds: 1 or more")
    return int(text)


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share of the full sizes: more than 0, at most 1")
    return scale
