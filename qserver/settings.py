"""Every setting of every service, as one tree. Read from the environment (prefix QSERVER_) when a service starts.

What is secret may stand in a file instead: see `secret_files`.

Each service takes only the sections it needs. `.env.example` lists all of them with unit and default, and a test keeps
the two equal. A value that can't be right stops the service with a sentence: see `load_settings`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from qserver.addresses import Network, is_within
from qserver.errors import SettingsError
from qserver.quotas import Quotas
from qserver.secret_files import SecretFiles

MIB = 1024 * 1024

_LONGEST: Mapping[str, float] = MappingProxyType({"_seconds": 365 * 86_400.0, "_days": 36_500.0})
"""The most that a setting of a unit may be, infinity left out: past these, clocks and timers of the system overflow."""
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")


def _split_names(value: object) -> object:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]
"""Names in one variable, parted by commas."""

Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split_names)]
"""Addresses and networks in one variable, parted by commas."""

OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]
"""A path, or none where the variable is empty: compose files pass on what isn't set as an empty text."""


class Section(BaseSettings):
    """A part of the tree: its fields are variables named QSERVER_ and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="QSERVER_", frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(  # the base class's signature
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, and secrets from the files that it names."""
        del dotenv_settings, file_secret_settings
        return init_settings, SecretFiles(settings_cls), env_settings

    @field_validator("*")
    @classmethod
    def _is_a_time_that_passes(cls, value: object, info: ValidationInfo) -> object:
        """Stop what would overflow hours later, in some thread."""
        longest = next((limit for unit, limit in _LONGEST.items() if (info.field_name or "").endswith(unit)), None)
        if longest is not None and isinstance(value, float) and value > longest:
            raise ValueError(f"is {value:g}; it must be at most {longest:,.0f}")
        return value


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


class LogSettings(Section):
    """How services speak."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe level written"
    )
    log_format: Literal["json", "console"] = Field(default="json", description="json for machines, console for people")
    log_folder: OptionalPath = Field(
        default=None, description="also write a file a day here; empty for standard output alone"
    )


class HealthSettings(Section):
    """How whoever starts the services sees that they work."""

    pulse_file: OptionalPath = Field(
        default=None, description="file that worker and janitor touch while all is well, for health checks; empty: none"
    )


class LimitSettings(Section):
    """What a request may ask for; also told at GET /api/v1/limits."""

    max_circuit_bytes: int = Field(default=8 * MIB, ge=1, description="bytes of one circuit's source")
    max_importer_circuit_bytes: int = Field(
        default=256 * 1024, ge=1, description="bytes of an OpenQASM 3 source that only the slow importer can read"
    )
    max_jobs_per_call: int = Field(default=1000, ge=1, le=10_000, description="jobs in one SubmitJobs call")
    max_call_bytes: int = Field(default=32 * MIB, ge=1, description="bytes of one gRPC message or HTTP body")
    max_shots: int = Field(default=10_000_000, ge=1, description="shots of one job")
    max_qubits: int = Field(default=10_000, ge=1, description="qubits of one circuit")
    max_metadata_bytes: int = Field(default=64 * 1024, ge=2, description="bytes of a job's metadata or options as JSON")
    max_observables: int = Field(default=1000, ge=1, description="observables of one job")
    max_observable_terms: int = Field(default=10_000, ge=1, description="Pauli terms of all observables of one job")
    max_pubs: int = Field(default=1000, ge=1, le=10_000, description="PUBs of one job")
    max_points: int = Field(default=100_000, ge=1, description="sets of parameter values of all PUBs of one job")
    max_result_bytes: int = Field(default=64 * MIB, ge=1024, description="bytes of one job's stored result")
    max_time_limit_seconds: float = Field(default=86_400.0, gt=0, description="longest run of a job; also the default")
    max_upload_idle_seconds: float = Field(default=30.0, gt=0, description="silence after which an upload is dropped")
    max_upload_seconds: float = Field(default=900.0, gt=0, description="time for an upload, however steadily it drips")


class QuotaSettings(Section):
    """How much each user, and all users together, may have; 0 is any number. Administrators have no quotas of a user.

    Told at GET /api/v1/limits.
    """

    max_pending_jobs_per_user: int = Field(
        default=1_000_000, ge=0, description="jobs of one user that are not over: they wait, or run; 0 for any number"
    )
    max_running_jobs_per_user: int = Field(
        default=0,
        ge=0,
        description="jobs of one user that workers have or are told of; the others wait; 0 for any number",
    )
    max_submissions_per_minute_per_user: int = Field(
        default=0, ge=0, description="jobs that one user may submit in a minute; 0 for any number"
    )
    max_job_seconds_per_day_per_user: float = Field(
        default=0.0, ge=0, description="time that jobs of one user may have run within 24 hours; 0 for any"
    )
    max_stored_results_per_user: int = Field(
        default=0, ge=0, description="stored results of one user, with those to come; 0 for any number"
    )
    max_stored_result_bytes_per_user: int = Field(
        default=0, ge=0, description="bytes of one user's stored results; past them no job is taken; 0 for any number"
    )
    max_pending_jobs: int = Field(default=0, ge=0, description="jobs of all users that are not over; 0 for any number")
    max_submissions_per_minute: int = Field(
        default=0, ge=0, description="jobs that all users may submit in a minute; 0 for any number"
    )
    max_job_seconds_per_day: float = Field(
        default=0.0, ge=0, description="time that jobs of all users may have run within 24 hours; 0 for any"
    )
    max_stored_results: int = Field(
        default=0, ge=0, description="stored results of all users, with those to come; 0 for any number"
    )
    max_stored_result_bytes: int = Field(
        default=0, ge=0, description="bytes of all stored results; past them no job is taken; 0 for any number"
    )

    @property
    def of_user(self) -> Quotas:
        """What is asked of a user's submission."""
        return Quotas(
            pending_jobs=self.max_pending_jobs_per_user,
            submissions_per_minute=self.max_submissions_per_minute_per_user,
            stored_results=self.max_stored_results_per_user,
            stored_result_bytes=self.max_stored_result_bytes_per_user,
            job_seconds_per_day=self.max_job_seconds_per_day_per_user,
            setting_suffix="_per_user",
        )

    @property
    def of_service(self) -> Quotas:
        """What is asked of everybody's submission."""
        return Quotas(
            pending_jobs=self.max_pending_jobs,
            submissions_per_minute=self.max_submissions_per_minute,
            stored_results=self.max_stored_results,
            stored_result_bytes=self.max_stored_result_bytes,
            job_seconds_per_day=self.max_job_seconds_per_day,
        )


