"""What all sections of the settings share."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import ValidationInfo, field_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from qserver.addresses import Network
from qserver.secret_files import SecretFiles

MIB = 1024 * 1024

_LONGEST: Mapping[str, float] = MappingProxyType({"_seconds": 365 * 86_400.0, "_days": 36_500.0})
"""The most that a setting of a unit may be, infinity left out: past these, clocks and timers of the system overflow."""


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
