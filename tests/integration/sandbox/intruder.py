"""A simulator's process that does what it is told, in the place of the one that simulates."""

import json

from qserver.sandbox.child import serve
from tests.integration.sandbox.intrusions import attempt

ENTRY = "tests.integration.sandbox.intruder:main"


def main() -> None:
    """Try what each request names."""
    serve({"attempt": lambda payload: attempt(*json.loads(payload)).encode()})
