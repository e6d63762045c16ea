"""From start to stop: the server, and what it shows to a person at a terminal."""

import asyncio
import sys
from pathlib import Path

from qserver.collector import spare_what_is_loaded
from qserver.errors import QServerError
from qserver.logs import configure_logs
from qserver.sandbox.prctl import hide_from_others
from qserver.settings import Settings, load_settings
from qserver.stopping import StopSignals
from standalone.data_folder import owned
from standalone.demonstration import Demonstration, Example, examples, own_example
from standalone.options import LOOPBACK, Options
from standalone.server import StandaloneServer, standalone_settings

EXAMPLES_FOLDER = Path(__file__).parent.parent / "examples"


def serve(options: Options) -> int:
    """Own the data folder, serve until told to stop, and give the exit status."""
    hide_from_others()
    try:
        settings = standalone_settings(load_settings(), options)
        chosen = _chosen_examples(options)
        with owned(options.data_folder):
            configure_logs("standalone", settings.logs)
            spare_what_is_loaded()
            return asyncio.run(_serve(settings, options, chosen))
    except QServerError as error:
        print(f"qserver: {error}", file=sys.stderr)
        return 1


def _chosen_examples(options: Options) -> tuple[Example, ...]:
    if options.command != "demo":
        return ()
    return examples(EXAMPLES_FOLDER) if options.circuit is None else (own_example(options.circuit),)


async def _serve(settings: Settings, options: Options, chosen: tuple[Example, ...]) -> int:
    return 0 if await _Session(settings, options, chosen).run() else 1


class _Session:
    """A server from start to stop, with the demonstration in between where one was asked for."""

    def __init__(self, settings: Settings, options: Options, chosen: tuple[Example, ...]) -> None:
        """Build the server. Needs a running event loop, whose signals it takes."""
        self._options = options
        self._chosen = chosen
        self._signals = StopSignals()
        self._server = StandaloneServer(settings, options.data_folder, on_failure=self._signals.pretend_first)
        self._has_shown_all = not chosen

    async def run(self) -> bool:
        """Serve until told to stop, or, once, until the results are shown. Gives whether all went well."""
        try:
            # Not given up half-way: a start takes a second or two, and stopping needs to know what there is to stop.
            await self._server.start()
            await self._show()
            if not self._options.once:
                await self._signals.first.wait()
        finally:
            self._tell_of_the_end()
            await self._signals.stop(self._server.stop(), self._server.hurry)
        return self._has_shown_all and not self._server.has_failed

    async def _show(self) -> None:
        with Demonstration(
            grpc_port=self._server.grpc_port,
            http_port=self._server.http_port,
            host=shown_host(self._options.host),
            key=self._server.key,
        ) as demonstration:
            showing = asyncio.create_task(asyncio.to_thread(demonstration.run, self._chosen, shots=self._options.shots))
            told = asyncio.create_task(self._signals.first.wait())
            await asyncio.wait({showing, told}, return_when=asyncio.FIRST_COMPLETED)
            if not showing.done():
                await asyncio.to_thread(demonstration.cancel)
            self._has_shown_all = await showing
            told.cancel()
        if not self._options.once and not self._signals.first.is_set():
            self._announce()

    def _announce(self) -> None:
        host = shown_host(self._options.host)
        web = f"http://{host}:{self._server.http_port}"
        print(f"\ngRPC      {host}:{self._server.grpc_port}  (qserver.v1.JobService, Jobs, health, reflection)")
        print(f"HTTP      {web}/api/v1/jobs")
        print(f"Swagger   {web}/docs")
        print(f"Metrics   {web}/metrics")
        if self._server.key_file is not None:
            print(f"Key       everybody is asked for one; the administrator's is in {self._server.key_file}")
        if self._server.refuses_keys_of_others:
            print("          Keys from other machines are refused, as they would come in cleartext. Come by ssh, put")
            print(
                "          a proxy with TLS before it, or set QSERVER_CLEARTEXT_KEYS=true where you trust the network."
            )
        print("Serving until Ctrl-C.", flush=True)

    def _tell_of_the_end(self) -> None:
        if self._signals.first.is_set() and not self._signals.second.is_set():
            print("Stopping; running jobs may end. Again: now, and they run again at the next start.", flush=True)


def shown_host(host: str) -> str:
    """Write the address that is listened on as a URL wants it; that of this machine, where it is any."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not listened on
        return LOOPBACK
    return f"[{host}]" if ":" in host else host
