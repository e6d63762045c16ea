"""What is said to a process that runs plugins, on its way there."""

from dataclasses import replace

from plugins.messages import RunCall
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.jobs import RunRequest
from qserver.plugins import Plan, RunLimits, Task
from qserver.results import ResultType
from qserver.sandbox.codec import pack, unpack
from tests.bell import BELL_PROFILE

LIMITS = RunLimits(memory_bytes=1, threads=1, result_bytes=1)
REQUEST = RunRequest("coin", frozenset({ResultType.COUNTS}), shots=10, options={"noise": {"depolarizing": 0.1}})
PLAN = Plan("toss", "CPU", "double", threads=1, memory_bytes=1, seconds=0.001, reason="always")


def a_task(key: str, *, request: RunRequest = REQUEST, plan: Plan = PLAN, qpy: bytes | None = b"QISKIT") -> Task:
    inspection = Inspection(CircuitFormat.OPENQASM2, BELL_PROFILE, qpy)
    return Task(key, Circuit(CircuitFormat.OPENQASM2, key.encode(), inspection), request, plan)


def test_what_tasks_have_in_common_is_sent_once() -> None:
    tasks = [a_task(str(number)) for number in range(100)]

    call = RunCall.of("coin", tasks, LIMITS)

    assert len(call.kinds) == 1
    assert unpack(RunCall, pack(call)).read_tasks() == tasks


def test_a_noise_model_is_sent_once_and_arrives_with_each_of_its_tasks() -> None:
    model, other = b"{" + b" " * 10_000 + b"}", b"{ }"
    tasks = [replace(a_task(str(number)), noise_model=other if number == 7 else model) for number in range(20)]
    tasks.append(a_task("plain"))

    packed = pack(RunCall.of("coin", tasks, LIMITS))

    assert packed.count(model) == 1
    assert unpack(RunCall, packed).read_tasks() == tasks


def test_tasks_of_different_kinds_arrive_as_they_were_and_in_their_order() -> None:
    more_shots, other_plan = replace(REQUEST, shots=20), replace(PLAN, method="think")
    text = Task("text", Circuit(CircuitFormat.TEXT, b"?", Inspection(CircuitFormat.TEXT, None, None)), REQUEST, PLAN)
    tasks = [
        a_task("a"),
        a_task("b", request=more_shots),
        a_task("c", plan=other_plan, qpy=None),
        text,
        a_task("d", request=more_shots),
    ]

    call = RunCall.of("coin", tasks, LIMITS)

    assert len(call.kinds) == 4
    assert unpack(RunCall, pack(call)).read_tasks() == tasks
