"""What the services themselves answer, asked over HTTP as a client would."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import time
from typing import Any

from doctor.findings import Finding, Look

TIMEOUT_SECONDS = 10
_CERTIFICATE_DAYS = 14
_DAY_SECONDS = 86400
_KEY_REMEDY = "QSERVER_ADMIN_KEY in .env must be a key that is good: docs/howto/users-and-keys.md"


def get(port: int, path: str, *, key: str = "", is_tls: bool = False) -> tuple[int, Any]:
    """Ask 127.0.0.1, with a key where there is one; gives status and document.

    Whose certificate a port shows doesn't matter: it is a port of this machine. Raises OSError, or ValueError where the
    answer is no JSON.
    """
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS, context=_unverified())
        if is_tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    )
    try:
        headers = {"Host": "127.0.0.1", **({"Authorization": f"Bearer {key}"} if key else {})}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except http.client.HTTPException as error:
        raise ValueError(f"{type(error).__name__}: it speaks no HTTP") from error
    finally:
        connection.close()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def look_at_readiness(port: int, *, remedy: str) -> Look:
    """Ask whether rest_api answers, and which of its neighbours do."""
    try:
        status, report = get(port, "/api/v1/health/ready")
        neighbours = report["neighbours"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Look("service", "", (Finding(f"nothing that is QServer answers on port {port}: {error}", remedy),))
    # Of workers more is said where they are listed.
    missing = [each for each in neighbours if not each["is_ready"] and each["name"] != "workers"]
    findings = tuple(Finding(f"{each['name']} doesn't answer: {each['message']}", remedy) for each in missing)
    return Look("service", f"port {port} answers {status} ({report['status']})", findings)


def look_at_workers(port: int, *, remedy: str, key: str = "", is_tls: bool = False) -> Look:
    """Ask which workers live, as the administrator where a key is known."""
    try:
        status, workers = get(port, "/api/v1/workers", key=key, is_tls=is_tls)
        if status in {http.client.UNAUTHORIZED, http.client.FORBIDDEN}:
            return Look("workers", "", (Finding(f"workers can't be listed: {workers['detail']}", _KEY_REMEDY),))
        live = [each for each in workers if each["is_live"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Look("workers", "", (Finding(f"workers can't be listed: {error}", remedy),))
    seen = f"{len(live)} live"
    if not live:
        return Look("workers", seen, (Finding("no worker lives: submitted jobs wait", remedy),))
    unfit = [each["name"] for each in live if not each["routes"]]
    if unfit:
        fault = f"{', '.join(unfit)} can't simulate and takes no jobs: its log says why (simulator_failed_its_test)"
        return Look("workers", seen, (Finding(fault, remedy),))
    return Look("workers", seen)


def look_at_certificate(port: int) -> Look:
    """Look how long the certificate that is served is still valid."""
    try:
        pem = _served_certificate(port)
    except OSError as error:
        remedy = "docker compose logs proxy says why; docs/howto/tls.md"
        return Look("certificate", "", (Finding(f"port {port} speaks no TLS: {error}", remedy),))
    try:
        ends = subprocess.run(
            ["openssl", "x509", "-noout", "-enddate"], input=pem, capture_output=True, text=True, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return Look("certificate", "served (openssl isn't installed or can't read it, so its end is not known)")
    until = ends.stdout.strip().removeprefix("notAfter=")
    return look_at_end(until, days_left=(ssl.cert_time_to_seconds(until) - time.time()) / _DAY_SECONDS)


def look_at_end(until: str, *, days_left: float) -> Look:
    """Judge how long a certificate is still valid."""
    seen, remedy = f"valid until {until}", "docs/howto/tls.md says how to renew it"
    if days_left <= 0:
        return Look("certificate", seen, (Finding(f"the certificate was {seen}: clients refuse it", remedy),))
    if days_left < _CERTIFICATE_DAYS:
        return Look("certificate", seen, (Finding(f"the certificate is {seen}", remedy, is_warning=True),))
    return Look("certificate", seen)


def _served_certificate(port: int) -> str:
    raw = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
    # Whoever made it: its dates are what is looked at.
    with raw, _unverified().wrap_socket(raw, server_hostname="localhost") as wrapped:
        return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")
