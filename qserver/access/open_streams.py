"""Streams that stay open after their caller was let in: how many, and who may no longer come in may not stay either."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from qserver.access.authenticator import Authenticator
from qserver.access.keys import is_key
from qserver.access.shares import Shares, holder_of
from qserver.access.visitor import Visitor
from qserver.errors import PermissionDenied, QServerError, QuotaExceeded, ReachedLimit, RetryableError, Unavailable
from qserver.identity import ANONYMOUS, Identity, Permission
from qserver.quotas import QuotaUse

_log = structlog.get_logger(__name__)

PAUSE_SECONDS = 0.5
"""At least so long between two looks, however often keys and users change."""

_LIMIT_NAME: Final = "max_open_streams_per_user"
_RETRY_SECONDS: Final = 5

MessageT = TypeVar("MessageT")

End = Callable[[QServerError], None]
"""Ends a stream with an error; called in the event loop, at most once."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was let in, as whom, to do what."""

    visitor: Visitor
    caller: Identity
    permission: Permission


@dataclass(frozen=True, slots=True, eq=False)
class _Stream:
    admission: Admission
    end: End


class OpenStreams:
    """All streams of one service, looked at together: once a beat, and at once when keys or users change.

    What a look costs grows with the credentials in use, not with streams or events: a thousand streams of one key are
    one question. For one event loop.
    """

    def __init__(self, authenticator: Authenticator, *, beat_seconds: float, most_per_user: int) -> None:
        """Have no stream yet, and look every `beat_seconds` from `start` to `close`.

        A user may have `most_per_user` streams at once, an address whose clients need no key as well; 0 is any number.
        """
        self._authenticator = authenticator
        self._beat_seconds = max(beat_seconds, PAUSE_SECONDS)
        self._streams: dict[Visitor, set[_Stream]] = {}
        self._woken = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._most_per_user = most_per_user
        self._shares = Shares()

    def start(self) -> None:
        """Begin to look, in the running event loop."""
        self._looking = asyncio.create_task(self._look_on(), name="open-streams")

    def close(self) -> None:
        """Look no more. Safe to repeat, and before `start`."""
        if self._looking is not None:
            self._looking.cancel()

    def wake(self) -> None:
        """Look soon: keys or users changed. The authenticator must have been told before."""
        self._woken.set()

    def use(self, caller: Identity) -> QuotaUse:
        """Give how many streams of this service a caller has open, of those they may have."""
        most = self._most_per_user
        return QuotaUse(_LIMIT_NAME, most or None, self._shares.held(holder_of(caller)) if most else None)

    @contextmanager
    def share(self, caller: Identity) -> Iterator[None]:
        """Count a stream as one of the caller's. Raises QuotaExceeded where they have as many open as they may."""
        holder = holder_of(caller)
        if self._most_per_user and self._shares.held(holder) >= self._most_per_user:
            raise self._exceeded(caller)
        with self._shares.take(holder):
            yield

    @contextmanager
    def hold(self, admission: Admission, end: End) -> Iterator[None]:
        """Have `end` called, during the block, once a visitor is no longer let in as they were.

        It is given Unauthenticated for a credential that is worthless by now, PermissionDenied where the permission was
        taken away, and Unavailable where the caller may do less than before: asking again shows what is left.
        """
        if not admission.visitor.credential:  # let in by the settings alone, which only a restart changes
            yield
            return
        stream = _Stream(admission, end)
        self._streams.setdefault(admission.visitor, set()).add(stream)
        try:
            yield
        finally:
            self._forget(stream)

    async def cut_short(
        self, messages: AsyncGenerator[MessageT, None], admission: Admission
    ) -> AsyncGenerator[MessageT, None]:
        """Give messages while a visitor is let in as they were. Raises what `hold` gives to `end`.

        Waiting for a message is interrupted, whoever handles one is not: gRPC can't end a call amid a message.
        Raises QuotaExceeded at first, where the caller has as many streams open as they may.
        """
        errors: list[QServerError] = []
        deadline: asyncio.Timeout | None = None

        def end(error: QServerError) -> None:
            errors.append(error)
            if deadline is not None:
                deadline.reschedule(asyncio.get_running_loop().time())

        with self.share(admission.caller), self.hold(admission, end):
            while not errors:
                try:
                    async with asyncio.timeout(None) as deadline:
                        message = await anext(messages)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    if not errors:  # the stream's own
                        raise
                    continue
                finally:
                    deadline = None
                yield message
        raise errors[0]

    async def look(self) -> None:
        """Look at every credential in use, and end the streams of those that are worth less than they were."""
        unanswered: set[bool] = set()
        for visitor in tuple(self._streams):
            kind = is_key(visitor.credential)
            if kind in unanswered:  # their directory or issuer is away, and would be waited for each time
                continue
            try:
                identity = await self._authenticator.admit_again(visitor)
            except RetryableError as error:
                _log.warning("open_streams_not_looked_at", error=error.message)
                unanswered.add(kind)
            except QServerError as error:
                self._end_all(visitor, error)
            else:
                self._end_lessened(visitor, identity)

    def _exceeded(self, caller: Identity) -> QuotaExceeded:
        whose = f"clients at {caller.address}" if caller.user_id == ANONYMOUS.user_id else f"user {caller.name}"
        return QuotaExceeded(
            f"{whose} may have {self._most_per_user:,} streams open at once, and has that many"
            f" (QSERVER_{_LIMIT_NAME.upper()}); close some, or follow many jobs by one: WatchJobs, or GetResults",
            limit=ReachedLimit(_LIMIT_NAME, self._most_per_user, _RETRY_SECONDS),
        )

    async def _look_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._beat_seconds):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - the outermost loop: a fault must not leave streams open for ever
                _log.exception("open_streams_look_failed")
            await asyncio.sleep(PAUSE_SECONDS)

    def _end_all(self, visitor: Visitor, error: QServerError) -> None:
        for stream in tuple(self._streams.get(visitor, ())):
            self._end(stream, error)

    def _end_lessened(self, visitor: Visitor, identity: Identity) -> None:
        for stream in tuple(self._streams.get(visitor, ())):
            error = _loss(stream.admission, identity)
            if error is not None:
                self._end(stream, error)

    def _end(self, stream: _Stream, error: QServerError) -> None:
        self._forget(stream)
        admission = stream.admission
        _log.info("stream_ended", user=admission.caller.name, address=admission.visitor.address, why=error.message)
        stream.end(error)

    def _forget(self, stream: _Stream) -> None:
        visitor = stream.admission.visitor
        streams = self._streams.get(visitor, set())
        streams.discard(stream)
        if not streams:
            self._streams.pop(visitor, None)


def _loss(admission: Admission, identity: Identity) -> QServerError | None:
    """Say what the caller lost since they were let in; None for nothing."""
    try:
        identity.require(admission.permission)
    except PermissionDenied as error:
        return error
    if admission.caller.permissions <= identity.permissions:
        return None
    return Unavailable(f"user {identity.name} may do less than when this stream was opened; open it again")
