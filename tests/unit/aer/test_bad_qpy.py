"""QPY that must be refused: old versions before any loader sees them, lies and halves without harm."""

import re
from collections.abc import Iterator

import pytest

from plugins.aer.inspector import inspect
from plugins.aer.plugin import AerPlugin
from plugins.registry import PRELOADED_MODULES
from plugins.sandboxed import spawn_plugin_process
from qserver.circuits import CircuitFormat
from qserver.errors import ExecutionError, InvalidCircuit, Reason
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import MIB, Limits
from tests.unit.aer.bad_qpy import CLAIMS, CUT, OLD_VERSIONS, honest, of_version

INSPECTOR = Limits(memory_bytes=1024 * MIB)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]|Backtrace")


@pytest.fixture(scope="module")
def forkserver() -> Iterator[Forkserver]:
    """Where inspectors come from."""
    with Forkserver(preload=PRELOADED_MODULES) as started:
        started.start()
        yield started


def test_the_file_that_the_others_are_made_of_is_good() -> None:
    found = inspect(honest(), CircuitFormat.QPY)

    assert found.profile is not None
    assert found.profile.num_qubits == 2


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_an_old_version_is_refused_before_anything_is_loaded(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_arguments: object) -> None:
        raise AssertionError("it was loaded")

    monkeypatch.setattr("qiskit.qpy.load", load)

    with pytest.raises(InvalidCircuit, match=f"QPY version {version}; the oldest accepted is 13"):
        inspect(of_version(version), CircuitFormat.QPY)


@pytest.mark.parametrize("name", CUT)
def test_a_file_that_was_cut_is_refused_in_plain_words(name: str) -> None:
    with pytest.raises(InvalidCircuit, match=r"QPY") as refused:
        inspect(CUT[name], CircuitFormat.QPY)

    assert not UNPRINTABLE.search(refused.value.message)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_file_that_would_unpack_to_gigabytes_meets_the_limit_of_its_process(
    forkserver: Forkserver, name: str
) -> None:
    with spawn_plugin_process(forkserver, INSPECTOR) as inspector:
        with pytest.raises((InvalidCircuit, ExecutionError)) as refused:
            inspector.inspect(AerPlugin.name, CLAIMS[name], CircuitFormat.QPY, timeout_seconds=30)
        again = inspector.inspect(AerPlugin.name, honest(), CircuitFormat.QPY, timeout_seconds=30)

    assert refused.value.reason in {Reason.INVALID_CIRCUIT, Reason.OUT_OF_MEMORY}
    assert not UNPRINTABLE.search(refused.value.message)
    assert again.profile is not None
