"""Circuits that must be refused: with what sentence, where, and within which time."""

import time
from pathlib import Path

import pytest

from plugins.aer.inspector import inspect, parse
from plugins.aer.plugin import AerPlugin
from plugins.aer.source_look import MAX_NESTING, look
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit, InvalidRequest, TooLarge
from tests.unit.aer.bad_circuits import BAD, QASM2, QASM3, Bad
from tests.unit.aer.running import HEADER2, HEADER3

SECONDS = 5.0
"""Of computing: far above what any of them needs, far below what they would take if they got through."""

REPOSITORY = Path(__file__).parents[3]


def _is_at(error: InvalidRequest, bad: Bad) -> bool:
    if bad.line is None:
        return True
    return isinstance(error, InvalidCircuit) and error.line == bad.line and bad.column in {None, error.column}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_circuit_is_refused_with_its_place_in_time(bad: Bad) -> None:
    source = bad.source.encode() if isinstance(bad.source, str) else bad.source
    started = time.process_time()

    with pytest.raises(bad.error) as refused:
        inspect(source, bad.circuit_format)

    assert bad.sentence in refused.value.message
    assert isinstance(refused.value, TooLarge) or _is_at(refused.value, bad)
    assert time.process_time() - started < SECONDS
    assert str(REPOSITORY) not in refused.value.message
    assert "site-packages" not in refused.value.message


def test_what_the_fast_loader_refuses_is_limited_to_what_the_importer_can_take() -> None:
    source = HEADER3 + "qubit[2] q;\n" + "ctrl @ x q[0], q[1];\n" * 20_000

    with pytest.raises(TooLarge, match=r"420,0\d\d bytes.*line 4.*262,144 \(QSERVER_MAX_IMPORTER_CIRCUIT_BYTES\)"):
        inspect(source.encode(), QASM3)


def test_the_limit_of_the_importer_is_what_the_service_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    source = (HEADER3 + "qubit[2] q;\nctrl @ x q[0], q[1];\n").encode()
    plugin = AerPlugin()

    assert plugin.inspect(source, QASM3).profile is not None
    monkeypatch.setenv("QSERVER_MAX_IMPORTER_CIRCUIT_BYTES", "50")
    with pytest.raises(TooLarge, match=r"importer is 50 \(QSERVER_MAX_IMPORTER_CIRCUIT_BYTES\)"):
        plugin.inspect(source, QASM3)


def test_a_circuit_that_was_inspected_is_parsed_again_whatever_its_size() -> None:
    source = HEADER3 + "qubit[2] q;\nctrl @ x q[0], q[1];\n" + "// a comment\n" * 30_000

    circuit = parse(source.encode(), QASM3)

    assert circuit.num_qubits == 2


def test_a_long_circuit_that_the_fast_loader_does_not_know_is_refused_without_its_innards() -> None:
    source = HEADER3 + "qubit[5] q;\nfor int i in [0:3] { x q[i]; }\n" + "x q[0];\n" * 40_000

    with pytest.raises(TooLarge, match=r"not yet handled during OpenQASM 3 import \(ForStmt\)\); the limit"):
        inspect(source.encode(), QASM3)


def test_a_refusal_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for statements in ("qubit q\n", "qubit q; inv @ h q; for i in {1, 2} { x q; }"):
        with pytest.raises(InvalidCircuit):
            inspect((HEADER3 + statements).encode(), QASM3)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("circuit_format", "header", "register"),
    [(QASM2, HEADER2, "qreg q[1];"), (QASM3, HEADER3, "qubit[1] q;")],
)
def test_what_comments_say_is_not_looked_at(circuit_format: CircuitFormat, header: str, register: str) -> None:
    comment = '// while include "x" ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\n'

    source = comment * 3 + header + comment + register + "\nh q[0];\n" + comment

    found = inspect(source.encode(), circuit_format)

    assert found.profile is not None
    assert found.profile.gate_counts == {"h": 1}


@pytest.mark.parametrize("pairs", ["()", "[]", "{}", "[(", "({["])
@pytest.mark.parametrize("beside", ["", "()" * 99, "([()])" * 99])
def test_brackets_are_refused_by_their_depth_and_not_by_their_number(pairs: str, beside: str) -> None:
    closing = dict(zip("([{", ")]}", strict=True))
    opened = [bracket for bracket in pairs * MAX_NESTING if bracket in closing][:MAX_NESTING]
    deepest = "".join(opened) + "".join(closing[bracket] for bracket in reversed(opened))

    look(HEADER3 + beside + deepest + beside, QASM3)
    with pytest.raises(InvalidCircuit, match="nested more than 40 deep"):
        look(f"{HEADER3}{beside}({deepest}){beside}", QASM3)


def test_a_large_honest_circuit_is_read() -> None:
    source = HEADER2 + "qreg q[20];\ncreg c[20];\n" + "cx q[0],q[1];\nrx(0.5) q[2];\n" * 10_000

    found = inspect(source.encode(), QASM2)

    assert found.profile is not None
    assert found.profile.size == 20_000
