"""The type of what JSON can say, for options and metadata that are given back as they came."""

from collections.abc import Mapping, Sequence

JsonScalar = str | int | float | bool | None
JsonValue = JsonScalar | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
"""Text, a number, true, false, nothing, or a list or an object of these."""

JsonObject = Mapping[str, JsonValue]
"""A JSON object: values by their names."""
