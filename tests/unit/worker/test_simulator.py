from dataclasses import replace

import pytest

from qserver.errors import ExecutionError, InvalidCircuit, QServerError, Reason
from qserver.plugins import Success
from qserver.sandbox.ending import Ending as ProcessEnding
from qserver.sandbox.errors import ChildDied, ChildMisbehaved, ChildTimedOut
from tests.unit.worker.claims import a_claim, a_group, a_plan, a_result
from tests.unit.worker.fake_process import FakeProcess, FakeSource
from worker.capacity import Capacity
from worker.groups import Group
from worker.runs import Run, StopCause
from worker.scheduler import need_of
from worker.selftest import InspectingProcess
from worker.simulator import BASE_MEMORY_BYTES, RunSettings, Simulator, resident_limit_bytes, run_limits
from worker.verdicts import Answered, Died, Interrupted, NotStarted, OutOfTime, Refused

GIB = 1024**3
CAPACITY = Capacity(cores=4, places=4, memory_bytes=8 * GIB)
WITH_GPU = Capacity(cores=4, places=4, memory_bytes=8 * GIB, gpu_memory_bytes=40 * GIB)
SETTINGS = RunSettings(longest_seconds=100.0, result_bytes=1000)


def trust(_: InspectingProcess) -> None:
    """Ask nothing of a simulator."""


def a_simulator(*processes: FakeProcess) -> Simulator:
    return Simulator(FakeSource(*processes), trust, CAPACITY, SETTINGS)


def a_run(group: Group | None = None) -> Run:
    group = group or a_group()
    return Run(group, need_of(group, CAPACITY), since_seconds=0.0, waited_seconds=0.0)


def died(*, out_of_memory: bool = False, was_killed: bool = False) -> ChildDied:
    return ChildDied(ProcessEnding(signal=11, out_of_memory=out_of_memory, was_killed=was_killed), doing="run")


def test_the_plugins_outcomes_are_the_answer() -> None:
    run = a_run()

    ending = a_simulator(FakeProcess()).run(run)

    assert ending == Answered([Success(str(run.group.jobs[0].job.id), a_result())])


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (ChildTimedOut("too long"), OutOfTime(100.0)),
        (InvalidCircuit("no such gate"), Refused(Reason.INVALID_CIRCUIT, "no such gate")),
        (ExecutionError("broken"), Refused(Reason.PLUGIN_ERROR, "broken")),
    ],
)
def test_what_is_raised_becomes_an_ending(error: QServerError, ending: object) -> None:
    assert a_simulator(FakeProcess(error)).run(a_run()) == ending


def test_a_process_that_breaks_the_protocol_is_its_plugins_fault() -> None:
    error = ChildMisbehaved(ProcessEnding(signal=9), doing="run", fault="it sent no header")

    ending = a_simulator(FakeProcess(error)).run(a_run())

    assert isinstance(ending, Refused)
    assert ending.reason is Reason.PLUGIN_ERROR


def test_a_death_by_memory_names_the_limit() -> None:
    ending = a_simulator(FakeProcess(died(out_of_memory=True))).run(a_run())

    assert ending == Died("the job needed more than the 2,048 MiB that its simulator may use", lack_of_memory=True)


def test_a_death_by_anything_else_names_the_signal() -> None:
    ending = a_simulator(FakeProcess(died())).run(a_run())

    assert isinstance(ending, Died)
    assert not ending.lack_of_memory
    assert "SIGSEGV" in ending.message


@pytest.mark.parametrize("cause", [StopCause.GONE, StopCause.DRAIN])
def test_a_death_by_our_own_hand_blames_nobody(cause: StopCause) -> None:
    run = a_run()
    run.stop(cause)

    assert a_simulator(FakeProcess(died(was_killed=True))).run(run) == Interrupted()


def test_a_simulator_that_stood_still_has_died() -> None:
    run = a_run()
    run.stop(StopCause.STILL)

    ending = a_simulator(FakeProcess(died(was_killed=True))).run(run)

    assert ending == Died("its simulator stood still and was killed", lack_of_memory=False)


def test_a_run_that_was_killed_for_its_memory_ran_out_of_it() -> None:
    run = a_run()
    run.stop(StopCause.MEMORY)

    ending = a_simulator(FakeProcess(died(was_killed=True))).run(run)

    assert isinstance(ending, Died)
    assert ending.lack_of_memory


def test_without_a_process_nothing_is_started_and_nobody_blamed() -> None:
    assert a_simulator().run(a_run()) == NotStarted("no process can be had", lose_attempt=False)


def test_a_file_plugin_without_a_process_costs_its_job_an_attempt() -> None:
    run = a_run(a_group(a_claim(route="plugin.fake-plugin")))

    assert a_simulator().run(run) == NotStarted("no process can be had", lose_attempt=True)


