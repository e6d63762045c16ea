"""A channel on which a consumer's visits take place, one after the other."""

from collections.abc import Callable
from typing import Final

from qserver.broker.channel import Channel

MAX_VISITS: Final = 100
"""pika remembers each cancelled consumer until the channel closes, to send back what comes for it."""


class VisitedChannel:
    """Kept from visit to visit, since opening and closing one takes longer than the rest of a visit.

    Its hints may be on loan still when the next visit begins. It closes once it was given up and none is, which gives
    back whatever came too late.
    """

    def __init__(self, channel: Channel, *, wake: Callable[[], None]) -> None:
        """Use a new channel; `wake` is called when the broker ends it, or one of its consumers."""
        self.channel: Final = channel
        self.is_over = False
        """Whether the channel closed or a queue vanished: no visit can go on."""
        self._wake = wake
        self._visits = 0
        self._on_loan = 0
        self._limit: int | None = None
        self._is_given_up = False
        channel.on_closed(self._end)
        channel.on_cancelled(self._end)

    def begin_visit(self) -> bool:
        """Tell whether another visit may take place, and count it."""
        if self.is_over or self._is_given_up or self._visits == MAX_VISITS:
            return False
        self._visits += 1
        return True

    def lend(self, hints: int) -> None:
        """Note hints that were taken."""
        self._on_loan += hints

    def lends(self, hints: int) -> bool:
        """Tell whether this is how many hints are on loan, of all visits, and any are."""
        return 0 < hints == self._on_loan

    def take_back(self, hints: int) -> None:
        """Note hints that were settled."""
        self._on_loan -= hints
        self._close_if_settled()

    async def limit_unacknowledged(self, messages: int) -> None:
        """Set what each later consumer may hold, unless that is set already. Raises Unavailable."""
        if self._limit != messages:
            await self.channel.limit_unacknowledged(messages)
            self._limit = messages

    def give_up(self) -> None:
        """Use it for no further visit: it closes once nothing is on loan. Safe to repeat."""
        self._is_given_up = True
        self._close_if_settled()

    def abandon(self) -> None:
        """Close it at once, since its consumers may go on: what is on loan goes back too; claims bear it."""
        self._is_given_up = True
        self.channel.close()

    def _close_if_settled(self) -> None:
        if self._is_given_up and not self._on_loan:
            self.channel.close()

    def _end(self) -> None:
        self.is_over = True
        self._wake()
