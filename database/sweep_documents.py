"""Sweeps as JSON documents, and back. Their values are stored beside, as bytes."""

from typing import TypedDict

from qserver.sweeps import Sweep


class SweepDocument(TypedDict):
    """A sweep but for its values."""

    parameters: list[str]
    shape: list[int]
    observables_shape: list[int]


def encode_sweep(sweep: Sweep) -> SweepDocument:
    """Write a sweep."""
    return SweepDocument(
        parameters=list(sweep.parameters), shape=list(sweep.shape), observables_shape=list(sweep.observables_shape)
    )


def decode_sweep(document: SweepDocument, values: bytes) -> Sweep:
    """Read a sweep, with its values."""
    return Sweep(
        parameters=tuple(document["parameters"]),
        shape=tuple(document["shape"]),
        values=values,
        observables_shape=tuple(document["observables_shape"]),
    )
