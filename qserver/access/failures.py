"""How often an address may be wrong."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from qserver.addresses import network_of
from qserver.clock import Clock
from qserver.errors import QuotaExceeded, ReachedLimit

_MINUTE_SECONDS: Final = 60.0
_MAX_ADDRESSES: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at_seconds: float


class FailureLimit:
    """A bucket of failures for each address, filled again within a minute. Safe from every thread.

    The addresses seen last are remembered; an IPv6 address stands for its /64.
    """

    def __init__(self, per_minute: int, clock: Clock) -> None:
        """Allow so many failures a minute; 0 allows any number."""
        self._per_minute = per_minute
        self._clock = clock
        self._lock = Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def check(self, address: str) -> None:
        """Raise QuotaExceeded where an address has used up its failures."""
        if not self._per_minute:
            return
        with self._lock:
            bucket = self._buckets.get(network_of(address))
            left = self._per_minute if bucket is None else self._refilled(bucket).left
        if left < 1:
            seconds = math.ceil((1 - left) * _MINUTE_SECONDS / self._per_minute)
            raise QuotaExceeded(
                f"too many wrong keys came from {address or 'this address'}: the limit is {self._per_minute} a minute "
                f"(QSERVER_KEY_FAILURES_PER_MINUTE); try again in {seconds} s",
                limit=ReachedLimit("key_failures_per_minute", self._per_minute, seconds),
            )

    def count(self, address: str) -> None:
        """Remember a failure."""
        if not self._per_minute:
            return
        key = network_of(address)
        with self._lock:
            bucket = self._buckets.setdefault(key, _Bucket(float(self._per_minute), self._clock.monotonic_seconds()))
            self._refilled(bucket).left -= 1
            self._buckets.move_to_end(key)
            if len(self._buckets) > _MAX_ADDRESSES:
                self._buckets.popitem(last=False)

    def _refilled(self, bucket: _Bucket) -> _Bucket:
        now = self._clock.monotonic_seconds()
        gained = (now - bucket.at_seconds) * self._per_minute / _MINUTE_SECONDS
        bucket.left, bucket.at_seconds = min(self._per_minute, bucket.left + gained), now
        return bucket
