"""What the server says over HTTP alone: where its gRPC is, how it is, its workers, plugins and limits."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from qserver.client.access import Access
from qserver.client.faults import away, saying_how_to_give_a_key
from qserver.client.server_address import ServerAddress
from qserver.errors import QServerError, Reason, error_of
from qserver.json_types import JsonValue

_TIMEOUT_SECONDS = 30.0
_SERVICE = "/api/v1/service"


class HttpDoor:
    """HTTP for blocking programs."""

    def __init__(self, access: Access) -> None:
        """Prepare a client; it connects with the first request."""
        self._url = access.http.url
        self._client = httpx.Client(
            base_url=self._url, headers=access.authorization, verify=_trust(access), timeout=_TIMEOUT_SECONDS
        )

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Disconnect."""
        self.close()

    def get(self, path: str) -> JsonValue:
        """Read a document. Raises what the server refuses with, or Unavailable."""
        try:
            return _document(self._client.get(path))
        except httpx.TransportError as error:
            raise away(self._url, str(error)) from error

    def find_grpc(self, http: ServerAddress) -> ServerAddress:
        """Ask where gRPC is served. Raises Unavailable where nobody answers."""
        try:
            return _grpc_address(self._client.get(_SERVICE), http)
        except httpx.TransportError as error:
            raise away(self._url, str(error)) from error

    def close(self) -> None:
        """Disconnect."""
        self._client.close()


class AsyncHttpDoor:
    """HTTP for asyncio programs."""

    def __init__(self, access: Access) -> None:
        """Prepare a client; it connects with the first request."""
        self._url = access.http.url
        self._client = httpx.AsyncClient(
            base_url=self._url, headers=access.authorization, verify=_trust(access), timeout=_TIMEOUT_SECONDS
        )

    async def get(self, path: str) -> JsonValue:
        """Read a document. Raises what the server refuses with, or Unavailable."""
        try:
            return _document(await self._client.get(path))
        except httpx.TransportError as error:
            raise away(self._url, str(error)) from error

    async def find_grpc(self, http: ServerAddress) -> ServerAddress:
        """Ask where gRPC is served. Raises Unavailable where nobody answers."""
        try:
            return _grpc_address(await self._client.get(_SERVICE), http)
        except httpx.TransportError as error:
            raise away(self._url, str(error)) from error

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()


def _trust(access: Access) -> ssl.SSLContext | bool:
    """Say whose certificates are believed. Reading this machine's authorities takes 20 ms: not without TLS."""
    if not access.http.is_secure:
        return False
    return ssl.create_default_context(cadata=access.ca.decode()) if access.ca else True


def _grpc_address(answer: httpx.Response, http: ServerAddress) -> ServerAddress:
    """Read the answer; behind the proxy, and at a server that doesn't know the question, gRPC is where HTTP is."""
    if answer.status_code == httpx.codes.NOT_FOUND:
        return http
    document = _document(answer)
    port = document.get("grpc_port") if isinstance(document, dict) else None
    return http.with_port(port) if isinstance(port, int) else http


def _document(answer: httpx.Response) -> JsonValue:
    try:
        document: JsonValue = answer.json()
    except ValueError:
        document = None
    # Readiness answers 503 with a document that says what is missing: no refusal.
    if answer.is_success or (document is not None and "detail" not in _members(document)):
        return document
    raise _refusal(answer, _members(document))


def _refusal(answer: httpx.Response, problem: Mapping[str, JsonValue]) -> QServerError:
    message = str(problem.get("detail") or f"{answer.url} answered {answer.status_code} {answer.reason_phrase}")
    try:
        error = error_of(Reason(str(problem.get("reason"))), message)
    except ValueError:
        return QServerError(message)
    return error if "authorization" in answer.request.headers else saying_how_to_give_a_key(error)


def _members(document: JsonValue) -> Mapping[str, JsonValue]:
    return document if isinstance(document, dict) else {}
