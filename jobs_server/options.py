"""Options of a backend, checked against the JSON Schema that its plugin declares."""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, relevance
from jsonschema.validators import extend
from referencing import Registry

from qserver.errors import InvalidRequest, Reason
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec

_MAX_FAULTS = 20
"""Of one keyword of a schema: one in ten thousand items is as wrong as all of them, of which each would take 3 kB."""

_MAX_SHOWN_VALUE = 80
_MAX_SHOWN_NAMES = 40
_Keyword = Callable[[object, object, object, Mapping[str, object]], Iterable[ValidationError] | None]
_BOUNDS: Mapping[str, str] = MappingProxyType(
    {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
)


def _with_few_faults(keyword: _Keyword) -> _Keyword:
    def find(
        validator: object, value: object, instance: object, schema: Mapping[str, object]
    ) -> Iterator[ValidationError]:
        return islice(keyword(validator, value, instance, schema) or (), _MAX_FAULTS)

    return find


_Validator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {name: _with_few_faults(keyword) for name, keyword in Draft202012Validator.VALIDATORS.items()},
)


class OptionsSchema:
    """The options of one backend; made once, as reading a schema costs more than checking by it."""

    def __init__(self, backend: BackendSpec) -> None:
        """Read the schema of `backend`."""
        self._backend_name = backend.name
        properties = backend.options_schema.get("properties", {})
        self._names = frozenset(properties) if isinstance(properties, Mapping) else frozenset()
        self._is_closed = backend.options_schema.get("additionalProperties") is False
        # An empty registry: a schema that refers to an address must not make us fetch it.
        self._validator = _Validator(_plain(backend.options_schema), registry=Registry())
        self._needs_none = self._validator.is_valid({})

    def check(self, options: JsonObject) -> None:
        """Raise InvalidRequest naming the first option that is not allowed, and what is."""
        if not options and self._needs_none:
            return  # as most jobs come
        for name in options if self._is_closed else ():
            if name not in self._names:
                raise InvalidRequest(self._unknown(name), reason=Reason.INVALID_OPTION)
        fault = max(self._validator.iter_errors(options), key=relevance, default=None)
        if fault is not None:
            raise InvalidRequest(_sentence(_narrowed(fault)), reason=Reason.INVALID_OPTION)

    def _unknown(self, name: str) -> str:
        allowed = ", ".join(sorted(self._names)) or "none"
        near = suggestion(name[:_MAX_SHOWN_VALUE], self._names)
        return f"backend {self._backend_name} has no option '{name[:_MAX_SHOWN_VALUE]}'{near} (allowed: {allowed})"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Give `; did you mean 'x'?` where a known name is near, else an empty string."""
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _plain(schema: JsonObject) -> dict[str, object]:
    # The validator knows only dict and list; ours may be any Mapping and Sequence.
    plain: dict[str, object] = json.loads(json.dumps(schema))
    return plain


def _narrowed(fault: ValidationError) -> ValidationError:
    """Look into the alternative that is meant: the one whose constant ("name": "thermal") the value has."""
    match fault.validator, fault.validator_value:
        case "oneOf" | "anyOf", list(alternatives):
            meant = [inner for index, inner in _by_alternative(fault) if _is_meant(alternatives[index], inner)]
            return _narrowed(max(meant[0], key=relevance)) if len(meant) == 1 else fault
        case _:
            return fault


def _by_alternative(fault: ValidationError) -> Iterable[tuple[int, Sequence[ValidationError]]]:
    faults: dict[int, list[ValidationError]] = {}
    for inner in fault.context or ():
        faults.setdefault(int(inner.schema_path[0]), []).append(inner)
    return faults.items()


def _is_meant(alternative: Mapping[str, object], faults: Sequence[ValidationError]) -> bool:
    return _has_constant(alternative) and all(fault.validator != "const" for fault in faults)


def _has_constant(schema: Mapping[str, object]) -> bool:
    properties = schema.get("properties", {})
    return isinstance(properties, Mapping) and any(
        isinstance(inner, Mapping) and "const" in inner for inner in properties.values()
    )


def _sentence(fault: ValidationError) -> str:
    path = ".".join(str(part) for part in fault.absolute_path)
    subject = f"option '{path}'" if path else "options"
    match fault.validator, fault.validator_value:
        case str(bound), limit if bound in _BOUNDS:
            return f"{subject} is {_shown(fault.instance)}; it must be {_BOUNDS[bound]} {limit}"
        case "enum", list(allowed):
            names = ", ".join(_shown(value) for value in allowed[:_MAX_SHOWN_NAMES])
            value = fault.instance
            near = suggestion(value[:_MAX_SHOWN_VALUE], _texts(allowed)) if isinstance(value, str) else ""
            return f"{subject} is {_shown(fault.instance)}; allowed: {names}{near}"
        case "oneOf" | "anyOf", list(alternatives):
            titles = ", ".join(str(inner.get("title", "another form")) for inner in alternatives)
            return f"{subject} is {_shown(fault.instance)}; it fits none of: {titles}"
        case "type", (str() | list()) as kinds:
            wanted = kinds if isinstance(kinds, str) else " or ".join(kinds)
            return f"{subject} is {_shown(fault.instance)}; it must be of type {wanted}"
        case _:
            return f"{subject}: {fault.message[: 4 * _MAX_SHOWN_VALUE]}"


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN_VALUE else text[:_MAX_SHOWN_VALUE] + "…"
