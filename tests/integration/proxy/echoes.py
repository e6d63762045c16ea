"""Upstreams that tell what reached them."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc

from tests.integration.proxy.calls import unary


class _Echo(BaseHTTPRequestHandler):
    """Answers with the request's headers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def http_echo(port: int) -> Iterator[None]:
    """Serve headers as JSON."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def piecewise_reader(port: int, piece: bytes, has_arrived: threading.Event) -> Iterator[None]:
    """Serve one request: tell when `piece` of its body has arrived, and answer with the body once all of it has."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=_read_piecewise, args=(listener, piece, has_arrived), daemon=True)
        thread.start()
        yield
        thread.join(30)


def _read_piecewise(listener: socket.socket, piece: bytes, has_arrived: threading.Event) -> None:
    connection, _ = listener.accept()
    connection.settimeout(30)
    request = b""
    with connection:
        while not request.endswith(b"\r\n0\r\n\r\n"):  # the end of a body in chunks
            request += connection.recv(65536)
            if piece in request:
                has_arrived.set()
        body = request.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n0\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)


class _AnyMethod(grpc.GenericRpcHandler):
    """Answers every call, whatever its path."""

    def __init__(self, answer: Callable[[bytes, grpc.ServicerContext], bytes]) -> None:
        self._answer = answer

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        del handler_call_details
        return grpc.unary_unary_rpc_method_handler(self._answer)


@contextmanager
def grpc_echo(port: int, name: str = "echo") -> Iterator[None]:
    """Answer every unary call with its metadata as JSON, and this server's `name` among it."""

    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        metadata: Mapping[str, str | bytes] = dict(context.invocation_metadata())
        return json.dumps({"name": name, **{key: str(value) for key, value in metadata.items()}}).encode()

    server = grpc.server(ThreadPoolExecutor(4), handlers=[_AnyMethod(answer)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()


def ask_grpc_echo(address: str, metadata: tuple[tuple[str, str], ...] = ()) -> Mapping[str, str]:
    """Call an echo once; gives what reached it."""
    with grpc.insecure_channel(address) as channel:
        found: Mapping[str, str] = json.loads(unary(channel, "/any/path")(b"", metadata=metadata, timeout=30))
        return found
