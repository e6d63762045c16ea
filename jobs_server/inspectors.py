"""The processes that parse circuits: a few, kept warm, and expendable."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol, TypeAlias, TypeVar
from uuid import UUID

import structlog

from jobs_server.reading_time import ReadingTime
from jobs_server.shielding import seen_through
from jobs_server.turns import FairSlots
from qserver.circuits import CircuitSource, Inspection
from qserver.clock import Clock
from qserver.errors import ExecutionError, InvalidRequest, Reason, Unavailable
from qserver.json_types import JsonObject
from qserver.sandbox.ending import EXIT_START_FAILED
from qserver.sandbox.errors import ChildDied, ChildTimedOut
from qserver.settings import MIB, InspectorSettings

_log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

ProcessLost: TypeAlias = ChildTimedOut | ChildDied
"""How a call ends that takes its process with it."""

_SUSPECT_SECONDS = 0.05
_CALLS_BETWEEN_LOOKS = 100


class Inspector(Protocol):
    """A process that reads circuits: `plugins.sandboxed.PluginProcess`, or its twin in the tests."""

    @property
    def is_alive(self) -> bool:
        """Whether it can take a call."""

    def memory_bytes(self) -> int:
        """Give the memory it holds."""

    def inspect_all(
        self, plugin: str, circuits: Sequence[CircuitSource], *, timeout_seconds: float
    ) -> Sequence[Inspection | Exception]:
        """Parse and profile circuits: give for each, in order, what it is or what is wrong with it."""

    def check_options(self, plugin: str, options: JsonObject, *, timeout_seconds: float) -> None:
        """Check what a schema can't say of the options."""

    def describe_noise_model(self, plugin: str, text: bytes, *, timeout_seconds: float) -> JsonObject:
        """Check a noise model, and give what planning needs of it."""

    def close(self) -> None:
        """End the process; a pending call raises ChildDied."""


