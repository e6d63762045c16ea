"""Where the full OpenQASM 3 importer fell over a circuit, told from the frames of what it raised.

What Qiskit raises inside the importer, such as for a qubit that a gate is given twice, names no place; and of names the
importer tells the characters before them in the whole text, where it should tell those in their line (openqasm3 1.0,
`get_span` of a terminal node). Its frames hold the node of the syntax tree that it was at.
"""

import traceback
from collections.abc import Iterator

from openqasm3.ast import Identifier, QASMNode, Span

Place = tuple[int, int]
"""Line and column, from 1."""


def place_of(error: BaseException | None, text: str) -> Place | None:
    """Find the place of the innermost node that the importer was at; None where it was at none."""
    found = [(node, node.span) for node in _nodes(error) if node.span is not None]
    if not found:
        return None
    node, span = found[-1]
    return span.start_line, 1 + (
        _column_of_name(node.name, span, text) if isinstance(node, Identifier) else span.start_column
    )


def _nodes(error: BaseException | None) -> Iterator[QASMNode]:
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            node = frame.f_locals.get("node")
            if isinstance(node, QASMNode):
                yield node
        error = error.__cause__


def _column_of_name(name: str, span: Span, text: str) -> int:
    line_start = 0
    for _ in range(span.start_line - 1):
        line_start = text.find("\n", line_start) + 1
    if text.startswith(name, line_start + span.start_column):
        return span.start_column
    return max(0, span.start_column - line_start)
