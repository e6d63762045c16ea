"""The expert: two processes with one thread each, kept warm, a half of the circuits for each."""

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from bench.meter import Part
from bench.peers.aer import run_in_a_loop, run_like_an_expert
from bench.peers.kept_process import KeptProcess
from bench.tasks import Outcome, Task

PROCESSES = 2

Parameters = ParamSpec("Parameters")
Given = TypeVar("Given")


class Expert:
    """Aer by hand in processes of its own, so that nothing of the bench's client shares its interpreter."""

    def __init__(self) -> None:
        """Start the processes."""
        self._processes = [KeptProcess() for _ in range(PROCESSES)]

    @property
    def parts(self) -> Sequence[Part]:
        """The processes."""
        return [Part("simulators", process.pid) for process in self._processes]

    def run(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Run all circuits, of each process many in one run."""
        shares = [tasks[index::PROCESSES] for index in range(PROCESSES)]
        for process, share in zip(self._processes, shares, strict=True):
            process.tell(run_like_an_expert, share)
        outcomes: list[Outcome] = [Outcome({}, {}, ())] * len(tasks)
        for index, process in enumerate(self._processes):
            outcomes[index::PROCESSES] = process.hear()
        return outcomes

    def run_in_a_loop(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Run one circuit after the other, in one process."""
        return self.call(run_in_a_loop, tasks)

    def call(self, function: Callable[Parameters, Given], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Given:
        """Have one of the processes call a function."""
        return self._processes[0].call(function, *args, **kwargs)

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.close()
