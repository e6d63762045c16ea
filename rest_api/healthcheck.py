"""Whether this service answers, for container engines: `python -m rest_api.healthcheck`. Status 0, or 1 with why.

It asks for no neighbour: one that is away must not make every service look broken. And it is asked for often, so it
loads next to nothing.
"""

import http.client
import os
import sys
from http import HTTPStatus

TIMEOUT_SECONDS = 15
PATH = "/api/v1/health"


def main() -> int:
    """Ask the port that the settings name, by way of loopback."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ.get("QSERVER_HTTP_PORT", "8080")), timeout=TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", PATH, headers={"Host": "127.0.0.1"})
        status = connection.getresponse().status
    except OSError as error:
        print(f"no answer: {error}")  # noqa: T201 - a command line's answer
        return 1
    finally:
        connection.close()
    if status != HTTPStatus.OK:
        print(f"it answers {status}")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
