"""An issuer of OpenID Connect tokens: a real server on this machine gives its keys, its signatures are real."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


class Issuer:
    """Publishes a key and signs tokens with it."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name_in_discovery: str | None = None
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(issuer.documents().get(self.path, {})).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def documents(self) -> dict[str, object]:
        public = cast("dict[str, object]", ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True))
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.name_in_discovery or self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": [{**public, "kid": "1", "use": "sig", "alg": "ES256"}]},
        }

    def claims(self, **changes: object) -> dict[str, object]:
        claims = {
            "iss": self.url,
            "aud": "qserver",
            "sub": "42",
            "iat": datetime.now(UTC),
            "exp": datetime.now(UTC) + timedelta(hours=1),
            "preferred_username": "ada",
            "roles": ["qserver-user"],
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, **changes: object) -> str:
        return jwt.encode(self.claims(**changes), self.key, "ES256", {"kid": "1"})
