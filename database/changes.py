"""The change feed: who is told that something changed, and by what thread.

A change says what to read again, never what was written. Feeds may repeat a change; after RECONNECTED some may have
been missed. So a subscriber reads the database again, and polls slowly besides. It names the kinds that it wants: to be
woken for what it ignores costs a process more than anything else that an idle one does.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from queue import SimpleQueue
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import Connection

_log = structlog.get_logger(__name__)


class ChangeKind(StrEnum):
    """What changed."""

    JOBS = "jobs"  # these jobs' states, which are not their last; where one was claimed, there is room for another
    ENDED = "ended"  # these jobs are over, or gone
    STOPPED = "stopped"  # these jobs were canceled or failed, which their worker may not know; told besides ENDED
    WORK = "work"  # there is new pending work: the dispatcher wakes
    PLUGINS = "plugins"  # a plugin was registered or removed
    ACCESS = "access"  # a key was revoked, or a user may do more or less than before
    RECONNECTED = "reconnected"  # changes may have been missed: read again; told without being asked for


@dataclass(frozen=True, slots=True)
class Change:
    """One announcement."""

    kind: ChangeKind
    job_ids: tuple[UUID, ...] = ()


Callback = Callable[[Change], None]


class Subscription:
    """The right to be called; ends with `close`."""

    def __init__(self, subscribers: "Subscribers", callback: Callback, kinds: Iterable[ChangeKind]) -> None:
        """Remember whom to tell that it is over."""
        self._subscribers = subscribers
        self._callback = callback
        self.kinds = frozenset(kinds)

    def close(self) -> None:
        """End it; a call under way is not waited for. Safe to repeat."""
        self._subscribers.remove(self)

    def tell(self, change: Change) -> None:
        """Call the subscriber, if it wants to hear of this."""
        if change.kind in self.kinds or change.kind is ChangeKind.RECONNECTED:
            self._callback(change)


class Subscribers:
    """Everybody who listens to one feed. Safe from every thread."""

    def __init__(self, *, on_change: Callable[[], None] = lambda: None) -> None:
        """Begin with nobody; `on_change` is called when there is one more or less."""
        self._on_change = on_change
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    def add(self, callback: Callback, kinds: Iterable[ChangeKind]) -> Subscription:
        """Add one."""
        subscription = Subscription(self, callback, kinds)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        self._on_change()
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Remove one, if it is still there."""
        with self._lock:
            self._subscriptions = tuple(kept for kept in self._subscriptions if kept is not subscription)
        self._on_change()

    def kinds(self) -> frozenset[ChangeKind]:
        """Give what any of them wants to hear of."""
        return frozenset().union(*(subscription.kinds for subscription in self._subscriptions))

    def tell(self, change: Change) -> None:
        """Call all who want to hear of it. One that fails is logged and keeps no other from hearing."""
        self._tell(self._subscriptions, change)

    def tell_reconnected(self, kinds: frozenset[ChangeKind]) -> None:
        """Call all who want to hear of any of these: some may have been missed until now."""
        concerned = [subscription for subscription in self._subscriptions if subscription.kinds & kinds]
        self._tell(concerned, Change(ChangeKind.RECONNECTED))

    def _tell(self, subscriptions: Iterable[Subscription], change: Change) -> None:
        for subscription in subscriptions:
            try:
                subscription.tell(change)
            except Exception:  # noqa: BLE001 - the outermost loop of the feed's thread outlives any subscriber's fault
                _log.exception("change_subscriber_failed", kind=change.kind)


class ChangeFeed(Protocol):
    """Where changes come from. Callbacks run in the feed's own thread and must return soon."""

    def subscribe(self, callback: Callback, kinds: Iterable[ChangeKind]) -> Subscription:
        """Call `callback` for each change of these kinds from now on, and for RECONNECTED."""

    def before_commit(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Take part in the transaction that makes the changes."""

    def after_commit(self, changes: Sequence[Change]) -> None:
        """Hear that the transaction was committed."""

    def close(self) -> None:
        """Tell nobody any more, and end the thread. Safe to repeat."""


class MemoryFeed:
    """A feed within one process, for SQLite: changes travel through a queue to one thread."""

    def __init__(self) -> None:
        """Start the thread with the first subscriber."""
        self._subscribers = Subscribers()
        self._queue: SimpleQueue[Change | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def subscribe(self, callback: Callback, kinds: Iterable[ChangeKind]) -> Subscription:
        """Call `callback` for each change of these kinds from now on."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="change-feed", daemon=True)
                self._thread.start()
        return self._subscribers.add(callback, kinds)

    def before_commit(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Do nothing: only what is committed is told."""

    def after_commit(self, changes: Sequence[Change]) -> None:
        """Hand the changes to the thread."""
        if self._thread is not None:
            for change in changes:
                self._queue.put(change)

    def close(self) -> None:
        """End the thread. Safe to repeat."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            if thread is not threading.current_thread():
                thread.join()

    def _deliver(self) -> None:
        while (change := self._queue.get()) is not None:
            self._subscribers.tell(change)
