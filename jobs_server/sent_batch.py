"""A call of many submissions, unfolded part by part: as objects all of it would take many times its bytes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from jobs_server.unread_specs import check_unread
from jobs_server.wire_format import Field, fields
from qserver.errors import InvalidRequest, QServerError, TooLarge
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings

PART_BYTES: Final = 256 * 1024
"""Of specs that are unfolded together: some 25 ms of work, and some 10 MB. A call of less is one part."""

_SPEC: Final = jobs_pb2.JobSubmission.SPEC_FIELD_NUMBER
_MAX_FIELDS: Final = 100
"""Of a submission, or of a call beside its submissions, of which a client of ours sends two."""

Part = jobs_pb2.SubmitJobsRequest | Sequence[QServerError]
"""Submissions that follow one another, or why each of them is refused unread."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """A submission where it stands in the message, and the sizes of its specs: one, or several that are merged."""

    field: Field
    specs: Sequence[Field]

    @property
    def spec_bytes(self) -> int:
        return sum(spec.payload_bytes for spec in self.specs)


class SentBatch:
    """What a client sends to SubmitJobs."""

    def __init__(self, message: bytes, limits: LimitSettings) -> None:
        """Look at a message. Raises InvalidRequest or TooLarge where it is none, or has too many submissions."""
        self._message = message
        self._limits = limits
        self._slices: list[_Slice] = []
        self._whole = _parsed(message) if len(message) <= PART_BYTES else None
        self.noise_models: Sequence[bytes] = () if self._whole is None else self._whole.noise_models
        if self._whole is None:
            self._slice()
        self._check_numbers()

    def parts(self) -> Iterator[Part]:
        """Give the submissions, in order."""
        if self._whole is not None:
            yield self._whole
            return
        for group in self._groups():
            try:
                yield self._unfolded(group)
            except QServerError as error:
                yield [error] * len(group)

    def _slice(self) -> None:
        most = self._limits.max_jobs_per_call
        noise_models, others = [], 0
        for field in fields(self._message):
            match field.number:
                case jobs_pb2.SubmitJobsRequest.SUBMISSIONS_FIELD_NUMBER:
                    self._slices.append(_Slice(field, self._specs(field)))
                case jobs_pb2.SubmitJobsRequest.NOISE_MODELS_FIELD_NUMBER:
                    noise_models.append(self._message[field.payload_begins : field.ends])
                case _:
                    others += 1
            if len(self._slices) > most:
                raise TooLarge(f"more than {most:,} submissions; that is the limit a call (QSERVER_MAX_JOBS_PER_CALL)")
            if len(noise_models) > most or others > _MAX_FIELDS:
                raise InvalidRequest("the message can't be read: it holds too much beside submissions")
        self.noise_models = noise_models

    def _specs(self, submission: Field) -> Sequence[Field]:
        specs = []
        for count, field in enumerate(fields(self._message, submission.payload_begins, submission.ends)):
            if count == _MAX_FIELDS:
                raise InvalidRequest("the message can't be read: a submission holds too much beside spec and source")
            if field.number == _SPEC:
                specs.append(field)
        return specs

    def _check_numbers(self) -> None:
        number = len(self._slices) if self._whole is None else len(self._whole.submissions)
        limit = self._limits.max_jobs_per_call
        if not number:
            raise InvalidRequest("no submissions were sent")
        if number > limit:
            raise TooLarge(f"{number:,} submissions; the limit is {limit:,} a call (QSERVER_MAX_JOBS_PER_CALL)")
        if len(self.noise_models) > number:
            raise InvalidRequest(f"{len(self.noise_models):,} noise models; there are fewer submissions than that")

    def _groups(self) -> Iterator[Sequence[_Slice]]:
        group: list[_Slice] = []
        filled_bytes = 0
        for each in self._slices:
            filled_bytes += each.spec_bytes
            if group and filled_bytes > PART_BYTES:
                yield group
                group, filled_bytes = [], each.spec_bytes
            group.append(each)
        yield group

    def _unfolded(self, group: Sequence[_Slice]) -> jobs_pb2.SubmitJobsRequest:
        if len(group) == 1 and group[0].spec_bytes > PART_BYTES:
            for spec in group[0].specs:
                check_unread(self._message, spec, self._limits)
        return _parsed(b"".join(self._message[each.field.begins : each.field.ends] for each in group))


def _parsed(message: bytes) -> jobs_pb2.SubmitJobsRequest:
    try:
        return jobs_pb2.SubmitJobsRequest.FromString(message)
    except DecodeError as error:
        raise InvalidRequest(f"the message can't be read: {error}") from error
