"""A look at the text of a circuit before any parser sees it: what no honest circuit needs, and would hang or kill one.

It costs about 0.1 s a MiB and understands no grammar: it sees tokens, statements and gate definitions. What slips
through is caught by counting operations after parsing, and in the end by the inspector process being killed.
"""

import re
from collections.abc import Iterator

import numpy as np

from plugins.aer.gate_arithmetic import check_operations
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit

MAX_NESTING = 40
"""Parentheses, brackets and braces: 100,000 of them crash the fast OpenQASM 3 loader."""
MAX_SIGNS_IN_A_ROW = 40
"""Unary operators recurse like parentheses do."""
MAX_CONTROLS = 32
"""Of one `ctrl` or `negctrl`: QPY holds no gate with more, and a thousand million take all of a parser's time."""
MAX_REGISTER_BITS = 10_000
"""Qubits or bits of a circuit; more make the loaders slow long before anything could run them."""

ALLOWED_INCLUDES = {CircuitFormat.OPENQASM2: "qelib1.inc", CircuitFormat.OPENQASM3: "stdgates.inc"}

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_HEADER = re.compile(r"\s*OPENQASM\s+(\d+)(?:\.(\d+))?\s*;")
_INCLUDE = re.compile(r"\binclude\b\s*(\"[^\"\n]*\"|'[^'\n]*')?")
_WHILE = re.compile(r"\bwhile\b")
_REGISTER = re.compile(r"\b(qreg|creg)\s+\w+\s*\[([^\]]*)\]|\b(qubit|bit)\s*\[([^\]]*)\]")
_SIGNS = re.compile(rf"(?:[-+~!]\s*){{{MAX_SIGNS_IN_A_ROW + 1}}}")
_FOR = re.compile(r"\bfor\s+\w+(?:\s*\[[^\]]*\])?\s+(\w+)\s+in\b")
_INDEX = re.compile(r"\[([^\[\]]*)\]")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_POWERS = re.compile(r"(?:\^|\*\*)")
_NUMBER = re.compile(r"\s*(\d[\d_]*)\s*")
_PHYSICAL_QUBIT = re.compile(r"\$(\d+)")
_CONTROLS = re.compile(r"\b(?:neg)?ctrl\s*\(\s*(\d[\d_]*)")
_LONGEST_LITERAL = re.compile(r"\d{400}")
_BLOCK_DIGITS = 200
LONGEST_SIZE = 12  # digits

_BRACKET_STEPS = np.zeros(256, dtype=np.int8)
_BRACKET_STEPS[[ord(bracket) for bracket in "([{"]] = 1
_BRACKET_STEPS[[ord(bracket) for bracket in ")]}"]] = -1

_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))
_PAIRS = (b"()", b"[]", b"{}") * 3  # taking one kind out takes one from the depth, at most

_MAJOR_OF_FORMAT = {CircuitFormat.OPENQASM2: "2", CircuitFormat.OPENQASM3: "3"}


def decode(source: bytes) -> str:
    """Give the text. Raises InvalidCircuit where it is no UTF-8 or has NUL bytes."""
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise InvalidCircuit(f"the circuit is no UTF-8: wrong byte at position {error.start}", line=line) from error
    if "\0" in text:
        raise _at(text, text.index("\0"), "the circuit has a NUL byte")
    return text


def look(text: str, circuit_format: CircuitFormat) -> None:
    """Refuse with InvalidCircuit, naming line and column, what must not reach a parser."""
    bare = without_comments(text)
    _check_header(bare, circuit_format)
    _check_includes(bare, circuit_format)
    _check_nesting(bare)
    _check_expressions(bare)
    loop = _WHILE.search(bare) if "while" in bare else None
    if loop:
        raise _at(bare, loop.start(), "'while' is not accepted: such a loop may never end")
    check_operations(bare, largest_register=_check_registers(bare))


def refused_loop(text: str) -> InvalidCircuit | None:
    """Tell of the first loop whose variable stands in an index: OpenQASM 3 that Qiskit's loaders can't read.

    Asked once they have failed, because what they say of it names no place.
    """
    bare = without_comments(text)
    last_index_with = {name: match.start() for match in _INDEX.finditer(bare) for name in _IDENTIFIER.findall(match[1])}
    for loop in _FOR.finditer(bare):
        if last_index_with.get(loop[1], 0) > loop.end():
            return _at(
                bare,
                loop.start(),
                f"the loop's variable {loop[1]!r} is used as an index, which Qiskit's importer can't read; "
                "write the gates out",
            )
    return None


def without_comments(text: str) -> str:
    """Blank comments out, keeping every position and line."""
    return _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def _check_header(text: str, circuit_format: CircuitFormat) -> None:
    header = _HEADER.match(text)
    major = _MAJOR_OF_FORMAT[circuit_format]
    if header is None:
        raise InvalidCircuit(f"the circuit must begin with 'OPENQASM {major}.0;'", line=1, column=1)
    if header.group(1) != major:
        raise _at(
            text, header.start(1), f"the header says OpenQASM {header.group(1)}, and {circuit_format} was expected"
        )


def _check_includes(text: str, circuit_format: CircuitFormat) -> None:
    allowed = ALLOWED_INCLUDES[circuit_format]
    for match in _matches(_INCLUDE, text, ("include",)):
        if match.group(1) is None or match.group(1)[1:-1] != allowed:
            raise _at(text, match.start(), f'only "{allowed}" may be included')


