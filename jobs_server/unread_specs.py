"""Specs that are refused unread: by the bytes and numbers of their fields, before anything is made of them."""

from itertools import islice
from typing import Final

from jobs_server.json_values import check_struct_size
from jobs_server.requests import check_number_of_result_types
from jobs_server.wire_format import Field, fields
from qserver.errors import InvalidRequest, TooLarge
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings

_MAX_OTHERS: Final = 1000
"""Of fields that come once, as a rule."""


def check_unread(message: bytes, spec: Field, limits: LimitSettings) -> None:
    """Raise InvalidRequest or TooLarge for a spec that stands in `message` and would be refused once it is read.

    Of a large one: a million terms take 200 ms and 30 MB to read, and can be told from their number.
    """
    result_types = observables = terms = metadata_bytes = others = 0
    for field in fields(message, spec.payload_begins, spec.ends):
        match field.number:
            case jobs_pb2.JobSpec.RESULT_TYPES_FIELD_NUMBER:
                result_types += max(1, field.payload_bytes)  # packed, each takes a byte
                check_number_of_result_types(result_types)
            case jobs_pb2.JobSpec.OBSERVABLES_FIELD_NUMBER:
                observables += 1
                terms += _number_of_terms(message, field, limits.max_observable_terms - terms)
                _check_observables(observables, terms, limits)
            case jobs_pb2.JobSpec.METADATA_FIELD_NUMBER:
                metadata_bytes += field.payload_bytes
                check_struct_size(metadata_bytes, name="metadata", max_bytes=limits.max_metadata_bytes)
            case _:
                others += 1
        if others > _MAX_OTHERS:
            raise InvalidRequest("the message can't be read: a spec has too many fields")


def _number_of_terms(message: bytes, observable: Field, most: int) -> int:
    """Count the terms of an observable; where there are more than `most`, the next number stands for all."""
    terms = fields(message, observable.payload_begins, observable.ends)
    return sum(1 for _ in islice(terms, most + 1))


def _check_observables(observables: int, terms: int, limits: LimitSettings) -> None:
    if observables > limits.max_observables:
        raise TooLarge(f"more than {limits.max_observables:,} observables; that is the limit (QSERVER_MAX_OBSERVABLES)")
    if terms > limits.max_observable_terms:
        raise TooLarge(
            f"observables have more than {limits.max_observable_terms:,} Pauli terms; that is the limit"
            " (QSERVER_MAX_OBSERVABLE_TERMS)"
        )