class InspectorSettings(Section):
    """The processes that parse circuits."""

    inspector_processes: int = Field(default=0, ge=0, le=256, description="how many; 0 is one a core of its CPU limit")
    inspector_seconds: float = Field(default=10.0, gt=0, description="time for one circuit")
    inspector_memory_mib: int = Field(default=1024, ge=128, description="MiB for one circuit")


class JobsServerSettings(Section):
    """gRPC ingest."""

    grpc_host: str = Field(default="127.0.0.1", description="address to listen on")
    grpc_port: int = Field(default=50051, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    grpc_calls: int = Field(
        default=4000, ge=1, description="calls under way at once, watchers among them; more are refused"
    )
    grpc_drain_seconds: float = Field(default=10.0, ge=0, description="time for open calls to end when stopping")
    grpc_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="port of the Prometheus metrics of jobs_server; 0 serves none"
    )
    commit_delay_seconds: float = Field(
        default=0.0, ge=0, le=1, description="wait for company in a shared transaction while none is under way"
    )


class DispatcherSettings(Section):
    """Who runs next."""

    batch_jobs: int = Field(default=128, ge=1, le=1000, description="jobs a worker claims at once, at most")
    batch_seconds: float = Field(default=0.25, gt=0, description="estimated work in one claimed batch")
    dispatch_poll_seconds: float = Field(default=1.0, gt=0, description="look for work this often even if nobody tells")
    large_job_memory_mib: int = Field(default=2048, ge=1, description="a job that needs more goes by the route 'large'")


class LeaseSettings(Section):
    """How a worker holds a job."""

    lease_seconds: float = Field(default=30.0, gt=0, description="a lease not renewed for this long is lost")
    lease_renew_seconds: float = Field(
        default=10.0, gt=0, validate_default=True, description="a worker renews its leases this often"
    )
    max_attempts: int = Field(default=3, ge=1, le=100, description="claims of a job before it fails with WORKER_LOST")

    @field_validator("lease_renew_seconds")
    @classmethod
    def _is_renewed_in_time(cls, renew_seconds: float, info: ValidationInfo) -> float:
        """Leave time for a renewal that comes late: a lost lease makes another worker run the job again."""
        lease_seconds = info.data.get("lease_seconds")
        if lease_seconds is not None and renew_seconds > lease_seconds / 2:
            raise ValueError(
                f"is {renew_seconds:g}; it must be at most half of QSERVER_LEASE_SECONDS={lease_seconds:g}"
            )
        return renew_seconds


