import pytest

from qserver.errors import ExecutionError, Reason
from qserver.plugins import Failure, Success
from qserver.results import PubResult
from tests.unit.worker.claims import a_result
from tests.unit.worker.fake_plugin import FakePlugin
from tests.unit.worker.fake_process import FakeProcess
from worker.capacity import Capacity
from worker.devices import find_gpu_memory_bytes
from worker.environment import simulator_environment
from worker.groups import Lane
from worker.selftest import SHOTS, SelfTest, check_bell_pair, plugin_for_test

CAPACITY = Capacity(cores=3, places=2, memory_bytes=1000)


def outcome(counts: dict[str, int]) -> Success:
    return Success("selftest", PubResult(run=a_result().run, counts=counts))


def test_the_counts_of_a_bell_pair_pass() -> None:
    check_bell_pair(outcome({"00": SHOTS // 2, "11": SHOTS // 2}), device="CPU")


@pytest.mark.parametrize("counts", [{"01": SHOTS}, {"00": SHOTS - 1}, {}])
def test_other_counts_do_not_pass(counts: dict[str, int]) -> None:
    with pytest.raises(ExecutionError, match="Bell pair"):
        check_bell_pair(outcome(counts), device="CPU")


def test_a_simulation_on_another_device_does_not_pass() -> None:
    with pytest.raises(ExecutionError, match="ran on CPU, not on GPU"):
        check_bell_pair(outcome({"00": SHOTS}), device="GPU")


def test_a_failure_does_not_pass() -> None:
    with pytest.raises(ExecutionError, match="no device"):
        check_bell_pair(Failure("selftest", Reason.DEVICE_UNAVAILABLE, "no device"), device="CPU")


def test_what_the_process_raises_is_passed_on() -> None:
    test = SelfTest(FakePlugin(), lane=Lane.NARROW, capacity=CAPACITY)

    with pytest.raises(ExecutionError, match="does not load"):
        test(FakeProcess(ExecutionError("the engine does not load")))


def test_the_plugin_for_the_test_reads_openqasm_and_gives_counts() -> None:
    plugin = FakePlugin()

    assert plugin_for_test([plugin]) is plugin
    assert plugin_for_test([]) is None


def test_a_narrow_simulator_takes_the_fast_path_on_one_core_and_sees_no_gpu() -> None:
    environment = simulator_environment(Lane.NARROW, cores=3)

    assert environment == {"OMP_NUM_THREADS": "2", "OMP_THREAD_LIMIT": "1", "CUDA_VISIBLE_DEVICES": ""}


def test_a_wide_simulator_uses_the_workers_cores_and_not_the_hosts() -> None:
    assert simulator_environment(Lane.WIDE, cores=3)["OMP_NUM_THREADS"] == "3"


def test_a_simulator_for_the_gpu_sees_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")

    assert simulator_environment(Lane.GPU, cores=3)["CUDA_VISIBLE_DEVICES"] == "2"


def test_looking_for_a_gpu_never_fails() -> None:
    assert find_gpu_memory_bytes() >= 0
