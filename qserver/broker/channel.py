"""One AMQP channel of pika's, whose calls are awaited and fail when it closes."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import pika
from pika.amqp_object import Method as AMQPMethod
from pika.channel import Channel as RawChannel
from pika.exceptions import AMQPError
from pika.frame import Method
from pika.spec import Basic, BasicProperties, Confirm, Exchange, Queue

from qserver.errors import Unavailable

_Answer = TypeVar("_Answer")
_Method = TypeVar("_Method", bound=AMQPMethod)
OnMessage = Callable[[int, bytes], None]
"""Called with a delivery's number in its channel and the message's body."""
OnConfirm = Callable[[int, bool, bool], None]
"""Called with the number of a published message, whether all before it are meant too, and whether they were taken."""


def resolver(answer: asyncio.Future[_Answer]) -> Callable[[_Answer], None]:
    """Give a callback that answers the future, unless whoever waited has given up."""

    def resolve(value: _Answer) -> None:
        if not answer.done():
            answer.set_result(value)

    return resolve


class Channel:
    """A channel of an open connection. Lives in the thread of one event loop."""

    def __init__(self, raw: RawChannel, place: str) -> None:
        """Watch over `raw`; `place` names the broker in errors."""
        self._raw = raw
        self._place = place
        self._on_closed: list[Callable[[], None]] = []
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done, with the reason, when the channel has ended: by us, by the broker, or with its connection."""
        raw.add_on_close_callback(self._close_seen)

    @property
    def is_open(self) -> bool:
        """Whether calls may succeed. pika raises nothing when the broker closes a channel: look here."""
        return bool(self._raw.is_open)

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call back once the channel has ended."""
        self._on_closed.append(callback)

    async def answered(self, answer: asyncio.Future[_Answer]) -> _Answer:
        """Wait for the broker's answer. Raises Unavailable when the channel closes before."""

        def fail(_closed: asyncio.Future[str]) -> None:
            if not answer.done():
                answer.set_exception(self._lost())

        self.closed.add_done_callback(fail)
        try:
            return await answer
        finally:
            self.closed.remove_done_callback(fail)

    async def declare_exchange(self, name: str, kind: str) -> None:
        """Make a durable exchange unless it is there. Raises Unavailable, also if it is there with other settings."""
        await self._call(
            Exchange.DeclareOk,
            lambda answer: self._raw.exchange_declare(name, exchange_type=kind, durable=True, callback=answer),
        )

    async def declare_queue(self, name: str, arguments: Mapping[str, str | int]) -> int:
        """Make a durable queue unless it is there; gives its ready messages. Raises Unavailable as above."""
        answer = await self._call(
            Queue.DeclareOk,
            lambda answer: self._raw.queue_declare(name, durable=True, arguments=dict(arguments), callback=answer),
        )
        return int(answer.message_count)

    async def find_queue(self, name: str) -> None:
        """Return if the queue is there. Raises Unavailable, and closes the channel, if it isn't."""
        await self._call(Queue.DeclareOk, lambda answer: self._raw.queue_declare(name, passive=True, callback=answer))

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and what is in it; a queue that isn't there is deleted already. Raises Unavailable."""
        await self._call(Queue.DeleteOk, lambda answer: self._raw.queue_delete(name, callback=answer))

    async def bind_queue(self, queue: str, exchange: str) -> None:
        """Let messages of an exchange into a queue. Raises Unavailable."""
        await self._call(Queue.BindOk, lambda answer: self._raw.queue_bind(queue, exchange, callback=answer))

    async def limit_unacknowledged(self, messages: int) -> None:
        """Set what each later consumer of this channel may hold. Raises Unavailable."""
        await self._call(Basic.QosOk, lambda answer: self._raw.basic_qos(prefetch_count=messages, callback=answer))

    async def consume(self, queue: str, on_message: OnMessage) -> str:
        """Have messages delivered; gives the consumer's tag. Raises Unavailable, also if there is no such queue."""

        def deliver(_channel: object, method: Basic.Deliver, _properties: object, body: bytes) -> None:
            on_message(method.delivery_tag, body)

        answer = await self._call(
            Basic.ConsumeOk, lambda answer: self._raw.basic_consume(queue, deliver, callback=answer)
        )
        return str(answer.consumer_tag)

    def cancel(self, consumer_tag: str) -> None:
        """Have no more messages delivered; pika sends back those that come nevertheless. Nothing is waited for."""
        if self.is_open and consumer_tag in self._raw.consumer_tags:  # else the broker was first
            self._raw.basic_cancel(consumer_tag)

    def on_cancelled(self, callback: Callable[[], None]) -> None:
        """Call back when the broker ends a consumer, as it does when a queue is deleted."""
        self._raw.add_on_cancel_callback(lambda _frame: callback())

    async def confirm(self, on_confirm: OnConfirm, on_return: Callable[[str], None]) -> None:
        """Have each message confirmed, and one that found no queue returned by its id first. Raises Unavailable."""

        def confirmed(frame: Method[Basic.Ack | Basic.Nack]) -> None:
            on_confirm(frame.method.delivery_tag, frame.method.multiple, isinstance(frame.method, Basic.Ack))

        def returned(_channel: object, _method: object, properties: BasicProperties, _body: object) -> None:
            on_return(str(properties.message_id))

        self._raw.add_on_return_callback(returned)
        await self._call(Confirm.SelectOk, lambda answer: self._raw.confirm_delivery(confirmed, callback=answer))

    def publish(self, queue: str, body: bytes, message_id: str) -> None:
        """Send a persistent message that comes back if the queue isn't there. Raises Unavailable."""
        properties = BasicProperties(  # type: ignore[no-untyped-call]  # generated
            content_type="text/plain", message_id=message_id, delivery_mode=pika.DeliveryMode.Persistent.value
        )
        try:
            self._raw.basic_publish("", queue, body, properties, mandatory=True)
        except AMQPError as error:
            raise self._lost() from error

    def acknowledge(self, number: int) -> None:
        """Remove a delivered message from its queue; once the channel is closed it has gone back there already."""
        if self.is_open:
            self._raw.basic_ack(number)

    def acknowledge_up_to(self, number: int) -> None:
        """Remove this message and all delivered before it, as `acknowledge` does one."""
        if self.is_open:
            self._raw.basic_ack(number, multiple=True)

    def dead_letter(self, number: int) -> None:
        """Move a delivered message to the dead letters, unless the channel is closed."""
        if self.is_open:
            self._raw.basic_nack(number, requeue=False)

    def give_back(self, number: int) -> None:
        """Put a delivered message back into its queue; RabbitMQ 4.3 counts a reject as a failure, but not this."""
        if self.is_open:
            self._raw.basic_nack(number, requeue=True)

    def close(self) -> None:
        """Begin to close it; what is unacknowledged goes back to its queue. Safe to repeat."""
        if self.is_open:
            self._raw.close()

    async def _call(
        self, answer_type: type[_Method], start: Callable[[Callable[[Method[_Method]], None]], object]
    ) -> _Method:
        """Start a call with a callback and wait for its answer, an `answer_type`."""
        answer: asyncio.Future[Method[_Method]] = asyncio.get_running_loop().create_future()
        try:
            start(resolver(answer))
        except AMQPError as error:
            raise self._lost() from error
        method = (await self.answered(answer)).method
        if not isinstance(method, answer_type):
            raise Unavailable(f"RabbitMQ at {self._place} answered {method!r} where {answer_type!r} belongs")
        return method

    def _close_seen(self, _channel: RawChannel, reason: Exception) -> None:
        if not self.closed.done():
            self.closed.set_result(str(getattr(reason, "reply_text", "") or reason))
        for callback in self._on_closed:
            callback()

    def _lost(self) -> Unavailable:
        reason = self.closed.result() if self.closed.done() else "it was closed"
        return Unavailable(f"RabbitMQ at {self._place} closed the channel: {reason}")