class WorkerSettings(Section):
    """A worker and its simulator processes."""

    worker_name: str = Field(
        default="", max_length=200, description="name shown in lists; empty is the host's name and process id"
    )
    simulator_processes: int = Field(default=0, ge=0, le=1024, description="how many; 0 is one a core of its CPU limit")
    simulator_memory_mib: int = Field(
        default=0, ge=0, description="MiB for all simulators; 0 is 80 % of its memory limit"
    )
    heartbeat_seconds: float = Field(default=5.0, gt=0, description="tell that it lives this often")
    worker_drain_seconds: float = Field(default=30.0, ge=0, description="time for running jobs to end when stopping")
    cancel_poll_seconds: float = Field(
        default=0.5, gt=0, description="look for canceled jobs this often even if nobody tells"
    )
    worker_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="port of the Prometheus metrics of a worker; 0 serves none"
    )
    worker_metrics_host: str = Field(default="127.0.0.1", description="address that they are served on")
    worker_gpus: Literal["auto", "none"] = Field(
        default="auto", description="auto uses the GPU that CUDA shows, none never does"
    )

    @property
    def live_within_seconds(self) -> float:
        """How old the last heartbeat of a worker may be that counts as live, to whoever asks: three may be missed."""
        return 4 * self.heartbeat_seconds


class PluginSettings(Section):
    """File plugins: which may be added, and where they live."""

    plugin_allow_list: Names = Field(
        default=("aer-plugin", "fake-plugin"),
        description="plugins that may be added: name, name==version, name==version --hash=sha256:...; * for all",
    )
    plugin_lock_folder: OptionalPath = Field(
        default=None,
        description="folder of hashed locks, NAME.txt each; once set, no plugin is added without one",
    )
    plugin_wheel_folder: OptionalPath = Field(default=None, description="folder of wheels for unpublished plugins")
    plugin_folder: Path = Field(
        default=Path("~/.local/share/qserver/plugins"), description="where environments are built"
    )
    serve_file_plugins: bool = Field(default=True, description="whether this worker builds and runs file plugins")
    plugin_install_seconds: float = Field(default=900.0, gt=0, description="time to build one environment")


class ProxySettings(Section):
    """Who stands in front of both edges."""

    trusted_proxies: Networks = Field(
        default=(), description="networks of proxies, which are believed what they say of a client's address"
    )


class AccessSettings(Section):
    """Who may come in."""

    auth: Literal["required", "off", "local"] = Field(
        default="local",
        description="required asks everybody for a key; off asks nobody, for a trusted network; local asks nobody and "
        "refuses to listen anywhere but on this machine; compose.yml says required where .env says nothing",
    )
    anonymous_from: Networks = Field(
        default=(), description="networks whose requests without a key belong to the user anonymous, never an admin"
    )
    cleartext_keys: bool = Field(
        default=False, description="whether keys are taken from other machines without TLS, where others can read them"
    )
    key_cache_seconds: float = Field(default=5.0, ge=0, le=60, description="a good key is looked at anew after this")
    key_failures_per_minute: int = Field(
        default=30, ge=0, description="wrong keys an address may send in a minute; 0 for any number"
    )
    admin_key: SecretStr = Field(
        default=SecretStr(""),
        description="the administrator's first key, which `python -m database prepare` stores; `make env` makes it",
    )
    oidc_issuer: str = Field(default="", description="URL of the OpenID Connect issuer of tokens; empty takes none")
    oidc_audience: str = Field(
        default="",
        validate_default=True,
        description="who a token must be meant for, such as this service's client id",
    )
    oidc_jwks_url: str = Field(default="", description="where the issuer's keys are; empty asks the issuer")
    oidc_name_claim: str = Field(default="preferred_username", description="claim with the user's name")
    oidc_role_claim: str = Field(
        default="roles", description="claim with the user's roles; a dot leads into an object: realm_access.roles"
    )
    oidc_admin_role: str = Field(default="qserver-admin", description="value of that claim for the role admin")
    oidc_user_role: str = Field(default="qserver-user", description="value of that claim for the role user")
    oidc_viewer_role: str = Field(default="qserver-viewer", description="value of that claim for the role viewer")
    oidc_default_role: Literal["user", "viewer", ""] = Field(
        default="", description="role of users whom the claim gives none; empty refuses them"
    )
    oidc_key_days: float = Field(
        default=90.0, ge=0, description="longest life of a key of a user who comes by tokens; 0 for any"
    )
    oidc_timeout_seconds: float = Field(default=5.0, gt=0, le=60, description="wait for the issuer's keys")

    def is_anonymous(self, address: str) -> bool:
        """Tell whether requests from an address may come without a key."""
        return is_within(address, self.anonymous_from)

    @field_validator("oidc_issuer", "oidc_jwks_url")
    @classmethod
    def _is_secure(cls, url: str) -> str:
        """Refuse cleartext: whoever is between could hand out keys of their own."""
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if url and not (is_local or (parts.scheme == "https" and parts.hostname)):
            raise ValueError(f"is {url!r}; it must begin with https://")
        return url.rstrip("/")

    @field_validator("oidc_audience")
    @classmethod
    def _is_meant_for_us(cls, audience: str, info: ValidationInfo) -> str:
        """Refuse to take every token of an issuer, whoever it was made for."""
        if info.data.get("oidc_issuer") and not audience:
            raise ValueError("is empty; with QSERVER_OIDC_ISSUER it must say who tokens are meant for")
        return audience


