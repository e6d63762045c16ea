"""Secrets from files instead of the environment, which crash reports and `docker inspect` show.

For every secret setting, such as QSERVER_DATABASE_PASSWORD, the variable of that name with _FILE at its end names a
file that holds it. This is how container engines hand secrets over.
"""

import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from qserver.errors import SettingsError

MAX_SECRET_BYTES = 64 * 1024


class SecretFiles(PydanticBaseSettingsSource):
    """A source of the secret fields of settings, beside the environment."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Give what the file holds that the field's variable names; None where it names none. Raises SettingsError."""
        variable = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        path = os.environ.get(f"{variable}_FILE", "") if field.annotation is SecretStr else ""
        if path and os.environ.get(variable):
            raise SettingsError(f"{variable} and {variable}_FILE are both set; one of them must go")
        return (_read(Path(path), f"{variable}_FILE") if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Give all that are found."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def _read(path: Path, variable: str) -> str:
    """Read a secret; a line's end after it is no part of it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise SettingsError(f"{variable}: {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{variable}: {path} is no text in UTF-8") from error
    if len(content) > MAX_SECRET_BYTES:
        raise SettingsError(f"{variable}: {path} is larger than {MAX_SECRET_BYTES:,} bytes")
    if not text:
        raise SettingsError(f"{variable}: {path} is empty")
    return text
