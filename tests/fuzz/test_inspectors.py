"""Circuits of pieces, and QPY with bytes changed, in a real inspector: read, refused, or the end of one process."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.aer.plugin import AerPlugin
from plugins.registry import PRELOADED_MODULES
from plugins.sandboxed import PluginProcess, spawn_plugin_process
from qserver.circuits import CircuitFormat, Inspection
from qserver.errors import ExecutionError, InvalidRequest, Reason
from qserver.sandbox.errors import ChildDied, ChildTimedOut
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import MIB, Limits
from tests.unit.aer.bad_qpy import honest

SECONDS = 10
LIMITS = Limits(memory_bytes=1024 * MIB)
GOOD = honest()
STATEMENTS = (
    *("qubit[3] q;", "qreg q[3];", "bit[3] c;", "creg c[3];", "h q[0];", "h q;", "cx q[0], q[1];", "cx q[0], q[0];"),
    *("rx(pi / 2) q[1];", "rx(1e999) q[0];", "U(1, 2, 3) q[2];", "measure q -> c;", "c = measure q;", "reset q;"),
    *(
        "barrier q;",
        "gate g(t) a, b { rx(t) a; cx a, b; }",
        "g(0.1) q[0], q[1];",
        "opaque o a;",
        "o q[0];",
        "gphase(1);",
    ),
    *("ctrl @ x q[0], q[1];", "inv @ s q[0];", "pow(0.5) @ x q[0];", "for int i in [0:2] { x q[0]; }", "int n = 3;"),
    *("if (c == 1) x q[0];", "if (c[0]) { x q[0]; } else { h q[0]; }", "input float theta;", "rx(theta) q[0];"),
    *(
        "delay[10ns] q[0];",
        "box { x q[0]; }",
        "let a = q[0:1];",
        "def f(qubit r) { x r; }",
        "switch (c) { case 0 { } }",
    ),
)
texts = st.builds(
    lambda header, statements: (header + "\n" + "\n".join(statements)).encode(),
    st.sampled_from(['OPENQASM 2.0; include "qelib1.inc";', 'OPENQASM 3.0; include "stdgates.inc";', "OPENQASM 3.0;"]),
    st.lists(st.sampled_from(STATEMENTS), max_size=12),
)


def _changed(changes: list[tuple[int, int]]) -> bytes:
    file = bytearray(GOOD)
    for place, value in changes:
        file[place] = value
    return bytes(file)


changed_qpy = st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6).map(
    _changed
)
expendable = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


class Bench:
    """One inspector at a time; who ends one gets the next."""

    def __init__(self, forkserver: Forkserver) -> None:
        self._forkserver = forkserver
        self._inspector: PluginProcess | None = None

    def read(self, source: bytes, circuit_format: CircuitFormat) -> Inspection | Exception:
        if self._inspector is None or not self._inspector.is_alive:
            self.close()
            self._inspector = spawn_plugin_process(self._forkserver, LIMITS)
        try:
            return self._inspector.inspect(AerPlugin.name, source, circuit_format, timeout_seconds=SECONDS)
        except (InvalidRequest, ExecutionError, ChildDied, ChildTimedOut) as error:
            return error

    def close(self) -> None:
        if self._inspector is not None:
            self._inspector.close()
            self._inspector = None


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Forkserver(preload=PRELOADED_MODULES) as forkserver:
        forkserver.start()
        made = Bench(forkserver)
        yield made
        made.close()


@expendable
@given(source=texts)
def test_text_is_read_or_refused_in_words_for_people(bench: Bench, source: bytes) -> None:
    circuit_format = CircuitFormat.OPENQASM2 if source.startswith(b"OPENQASM 2") else CircuitFormat.OPENQASM3

    found = bench.read(source, circuit_format)

    assert isinstance(found, Inspection | InvalidRequest), found
    if isinstance(found, InvalidRequest):
        assert "Traceback" not in found.message
        assert "site-packages" not in found.message


@expendable
@given(file=changed_qpy)
def test_changed_qpy_harms_no_more_than_its_process(bench: Bench, file: bytes) -> None:
    found = bench.read(file, CircuitFormat.QPY)

    if isinstance(found, ExecutionError):
        assert found.reason is Reason.OUT_OF_MEMORY, found
    assert isinstance(bench.read(GOOD, CircuitFormat.QPY), Inspection)
