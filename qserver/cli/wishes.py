"""How circuits are to be run, as options of the command line say it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import typer

from qserver.client.submissions import DEFAULT_BACKEND, Wishes
from qserver.json_types import JsonValue

_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+"
_TERM = re.compile(rf"([+-]?)(?:({_NUMBER})\*)?([IXYZ]+)")
_SUM = re.compile(rf"(?:[+-]?(?:(?:{_NUMBER})\*)?[IXYZ]+)(?:[+-](?:(?:{_NUMBER})\*)?[IXYZ]+)*")


@dataclass(frozen=True, slots=True)
class Said:
    """What was said, as it was said."""

    backend: str = DEFAULT_BACKEND
    results: Sequence[str] = ()
    shots: int | None = None
    seed: int | None = None
    observables: Sequence[str] = ()
    options: Sequence[str] = ()
    metadata: str | None = None
    priority: int = 0
    time_limit_seconds: float | None = None
    request_id: str | None = None
    cache: bool = False


def wishes_of(said: Said) -> Wishes:
    """Read what was said. Without results named, counts, and expval where observables are. Exits 2 for bad JSON."""
    named = [name for each in said.results for name in each.split(",")]
    results = named or (["counts", "expval"] if said.observables else ["counts"])
    return Wishes(
        backend=said.backend,
        results=results,
        shots=said.shots,
        seed=said.seed,
        observables=[_observable(text) for text in said.observables],
        options=dict(map(_option, said.options)) or None,
        metadata=None if said.metadata is None else _json_object(said.metadata, "--metadata"),
        priority=said.priority,
        time_limit_seconds=said.time_limit_seconds,
        request_id=said.request_id,
        cache=said.cache,
    )


def _observable(text: str) -> dict[str, float]:
    """Read `ZZ`, or `0.5*ZZ+XI-1e-3*IX`."""
    terms: dict[str, float] = {}
    written = text.replace(" ", "")
    if not _SUM.fullmatch(written):
        raise typer.BadParameter(f"observable '{text}' must be like ZZ, or 0.5*ZZ+XI-0.1*IX")
    for sign, coefficient, pauli in _TERM.findall(written):
        terms[pauli] = terms.get(pauli, 0.0) + float(f"{sign}{coefficient or 1}")
    return terms


def _option(text: str) -> tuple[str, JsonValue]:
    """Read `name=value`; the value is JSON, or text where it is none."""
    name, is_there, value = text.partition("=")
    if not is_there:
        raise typer.BadParameter(f"option '{text}' must be name=value")
    try:
        read: JsonValue = json.loads(value)
    except ValueError:
        return name, value
    return name, read


def _json_object(text: str, name: str) -> Mapping[str, JsonValue]:
    try:
        read: JsonValue = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{name} is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise typer.BadParameter(f'{name} must be a JSON object, such as \'{{"who": "me"}}\'')
    return read
