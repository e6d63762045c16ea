"""A box with broker and database behind its endpoint for workers."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from database import Database
from qserver.broker import Broker, connect
from qserver.settings import BrokerSettings, DatabaseSettings
from tests.certificates import Authority, Certificate, put
from tests.servers.proxy import Proxy


@dataclass(frozen=True, slots=True)
class Box:
    """A box with broker and database behind its endpoint for workers."""

    proxy: Proxy
    authority: Authority
    database_url: str
    broker_url: str

    def environment(self, client: Certificate, trusted: Path | None = None) -> dict[str, str]:
        """Give the settings of a worker elsewhere that shows a certificate."""
        database, broker = urlsplit(self.database_url), urlsplit(self.broker_url)
        files = {"CA": trusted or self.authority.certificate, "CERTIFICATE": client.certificate, "KEY": client.key}
        place = f"localhost:{self.proxy.worker_port}"
        return {
            "QSERVER_DATABASE_URL": f"{database.scheme}://{database.username}@{place}{database.path}",
            "QSERVER_BROKER_URL": f"amqps://{broker.username}:{broker.password}@{place}{broker.path}",
            **{
                f"QSERVER_{part}_TLS_{name}": str(path)
                for part in ("DATABASE", "BROKER")
                for name, path in files.items()
            },
            "QSERVER_DATABASE_TLS_SERVER_NAME": "database.qserver",
            "QSERVER_BROKER_TLS_SERVER_NAME": "broker.qserver",
        }

    @contextmanager
    def database(self, client: Certificate, **changed: object) -> Iterator[Database]:
        """Open the database from elsewhere."""
        values = {**_fields(self.environment(client)), "database_timeout_seconds": 5, **changed}
        with closing(Database.open(DatabaseSettings.model_validate(values))) as opened:
            yield opened

    @contextmanager
    def broker(self, client: Certificate, **changed: object) -> Iterator[Broker]:
        """Open the broker from elsewhere."""
        values = {**_fields(self.environment(client)), "broker_timeout_seconds": 5, **changed}
        with closing(connect(BrokerSettings.model_validate(values))) as opened:
            yield opened

    def mount(self) -> None:
        """Copy what the authority has made for the proxy to where it is mounted."""
        shutil.copytree(self.authority.proxy_folder, self.proxy.certs, copy_function=put, dirs_exist_ok=True)


def _fields(environment: Mapping[str, str]) -> dict[str, object]:
    return {name.removeprefix("QSERVER_").lower(): value for name, value in environment.items()}