class InspectorPool:
    """Hands calls to inspector processes, one in flight per user while others wait.

    A process is started when it is first needed, kept for the next circuit, and replaced when it died or has grown.
    """

    def __init__(
        self,
        spawn: Callable[[], Inspector],
        settings: InspectorSettings,
        *,
        processes: int,
        reading_time: ReadingTime,
        clock: Clock,
    ) -> None:
        """Have at most `processes` made by `spawn`."""
        self.reading_time = reading_time
        self._spawn = spawn
        self._settings = settings
        self._clock = clock
        self._calls = 0
        self._turns = FairSlots(processes, is_slow=reading_time.is_slow)
        self._executor = ThreadPoolExecutor(processes, thread_name_prefix="inspector")
        self._idle: list[Inspector] = []
        self._busy: set[Inspector] = set()

    def turn(self, user_id: UUID) -> AbstractAsyncContextManager[None]:
        """Hold a turn for one call of `run` within the block; wait for it first."""
        return self._turns.slot(user_id)

    async def run(self, work: Callable[[Inspector], Answer]) -> Answer:
        """Have `work` call an inspector. Only who holds a turn may, within `reading_time.reading`.

        Raises ProcessLost, and what the child raised.
        """
        return await seen_through(asyncio.get_running_loop().run_in_executor(self._executor, self._run, work))

    async def check_options(self, user_id: UUID, plugin: str, options: JsonObject) -> None:
        """Check options that need the engine. Raises InvalidRequest where they are wrong or can't be read."""
        seconds = self._settings.inspector_seconds
        await self._ask(
            user_id,
            lambda inspector: inspector.check_options(plugin, options, timeout_seconds=seconds),
            doing="checking the options",
        )

    async def describe_noise_model(self, user_id: UUID, plugin: str, text: bytes) -> JsonObject:
        """Check a noise model, and give what planning needs of it. Raises InvalidRequest where it is wrong."""
        seconds = self._settings.inspector_seconds
        return await self._ask(
            user_id,
            lambda inspector: inspector.describe_noise_model(plugin, text, timeout_seconds=seconds),
            doing="checking the noise model",
        )

    async def _ask(self, user_id: UUID, work: Callable[[Inspector], Answer], *, doing: str) -> Answer:
        try:
            async with self.turn(user_id):
                with self.reading_time.reading(user_id):
                    return await self._run_again_if_killed(work)
        except (ChildTimedOut, ChildDied, ExecutionError) as error:
            if isinstance(error, ChildTimedOut) and error.was_held_up:
                raise held_up(doing) from error
            words = sentence(error, doing, self._settings)
            if words is None:
                raise
            raise InvalidRequest(words, reason=Reason.INVALID_OPTION) from error

    async def _run_again_if_killed(self, work: Callable[[Inspector], Answer]) -> Answer:
        """Run it, and once more where the process may have been killed for what others do."""
        try:
            return await self.run(work)
        except ChildDied as error:
            if not error.came_from_outside:
                raise
        return await self.run(work)

    def close(self) -> None:
        """End all processes, also those at work, and wait for the threads that talk to them."""
        for inspector in (*self._idle, *self._busy):
            inspector.close()
        self._executor.shutdown()

    def _run(self, work: Callable[[Inspector], Answer]) -> Answer:
        inspector = self._take()
        started_at_seconds = self._clock.monotonic_seconds()
        try:
            return work(inspector)
        finally:
            self._give_back(inspector, spent_seconds=self._clock.monotonic_seconds() - started_at_seconds)

    def _take(self) -> Inspector:
        inspector = self._idle_one() or self._spawn()
        self._busy.add(inspector)
        return inspector

    def _idle_one(self) -> Inspector | None:
        """Give an idle process that lives. The next circuit is not to blame for one that was killed while it lay idle.

        The kernel kills children before services when memory is short, and they die with their forkserver.
        """
        with suppress(IndexError):  # there are no more; asking before would not be safe beside other threads
            while True:
                inspector = self._idle.pop()
                if inspector.is_alive:
                    return inspector
                inspector.close()
        return None

    def _give_back(self, inspector: Inspector, *, spent_seconds: float) -> None:
        self._busy.discard(inspector)
        self._calls += 1
        # Looking at memory takes longer than parsing a small circuit. What fills much of it takes its time; what leaks
        # bit by bit is found now and then.
        is_suspect = spent_seconds > _SUSPECT_SECONDS or self._calls % _CALLS_BETWEEN_LOOKS == 0
        if inspector.is_alive and not (is_suspect and self._has_grown(inspector)):
            self._idle.append(inspector)
        else:
            inspector.close()

    def _has_grown(self, inspector: Inspector) -> bool:
        # What one circuit left behind would be missing for the next: every circuit is promised the same memory.
        return inspector.memory_bytes() > self._settings.inspector_memory_mib * MIB // 2


def held_up(doing: str) -> Unavailable:
    """Say that an inspector didn't get to work: it was stopped, or the machine is far too busy."""
    return Unavailable(f"{doing} was not possible: the server's process for it got no time to work; try again")


def sentence(error: ProcessLost | ExecutionError, doing: str, settings: InspectorSettings) -> str | None:
    """Say what befell an inspector at what it was doing; None where that is our fault and not its input's."""
    match error:
        case ChildTimedOut():
            return f"{doing} took longer than {settings.inspector_seconds:g} s (QSERVER_INSPECTOR_SECONDS)"
        case ExecutionError(reason=Reason.OUT_OF_MEMORY) | ChildDied(out_of_memory=True):
            limit = f"{settings.inspector_memory_mib:,} MiB (QSERVER_INSPECTOR_MEMORY_MIB)"
            return f"{doing} took more than {limit}"
        case ChildDied(exit_code=exit_code) if exit_code == EXIT_START_FAILED or error.was_killed:
            return None
        case ChildDied():
            _log.warning("inspector_died", signal=error.signal, exit_code=error.exit_code)
            return f"{doing} crashed the parser: it {error.ending.describe()}"
        case _:
            return f"{doing} failed: {error.message}"
