"""A process of a peer that is kept warm and does what it is told, one call at a time."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar, cast

Parameters = ParamSpec("Parameters")
Given = TypeVar("Given")


class KeptProcess:
    """Calls functions in a fresh interpreter; whatever they raise is raised here."""

    def __init__(self) -> None:
        """Start it."""
        context = get_context("spawn")
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(other_end,), daemon=True)
        self._process.start()
        other_end.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return cast("int", self._process.pid)

    def tell(self, function: Callable[Parameters, object], *args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        """Have it begin a call, whose outcome `hear` waits for."""
        self._pipe.send((function, args, kwargs))

    def hear(self) -> Any:  # noqa: ANN401 - what the function told of returns
        """Wait for the outcome of the call that it was told. Raises what the call raised, EOFError if it died."""
        given, error = self._pipe.recv()
        if error is not None:
            raise error
        return given

    def call(self, function: Callable[Parameters, Given], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Given:
        """Call and wait."""
        self.tell(function, *args, **kwargs)
        return cast("Given", self.hear())

    def close(self) -> None:
        """End it."""
        self._pipe.close()
        self._process.join(10)
        self._process.kill()


def _serve(pipe: Connection) -> None:
    while True:
        try:
            function, args, kwargs = pipe.recv()
        except EOFError:
            return
        try:
            given = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - raised again where it was called
            pipe.send((None, error))
        else:
            pipe.send((given, None))
