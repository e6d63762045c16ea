"""Where the truth is kept and hints travel: PostgreSQL or SQLite, RabbitMQ, and their users."""

from pydantic import Field, SecretStr

from qserver.settings.section import OptionalPath, Section


class DatabaseSettings(Section):
    """Where the truth is kept."""

    database_url: SecretStr = Field(
        default=SecretStr("postgresql+psycopg://qserver@127.0.0.1:5432/qserver"),
        description="SQLAlchemy URL of Postgres (15 or newer) or SQLite",
    )
    database_user: str = Field(default="", description="user, in the place of the URL's")
    database_password: SecretStr = Field(
        default=SecretStr(""), description="password, in the place of the URL's; any character may be in it"
    )
    database_pool_size: int = Field(default=8, ge=1, le=200, description="connections a service keeps open at most")
    database_timeout_seconds: float = Field(default=10.0, gt=0, description="wait for a connection or a statement")
    database_tls_ca: OptionalPath = Field(
        default=None, description="authority of the server, for TLS with a client certificate; empty: as the URL says"
    )
    database_tls_certificate: OptionalPath = Field(default=None, description="the client's certificate")
    database_tls_key: OptionalPath = Field(default=None, description="the client's key, readable by its owner alone")
    database_tls_server_name: str = Field(
        default="", description="name asked for and expected in the certificate; empty is the URL's host"
    )


class BrokerSettings(Section):
    """Where hints about waiting jobs travel."""

    broker_url: SecretStr = Field(
        default=SecretStr("amqp://guest:guest@127.0.0.1:5672/%2F"), description="AMQP URL of RabbitMQ"
    )
    broker_user: str = Field(default="", description="user, in the place of the URL's")
    broker_password: SecretStr = Field(
        default=SecretStr(""), description="password, in the place of the URL's; any character may be in it"
    )
    broker_declares: bool = Field(
        default=True, description="whether queues are made where they are missing; false for who may only read them"
    )
    broker_heartbeat_seconds: int = Field(default=30, ge=5, le=600, description="AMQP heartbeat")
    broker_timeout_seconds: float = Field(default=10.0, gt=0, description="wait for the broker to connect or confirm")
    broker_tls_ca: OptionalPath = Field(
        default=None, description="authority of the server, for an amqps URL and a client certificate"
    )
    broker_tls_certificate: OptionalPath = Field(default=None, description="the client's certificate")
    broker_tls_key: OptionalPath = Field(default=None, description="the client's key")
    broker_tls_server_name: str = Field(
        default="", description="name asked for and expected in the certificate; empty is the URL's host"
    )


class RoleSettings(Section):
    """Roles that `python -m database prepare` makes in Postgres; an empty name makes none."""

    service_role: str = Field(default="", description="role of the services: reads and writes rows, changes no table")
    service_role_password: SecretStr = Field(default=SecretStr(""), description="its password")
    worker_role: str = Field(default="", description="role of workers on other machines: what running jobs needs")
    worker_role_password: SecretStr = Field(default=SecretStr(""), description="its password")


class BrokerAccountSettings(Section):
    """The user that `python -m qserver.broker.accounts` makes in RabbitMQ."""

    broker_management_url: str = Field(
        default="http://127.0.0.1:15672", description="RabbitMQ's management interface, to make users by"
    )
    broker_worker_user: str = Field(default="", description="user of workers on other machines: reads queues of jobs")
    broker_worker_password: SecretStr = Field(default=SecretStr(""), description="its password")