def test_a_live_process_is_kept_and_a_dead_one_replaced() -> None:
    first, second = FakeProcess(), FakeProcess()
    source = FakeSource(first, second)
    simulator = Simulator(source, trust, CAPACITY, SETTINGS)

    simulator.run(a_run())
    simulator.run(a_run())
    first.is_alive = False
    simulator.run(a_run())

    assert source.asked == [None, None]
    assert first.is_closed
    assert not second.is_closed


def test_a_file_plugins_process_is_kept_beside_the_built_in_one() -> None:
    source = FakeSource(FakeProcess(), FakeProcess(), FakeProcess())
    simulator = Simulator(source, trust, CAPACITY, SETTINGS)

    for plugin, route in [("aer", "cpu"), ("one", "plugin.one"), ("aer", "cpu"), ("one", "plugin.one")]:
        simulator.run(a_run(a_group(a_claim(plugin=plugin, route=route))))
    simulator.run(a_run(a_group(a_claim(plugin="two", route="plugin.two"))))

    assert source.asked == [None, "one", "two"]


def test_a_simulator_that_rests_ends_only_its_file_plugin() -> None:
    built_in, other = FakeProcess(), FakeProcess()
    simulator = a_simulator(built_in, other)
    simulator.prove()
    simulator.run(a_run(a_group(a_claim(plugin="one", route="plugin.one"))))

    simulator.rest()

    assert other.is_closed
    assert simulator.is_ready


def test_a_simulator_that_fails_its_test_keeps_no_process() -> None:
    def fail(_: InspectingProcess) -> None:
        raise ExecutionError("wrong counts")

    process = FakeProcess()
    simulator = Simulator(FakeSource(process), fail, CAPACITY, SETTINGS)

    with pytest.raises(ExecutionError, match="wrong counts"):
        simulator.prove()

    assert process.is_closed
    assert not simulator.is_ready


def test_a_test_under_way_is_ended_when_the_worker_stops() -> None:
    def wait_for_the_end(process: InspectingProcess) -> None:
        simulator.stop_proving()
        if not process.is_alive:
            raise ExecutionError("the process died")

    process = FakeProcess()
    simulator = Simulator(FakeSource(process), wait_for_the_end, CAPACITY, SETTINGS)

    with pytest.raises(ExecutionError, match="died"):
        simulator.prove()

    assert process.kills == 1


def test_a_simulator_that_is_not_tested_is_left_alone_when_the_worker_stops() -> None:
    process = FakeProcess()
    simulator = a_simulator(process)
    simulator.prove()

    simulator.stop_proving()

    assert process.is_alive


def test_a_small_job_may_use_its_share_of_the_memory_and_one_thread() -> None:
    limits = run_limits(a_group(), CAPACITY, result_bytes=7)

    assert (limits.memory_bytes, limits.threads, limits.result_bytes) == (2 * GIB, 1, 7)


def test_a_job_that_needs_more_than_its_share_gets_it_with_a_margin() -> None:
    group = a_group(a_claim(plan=a_plan(memory_bytes=4 * GIB)))

    assert run_limits(group, CAPACITY, result_bytes=7).memory_bytes == 5 * GIB


def test_a_job_on_many_cores_leaves_one_and_its_share_of_memory() -> None:
    limits = run_limits(a_group(a_claim(plan=a_plan(threads=0))), CAPACITY, result_bytes=7)

    assert (limits.memory_bytes, limits.threads) == (6 * GIB, 3)


def test_a_job_that_needs_nearly_all_memory_leaves_a_core_and_a_little_memory() -> None:
    group = a_group(a_claim(plan=a_plan(threads=0, memory_bytes=7 * GIB)))

    limits = run_limits(group, CAPACITY, result_bytes=7)

    assert (limits.memory_bytes, limits.threads) == (8 * GIB - GIB // 4, 3)


def test_a_job_that_needs_all_memory_has_all_cores_too() -> None:
    group = a_group(a_claim(plan=a_plan(threads=0, memory_bytes=8 * GIB - 1)))

    limits = run_limits(group, CAPACITY, result_bytes=7)

    assert (limits.memory_bytes, limits.threads) == (8 * GIB, 4)


def test_on_few_cores_a_large_job_has_them_all() -> None:
    few = replace(CAPACITY, cores=2, places=2)

    limits = run_limits(a_group(a_claim(plan=a_plan(threads=0))), few, result_bytes=7)

    assert (limits.memory_bytes, limits.threads) == (8 * GIB, 2)


def test_a_job_on_the_gpu_is_given_its_memory_and_watched_for_the_hosts() -> None:
    group = a_group(a_claim(plan=a_plan(device="GPU")))

    assert run_limits(group, WITH_GPU, result_bytes=7).memory_bytes == 40 * GIB
    assert resident_limit_bytes(group, WITH_GPU) == 8 * GIB + BASE_MEMORY_BYTES
