"""Where in a text an instruction stands that turned out to be wrong once it was read: parsers keep no places."""

import re

from plugins.aer.gate_arithmetic import without_definitions
from plugins.aer.source_look import without_comments

Place = tuple[int, int]
"""Line and column, from 1."""

_NUMBER = re.compile(r"(?<![\w.])(?:\d[\d_]*\.?\d*|\.\d+)[eE]\+?\d+|(?<![\w.])\d{309,}")
_SPELLINGS = {"if_else": "if", "switch_case": "switch", "u": "U", "global_phase": "gphase"}
"""Names that Qiskit gives what a text calls otherwise."""


def place_of_infinity(text: str) -> Place | None:
    """Find the first number that no double holds."""
    bare = without_comments(text)
    found = (match.start() for match in _NUMBER.finditer(bare) if float(match.group().replace("_", "")) == float("inf"))
    start = next(found, None)
    return None if start is None else _place(bare, start)


def place_of_use(text: str, name: str, *, number: int, count: int) -> Place | None:
    """Find the use of a gate or statement that became the `number`-th, from 0, of `count` instructions of that name.

    None where the text has another number of them: one stands in a loop, or on a whole register.
    """
    bare = without_definitions(without_comments(text))
    for spelling in dict.fromkeys((name, _SPELLINGS.get(name, name))):
        starts = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(spelling)}(?!\w)", bare)]
        if len(starts) == count:
            return _place(bare, starts[number])
    return None


def _place(text: str, start: int) -> Place:
    return text.count("\n", 0, start) + 1, start - (text.rfind("\n", 0, start) + 1) + 1