class RestApiSettings(Section):
    """HTTP."""

    http_host: str = Field(default="127.0.0.1", description="address to listen on")
    http_port: int = Field(default=8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    http_allowed_hosts: Names = Field(
        default=("127.0.0.1", "localhost", "[::1]"), description="Host headers that are answered; * for all"
    )
    jobs_server_address: str = Field(
        default="127.0.0.1:50051", description="gRPC address that submissions are forwarded to"
    )
    advertised_grpc_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="port of gRPC that clients are told; 0: the one they came by, as at the proxy",
    )
    event_streams: int = Field(default=1000, ge=1, description="open event streams at once")

    @field_validator("jobs_server_address")
    @classmethod
    def _has_host_and_port(cls, address: str) -> str:
        """Refuse what gRPC would take for a name without a port, and never reach."""
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"is {address!r}; it must be host:port, such as 127.0.0.1:50051")
        return address


class JanitorSettings(Section):
    """What is kept, and for how long. 0 keeps it for ever."""

    keep_results_days: float = Field(default=30.0, ge=0, description="results, after their job ended")
    keep_jobs_days: float = Field(default=30.0, ge=0, description="jobs, after they ended")
    keep_history_days: float = Field(default=365.0, ge=0, description="history rows, after their job ended")
    keep_circuits_days: float = Field(default=30.0, ge=0, description="circuits that no job or history row needs")
    keep_events_days: float = Field(default=30.0, ge=0, description="events of jobs that ended")
    keep_audit_days: float = Field(default=365.0, ge=0, description="the audit trail")
    keep_logs_days: float = Field(default=14.0, ge=0, description="log files")
    keep_results_count: int = Field(default=0, ge=0, description="newest results kept; 0 for all")
    keep_jobs_count: int = Field(default=0, ge=0, description="newest ended jobs kept; 0 for all")
    keep_history_count: int = Field(default=0, ge=0, description="newest history rows kept; 0 for all")
    janitor_interval_seconds: float = Field(
        default=300.0, ge=0, description="time between passes; 0 makes one pass and ends"
    )
    janitor_dry_run: bool = Field(default=False, description="say what would be removed, remove nothing")


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


class Settings(BaseModel):
    """The whole tree."""

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    broker: BrokerSettings = Field(default_factory=BrokerSettings)
    logs: LogSettings = Field(default_factory=LogSettings)
    health: HealthSettings = Field(default_factory=HealthSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    quotas: QuotaSettings = Field(default_factory=QuotaSettings)
    inspector: InspectorSettings = Field(default_factory=InspectorSettings)
    jobs_server: JobsServerSettings = Field(default_factory=JobsServerSettings)
    dispatcher: DispatcherSettings = Field(default_factory=DispatcherSettings)
    lease: LeaseSettings = Field(default_factory=LeaseSettings)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    plugins: PluginSettings = Field(default_factory=PluginSettings)
    proxy: ProxySettings = Field(default_factory=ProxySettings)
    access: AccessSettings = Field(default_factory=AccessSettings)
    rest_api: RestApiSettings = Field(default_factory=RestApiSettings)
    janitor: JanitorSettings = Field(default_factory=JanitorSettings)
    roles: RoleSettings = Field(default_factory=RoleSettings)
    broker_accounts: BrokerAccountSettings = Field(default_factory=BrokerAccountSettings)


def variables() -> Mapping[str, tuple[object, str]]:
    """Map each variable's name to its default and description, in the order of the tree."""
    found: dict[str, tuple[object, str]] = {}
    for section in Settings.model_fields.values():
        for name, field in cast("type[Section]", section.annotation).model_fields.items():
            found[f"QSERVER_{name.upper()}"] = (field.default, field.description or "")
    return found


def load_settings() -> Settings:
    """Read the environment. Raises SettingsError naming each wrong variable and its fault, never a secret's value."""
    sections: dict[str, Section] = {}
    faults: list[str] = []
    for name, field in Settings.model_fields.items():
        try:
            sections[name] = cast("type[Section]", field.annotation)()
        except ValidationError as error:
            faults.extend(_faults(error))
        except SettingsError as error:
            faults.append(error.message)
    if faults:
        raise SettingsError("wrong settings: " + "; ".join(faults))
    return Settings.model_validate(sections)


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False):
        yield f"QSERVER_{str(fault['loc'][0]).upper()}: {fault['msg']}"
