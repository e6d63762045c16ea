"""Clients that keep ordering, and ask again whenever an answer was lost."""

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice

from tests.chaos.doors import Door, Doors, Lost, Refused
from tests.chaos.orders import Kind, Order, orders
from tests.chaos.site import Site

_BATCH = 6
_AGAIN_SECONDS = 0.25
_REPEATED_SHARE = 0.1


class Ledger:
    """What was wanted and what was answered, by all clients together. Thread-safe."""

    def __init__(self) -> None:
        """Know of nothing yet."""
        self._lock = threading.Lock()
        self.wanted: dict[str, Order] = {}
        self.answers: defaultdict[str, set[str]] = defaultdict(set)
        self.refusals: list[str] = []
        self.calls = 0
        self.lost_calls = 0
        self.repeated_orders = 0

    def want(self, wanted: Sequence[Order]) -> None:
        """Note orders before they are sent."""
        with self._lock:
            self.wanted |= {order.request_id: order for order in wanted}

    def send(self, door: Door, wanted: Sequence[Order]) -> Sequence[Order]:
        """Send orders once; gives those without an answer."""
        try:
            answered = door(wanted)
        except Lost:
            with self._lock:
                self.calls += 1
                self.lost_calls += 1
            return wanted
        except Refused as refusal:
            with self._lock:
                self.refusals.append(str(refusal))
            return ()
        with self._lock:
            self.calls += 1
            for request_id, job_id in answered.items():
                self.repeated_orders += request_id in self.answers
                self.answers[request_id].add(job_id)
        return [order for order in wanted if order.request_id not in answered]

    def job_of(self, order: Order) -> str:
        """Give the job that an order got."""
        return min(self.answers[order.request_id])


class Client:
    """A thread that orders its share. `stop` lets it end early; else it ends when all is answered."""

    def __init__(self, number: int, site: Site, ledger: Ledger, *, jobs: int, pause: Callable[[], float]) -> None:
        """Order `jobs` in all, with `pause()` seconds between calls."""
        self._dice = random.Random(f"client {number}")  # noqa: S311 - repeatable, no secret
        self._doors = Doors(site)
        self._ledger = ledger
        self._pause = pause
        self._orders = orders(jobs, self._dice, first=number * jobs)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"client {number}")
        self._served: list[Order] = []

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Give up what is unanswered, and wait for the thread."""
        self._stopping.set()
        self._thread.join()
        self._doors.close()

    def _serve(self) -> None:
        while not self._stopping.is_set() and (wanted := self._next()):
            self._ledger.want(wanted)
            self._send_until_answered(wanted)
            self._served += wanted
            self._cancel_unwanted(wanted)
            if self._dice.random() < _REPEATED_SHARE:
                self._send_until_answered(self._dice.sample(self._served, k=min(_BATCH, len(self._served))))
            self._stopping.wait(self._pause())

    def _next(self) -> Sequence[Order]:
        number = self._dice.randint(1, _BATCH)
        return list(islice(self._orders, number))

    def _send_until_answered(self, wanted: Sequence[Order]) -> None:
        door = self._dice.choice(self._doors.all)
        while wanted and not self._stopping.is_set():
            left = self._ledger.send(door, wanted)
            if len(left) == len(wanted):
                self._stopping.wait(_AGAIN_SECONDS)
            wanted = left

    def _cancel_unwanted(self, wanted: Sequence[Order]) -> None:
        for order in wanted:
            if order.kind is Kind.UNWANTED and self._ledger.answers.get(order.request_id):
                self._cancel(self._ledger.job_of(order))

    def _cancel(self, job_id: str) -> None:
        while not self._stopping.is_set():
            try:
                self._doors.cancel(job_id)
            except Lost:
                self._stopping.wait(_AGAIN_SECONDS)
            except Refused as refusal:
                self._ledger.refusals.append(f"cancel: {refusal}")
                return
            else:
                return