def _check_nesting(text: str) -> None:
    coded = text.encode("latin-1", "replace")  # one byte each, places kept
    if _is_surely_flat(coded.translate(None, _NO_BRACKETS)):
        return
    characters = np.frombuffer(coded, dtype=np.uint8)
    depth = np.cumsum(_BRACKET_STEPS[characters], dtype=np.int32)
    depth -= np.minimum.accumulate(np.minimum(depth, 0))  # closing more than was opened gives no room for more
    too_deep = depth > MAX_NESTING
    if too_deep.any():
        raise _at(text, int(too_deep.argmax()), f"brackets are nested more than {MAX_NESTING} deep")


def _is_surely_flat(brackets: bytes) -> bool:
    """Tell whether what is left without innermost pairs, a few times over, is too little to be nested too deep."""
    for pair in _PAIRS:
        brackets = brackets.replace(pair, b"")
    return sum(map(brackets.count, (b"(", b"[", b"{"))) <= MAX_NESTING - len(_PAIRS)


def _check_expressions(text: str) -> None:
    has_many_signs = sum(map(text.count, "-+~!")) > MAX_SIGNS_IN_A_ROW
    signs = _SIGNS.search(text) if has_many_signs else None
    if signs:
        raise _at(text, signs.start(), f"more than {MAX_SIGNS_IN_A_ROW} signs in a row")
    literal = _LONGEST_LITERAL.search(text) if _has_block_of_digits(text) else None
    if literal:
        raise _at(text, literal.start(), "a number of more than 400 digits")
    for start, statement in _statements(text):
        if len(_POWERS.findall(statement)) > MAX_NESTING:
            raise _at(text, start, f"more than {MAX_NESTING} powers in one statement")
        if statement.count("@") > MAX_NESTING:
            raise _at(text, start + statement.index("@"), f"more than {MAX_NESTING} modifiers of one gate")
    _check_controls(text)
    _check_physical_qubits(text)


def _check_physical_qubits(text: str) -> None:
    for match in _PHYSICAL_QUBIT.finditer(text) if "$" in text else ():
        digits = match.group(1)
        if len(digits) > LONGEST_SIZE or int(digits) >= MAX_REGISTER_BITS:
            raise _at(text, match.start(), f"qubit ${_abridged(digits)}; the highest is ${MAX_REGISTER_BITS - 1:,}")


def _check_controls(text: str) -> None:
    for match in _CONTROLS.finditer(text) if "ctrl" in text else ():
        digits = match.group(1).replace("_", "")
        if len(digits) > LONGEST_SIZE or int(digits) > MAX_CONTROLS:
            raise _at(text, match.start(), f"a gate with {_abridged(digits)} controls; the limit is {MAX_CONTROLS}")


def _has_block_of_digits(text: str) -> bool:
    """Tell whether one of the text's blocks is all digits, as one is wherever there are twice as many in a row."""
    return any(
        text[start : start + _BLOCK_DIGITS].isdecimal()
        for start in range(0, len(text) - _BLOCK_DIGITS + 1, _BLOCK_DIGITS)
        if text[start].isdecimal()
    )


def _matches(pattern: re.Pattern[str], text: str, words: tuple[str, ...]) -> Iterator[re.Match[str]]:
    """Give the matches of a pattern that begins with one of these words, in order.

    Words are found by `str.find`, in a hundredth of the time that the pattern needs for a text with hardly any.
    """
    places = sorted(place for word in words for place in _places(word, text))
    return filter(None, (pattern.match(text, place) for place in places))


def _places(word: str, text: str) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + len(word))


def _statements(text: str) -> Iterator[tuple[int, str]]:
    # One sign is found much faster than two.
    if "^" not in text and "@" not in text and ("*" not in text or "**" not in text):
        return
    start = 0
    for piece in text.split(";"):
        yield start, piece
        start += len(piece) + 1


def _check_registers(text: str) -> int:
    """Give the size of the largest quantum register. Raises InvalidCircuit where sizes are no numbers or too large."""
    totals = {"qubit": 0, "bit": 0}
    largest = 1
    for match in filter(None, (_REGISTER.match(text, place) for place in sorted(_register_places(text)))):
        word = match.group(1) or match.group(3)
        size = _register_size(text, match)
        kind = "qubit" if word in {"qreg", "qubit"} else "bit"
        totals[kind] += size
        largest = max(largest, size) if kind == "qubit" else largest
        if totals[kind] > MAX_REGISTER_BITS:
            raise _at(
                text, match.start(), f"registers hold {totals[kind]:,} {kind}s; the limit is {MAX_REGISTER_BITS:,}"
            )
    return largest


def _register_places(text: str) -> Iterator[int]:
    """Give where a register's word may begin. Looked for by its end, as a q is in every statement."""
    for place in _places("reg", text):
        yield max(0, place - 1)
    for place in _places("bit", text):
        yield max(0, place - 2) if text.endswith("qu", 0, place) else place


def _register_size(text: str, match: re.Match[str]) -> int:
    written = match.group(2) if match.group(1) else match.group(4)
    number = _NUMBER.fullmatch(written)
    if number is None:
        raise _at(text, match.start(), "the size of a register must be a plain number")
    digits = number.group(1).replace("_", "")
    if len(digits) > LONGEST_SIZE:
        raise _at(text, match.start(), f"a register of {_abridged(digits)} bits; the limit is {MAX_REGISTER_BITS:,}")
    return int(digits)


def _abridged(digits: str) -> str:
    return f"{int(digits):,}" if len(digits) <= LONGEST_SIZE else f"{digits[:LONGEST_SIZE]}..."


def _at(text: str, position: int, message: str) -> InvalidCircuit:
    line_start = text.rfind("\n", 0, position) + 1
    return InvalidCircuit(message, line=text.count("\n", 0, position) + 1, column=position - line_start + 1)
