"""Which of the published messages the broker has confirmed, refused, or found no queue for."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Batch:
    """Messages published together. `done` comes when the last of them was confirmed or refused."""

    done: asyncio.Future[None]
    open_numbers: set[int] = field(default_factory=set)
    not_taken: set[int] = field(default_factory=set)

    def settle(self, number: int, *, is_taken: bool) -> None:
        """Note the broker's answer to one message."""
        self.open_numbers.discard(number)
        if not is_taken:
            self.not_taken.add(number)
        if not self.open_numbers and not self.done.done():
            self.done.set_result(None)


class Confirms:
    """Numbers a channel's messages from 1 as the broker does, and sorts its answers."""

    def __init__(self) -> None:
        """Begin with a channel that has published nothing."""
        self._published = 0
        self._batches: dict[int, Batch] = {}  # by open number, which rises

    def add(self, batch: Batch) -> int:
        """Give the number of the next message, which belongs to `batch`."""
        self._published += 1
        self._batches[self._published] = batch
        batch.open_numbers.add(self._published)
        return self._published

    def settle(self, number: int, is_multiple: bool, is_taken: bool) -> None:  # noqa: FBT001 - the broker's own words
        """Note an answer to one message, or to all open ones up to it."""
        for each in self._up_to(number) if is_multiple else [number]:
            if batch := self._batches.pop(each, None):
                batch.settle(each, is_taken=is_taken)

    def come_back(self, number: int) -> None:
        """Note that a message found no queue. Its confirmation follows."""
        if batch := self._batches.get(number):
            batch.not_taken.add(number)

    def _up_to(self, number: int) -> list[int]:
        return [each for each in self._batches if each <= number]
