"""The user of RabbitMQ for workers on other machines: `python -m qserver.broker.accounts`.

It may read the queues of jobs. It makes no queue, publishes nothing, and sees no dead letters.
"""

import base64
import http.client
import json
import sys
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from qserver.errors import QServerError, SettingsError, Unavailable
from qserver.passwords import weakness
from qserver.settings import BrokerAccountSettings, load_settings

TIMEOUT_SECONDS = 30
RIGHTS = {"configure": "^$", "write": "^$", "read": r"^qserver\.(?!dead$)"}


class Management:
    """RabbitMQ's management interface, as the user who administers it."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        """Ask at `url`, e.g. http://rabbitmq:15672."""
        self._address = urlsplit(url)
        self.user = user
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def put(self, path: str, body: object) -> None:
        """Make something, or bring it to what it should be. Raises Unavailable or QServerError."""
        connection = http.client.HTTPConnection(
            self._address.hostname or "", self._address.port or 15672, timeout=TIMEOUT_SECONDS
        )
        try:
            connection.request("PUT", f"/api/{path}", body=json.dumps(body), headers=self._headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"RabbitMQ's management interface doesn't answer: {error}") from error
        finally:
            connection.close()
        if status == HTTPStatus.UNAUTHORIZED:
            raise QServerError(
                "RabbitMQ knows another password of QSERVER_BROKER_USER: it took the one of its first start"
            )
        if status not in {HTTPStatus.CREATED, HTTPStatus.NO_CONTENT}:
            kind, _, _ = path.partition("/")
            raise QServerError(f"RabbitMQ's management interface answered {status} to {kind}")


def ensure_worker_account(management: Management, settings: BrokerAccountSettings, *, virtual_host: str) -> None:
    """Make the user with its rights. Safe to repeat. Raises SettingsError for a weak password or a taken name."""
    user, password = settings.broker_worker_user, settings.broker_worker_password.get_secret_value()
    if not user:
        raise SettingsError("QSERVER_BROKER_WORKER_USER is empty; it names the user of workers on other machines")
    if user == management.user:
        # It would lose the right to administer, and every service the right to publish.
        raise SettingsError(
            f"QSERVER_BROKER_WORKER_USER is {user}, who administers RabbitMQ; workers need another name"
        )
    if fault := weakness(password, user=user):
        raise SettingsError(f"QSERVER_BROKER_WORKER_PASSWORD {fault}")
    management.put(f"users/{quote(user, safe='')}", {"password": password, "tags": ""})
    management.put(f"permissions/{quote(virtual_host, safe='')}/{quote(user, safe='')}", RIGHTS)


def main() -> int:
    """Make the account, and give the exit status."""
    try:
        tree = load_settings()
        broker, settings = tree.broker, tree.broker_accounts
        management = Management(
            settings.broker_management_url,
            user=broker.broker_user,
            password=broker.broker_password.get_secret_value(),
        )
        ensure_worker_account(management, settings, virtual_host="/")
    except QServerError as error:
        print(f"broker accounts: {error}", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 1
    print(f"RabbitMQ: {settings.broker_worker_user} may read the queues of jobs")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
