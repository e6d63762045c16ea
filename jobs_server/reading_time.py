"""What each user's readings have cost lately: who may have more, and who leaves an inspector to others."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from uuid import UUID

from qserver.clock import Clock
from qserver.errors import QuotaExceeded, ReachedLimit, Unavailable
from qserver.sandbox.errors import ChildTimedOut

SLOW_SECONDS = 1.0
"""A reading that takes longer is a slow one. What is quicker costs others nothing that they would notice."""

SLOW_FOR_SECONDS = 600.0
"""For so long after a slow reading its user leaves one inspector to the others."""

HOUR_SECONDS = 3600.0

LIMIT_NAME = "inspector_lost_seconds_per_hour"


@dataclass(slots=True)
class Reading:
    """A reading under way."""

    came_to_nothing: bool = False
    is_our_fault: bool = False


@dataclass(slots=True)
class _Account:
    """A user's. What was lost is forgiven evenly, the whole allowance within an hour."""

    lost_seconds: float = 0.0
    counted_at_seconds: float = 0.0
    slow_until_seconds: float = 0.0


class ReadingTime:
    """Keeps an account for each user whose readings were slow, until it is even again. For one event loop.

    Lost is the time of a slow reading that gave no circuit. Past the allowance no circuit of the user is read: nobody
    knows before what a circuit costs.
    """

    def __init__(self, *, allowance_seconds: float, clock: Clock) -> None:
        """Let each user lose `allowance_seconds` at once, and as much again in an hour; 0 for any."""
        self._allowance_seconds = allowance_seconds
        self._clock = clock
        self._accounts: OrderedDict[UUID, _Account] = OrderedDict()  # who was slow last stands last

    @contextmanager
    def reading(self, user_id: UUID) -> Iterator[Reading]:
        """Charge the block's time to a user; what raises came to nothing. Nobody is charged for faults of ours.

        Raises QuotaExceeded, before the block, where the user has lost too much.
        """
        self._check(user_id)
        started_at_seconds = self._clock.monotonic_seconds()
        reading = Reading()
        try:
            yield reading
        except BaseException as error:
            reading.came_to_nothing = True
            held_up = isinstance(error, ChildTimedOut) and error.was_held_up
            reading.is_our_fault = held_up or isinstance(error, Unavailable)
            raise
        finally:
            spent_seconds = self._clock.monotonic_seconds() - started_at_seconds
            if spent_seconds > SLOW_SECONDS and not reading.is_our_fault:
                self._charge(user_id, spent_seconds if reading.came_to_nothing else 0.0)

    def is_slow(self, user_id: UUID) -> bool:
        """Tell whether a user had a slow reading lately."""
        account = self._accounts.get(user_id)
        return account is not None and account.slow_until_seconds > self._clock.monotonic_seconds()

    def _check(self, user_id: UUID) -> None:
        account = self._accounts.get(user_id)
        if account is None or not self._allowance_seconds:
            return
        lost_seconds = self._still_lost_seconds(account)
        if lost_seconds < self._allowance_seconds:
            return
        excess_seconds = lost_seconds - self._allowance_seconds
        wait_seconds = 1 + ceil(excess_seconds * HOUR_SECONDS / self._allowance_seconds)
        raise QuotaExceeded(
            f"your circuits have cost {lost_seconds:.0f} s of reading that came to nothing; the limit is "
            f"{self._allowance_seconds:g} s an hour (QSERVER_{LIMIT_NAME.upper()}); try again in {wait_seconds} s",
            limit=ReachedLimit(LIMIT_NAME, self._allowance_seconds, wait_seconds),
        )

    def _charge(self, user_id: UUID, lost_seconds: float) -> None:
        now_seconds = self._clock.monotonic_seconds()
        account = self._accounts.pop(user_id, None) or _Account()
        if self._allowance_seconds:  # else nothing would ever be forgiven
            account.lost_seconds = self._still_lost_seconds(account) + lost_seconds
        account.counted_at_seconds = now_seconds
        account.slow_until_seconds = now_seconds + SLOW_FOR_SECONDS
        self._accounts[user_id] = account
        self._close_even_accounts(now_seconds)

    def _still_lost_seconds(self, account: _Account) -> float:
        passed_seconds = self._clock.monotonic_seconds() - account.counted_at_seconds
        return max(0.0, account.lost_seconds - passed_seconds * self._allowance_seconds / HOUR_SECONDS)

    def _close_even_accounts(self, now_seconds: float) -> None:
        # An account is even an hour after its user was slow last, at the latest but for what passed the allowance.
        while self._accounts:
            user_id, oldest = next(iter(self._accounts.items()))
            if oldest.slow_until_seconds > now_seconds or self._still_lost_seconds(oldest) > 0:
                return
            del self._accounts[user_id]
