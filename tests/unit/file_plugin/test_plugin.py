import pytest

from plugins.file_plugin.plugin import FilePlugin
from plugins.file_plugin.process import metadata_of, payload_of
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.errors import ExecutionError, InvalidRequest, Reason
from qserver.jobs import Observable, PauliTerm, RunRequest
from qserver.plugins import Resources, RunLimits, Task
from qserver.results import ResultType

PLUGIN = FilePlugin(name="tiny-plugin", version="1.0", backend_names=["tiny", "huge"])
NOWHERE = Resources(memory_bytes=0, gpu_memory_bytes=0, cores=0)


def run_request(**changes: object) -> RunRequest:
    return RunRequest(**{"backend": "tiny", "result_types": frozenset({ResultType.COUNTS}), **changes})  # type: ignore[arg-type]


def task(request: RunRequest) -> Task:
    circuit = Circuit(CircuitFormat.TEXT, b"two\nlines", Inspection(CircuitFormat.TEXT, profile=None, qpy=None))
    return Task(key="1", circuit=circuit, request=request, plan=PLUGIN.plan(None, request, NOWHERE))


def test_every_backend_takes_any_text_and_gives_the_original_result_types() -> None:
    specs = PLUGIN.backends()

    assert (PLUGIN.name, PLUGIN.version) == ("tiny-plugin", "1.0")
    assert [spec.name for spec in specs] == ["tiny", "huge"]
    assert specs[0].formats == {CircuitFormat.TEXT}
    assert specs[0].result_types == {ResultType.COUNTS, ResultType.QUASI_DIST, ResultType.EXPVAL}


def test_a_task_runs_alone_beside_others() -> None:
    lone = task(run_request())

    assert lone.plan.threads == 1
    assert PLUGIN.batch_key(lone) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"result_types": frozenset({ResultType.MEMORY})}, Reason.UNSUPPORTED_RESULT_TYPE),
        ({"seed": 7}, Reason.INVALID_OPTION),
        ({"precision": 0.1}, Reason.INVALID_OPTION),
    ],
)
def test_what_the_original_interface_has_no_word_for_is_refused_and_not_ignored(
    changes: dict[str, object], reason: Reason
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        PLUGIN.plan(None, run_request(**changes), NOWHERE)

    assert caught.value.reason is reason


def test_nothing_is_said_of_a_circuit_that_only_the_plugin_can_read() -> None:
    assert PLUGIN.inspect(b"anything", CircuitFormat.TEXT) == Inspection(CircuitFormat.TEXT, profile=None, qpy=None)


def test_it_never_runs_in_our_own_interpreter() -> None:
    with pytest.raises(ExecutionError, match="runs in an environment of its own only"):
        PLUGIN.run([], RunLimits(memory_bytes=1, threads=1, result_bytes=1))


def test_shots_and_observables_are_added_to_metadata_in_the_original_words() -> None:
    request = run_request(shots=7, observables=(Observable((PauliTerm("XZ", 0.5),)),), metadata={"free": "key"})

    assert metadata_of(request) == {"shots": 7, "obs": [[["XZ", 0.5]]], "free": "key"}


def test_what_the_client_wrote_into_metadata_stands() -> None:
    request = run_request(shots=1000, metadata={"shots": "a few", "obs": "mine"})

    assert metadata_of(request) == {"shots": "a few", "obs": "mine"}


@pytest.mark.parametrize("backend", ["tiny", "tiny-plugin:tiny"])
def test_the_plugin_hears_its_own_name_for_the_backend(backend: str) -> None:
    payload = payload_of(task(run_request(backend=backend)), "tiny-plugin")

    assert b'"backend": "tiny"' in payload
    assert payload.endswith(b"\ntwo\nlines")
