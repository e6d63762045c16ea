"""Every setting of every service, as one tree. Read from the environment (prefix QSERVER_) when a service starts.

What is secret may stand in a file instead: see `secret_files`.

Each service takes only the sections it needs. `.env.example` lists all of them with unit and default, and a test keeps
the two equal. A value that can't be right stops the service with a sentence: see `load_settings`.
"""

from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import BaseModel, Field, ValidationError

from qserver.errors import SettingsError
from qserver.settings.doors import AccessSettings, JobsServerSettings, ProxySettings, RestApiSettings
from qserver.settings.limits import LimitSettings, QuotaSettings
from qserver.settings.running import (
    DispatcherSettings,
    InspectorSettings,
    LeaseSettings,
    PluginSettings,
    WorkerSettings,
)
from qserver.settings.section import MIB, Section
from qserver.settings.stores import BrokerAccountSettings, BrokerSettings, DatabaseSettings, RoleSettings
from qserver.settings.upkeep import HealthSettings, JanitorSettings, LogSettings

__all__ = [
    "MIB",
    "AccessSettings",
    "BrokerAccountSettings",
    "BrokerSettings",
    "DatabaseSettings",
    "DispatcherSettings",
    "HealthSettings",
    "InspectorSettings",
    "JanitorSettings",
    "JobsServerSettings",
    "LeaseSettings",
    "LimitSettings",
    "LogSettings",
    "PluginSettings",
    "ProxySettings",
    "QuotaSettings",
    "RestApiSettings",
    "RoleSettings",
    "Section",
    "Settings",
    "WorkerSettings",
    "load_settings",
    "variables",
]


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
