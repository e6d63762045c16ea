"""Who asks, and what they may do: one table for every route and RPC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from qserver.errors import PermissionDenied


class Role(StrEnum):
    """What a user may do at most."""

    ADMIN = "admin"  # everything, on everybody's jobs
    USER = "user"  # submit, and handle their own jobs
    VIEWER = "viewer"  # read their own jobs

    def is_below(self, other: "Role") -> bool:
        """Tell whether another role may do all that this one may, and more."""
        return _GRANTED[self] < _GRANTED[other]


class Permission(StrEnum):
    """What a route or an RPC asks of its caller."""

    NONE = "none"  # anybody, without a key: health and documents
    READ = "read"  # read one's own jobs and keys, and what is public of the service
    SUBMIT = "submit"  # create, cancel and delete one's own jobs; make and revoke one's own keys, see `may_revoke`
    ADMINISTER = "administer"  # plugins, users, the audit trail, and everybody's jobs and keys


EVERYTHING = frozenset(Permission)


def named(permissions: frozenset[Permission]) -> list[Permission]:
    """Give what is told to people: not the permission to do what needs none."""
    return sorted(permissions - {Permission.NONE})


_GRANTED: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.ADMIN: EVERYTHING,
        Role.USER: frozenset({Permission.NONE, Permission.READ, Permission.SUBMIT}),
        Role.VIEWER: frozenset({Permission.NONE, Permission.READ}),
    }
)

RPC_RULES: Mapping[str, Permission] = MappingProxyType(
    {
        "/Jobs/AddJob": Permission.SUBMIT,
        "/Jobs/HealthCheck": Permission.NONE,
        "/qserver.v1.JobService/SubmitJob": Permission.SUBMIT,
        "/qserver.v1.JobService/SubmitJobs": Permission.SUBMIT,
        "/qserver.v1.JobService/SubmitPubs": Permission.SUBMIT,
        "/qserver.v1.JobService/GetJob": Permission.READ,
        "/qserver.v1.JobService/ListJobs": Permission.READ,
        "/qserver.v1.JobService/CancelJob": Permission.SUBMIT,
        "/qserver.v1.JobService/DeleteJob": Permission.SUBMIT,
        "/qserver.v1.JobService/WatchJob": Permission.READ,
        "/qserver.v1.JobService/WatchJobs": Permission.READ,
        "/qserver.v1.JobService/GetResult": Permission.READ,
        "/qserver.v1.JobService/GetResults": Permission.READ,
        "/qserver.v1.JobService/GetNoiseModel": Permission.READ,
        "/qserver.v1.JobService/ListBackends": Permission.READ,
        "/grpc.health.v1.Health/Check": Permission.NONE,
        "/grpc.health.v1.Health/Watch": Permission.NONE,
        "/grpc.health.v1.Health/List": Permission.NONE,
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Permission.NONE,
    }
)
"""What each RPC needs. One that is missing here is refused."""

HTTP_RULES: Mapping[str, Permission | None] = MappingProxyType(
    {
        "GET /api/v1/job/{id}": Permission.READ,
        "GET /api/v1/job/result/{id}": Permission.READ,
        "GET /api/v1/job/{id}/results": Permission.READ,
        "GET /api/v1/job/{id}/events": Permission.READ,
        "GET /api/v1/job/{id}/circuit": Permission.READ,
        "GET /api/v1/job/{id}/noise-model": Permission.READ,
        "PUT /api/v1/job/cancel/{id}": Permission.SUBMIT,
        "DELETE /api/v1/job/{id}": Permission.SUBMIT,
        "GET /api/v1/jobs": Permission.READ,
        "POST /api/v1/jobs": Permission.SUBMIT,
        "GET /api/v1/results": Permission.READ,
        "GET /api/v1/history": Permission.READ,
        "GET /api/v1/backend/{name}": Permission.READ,
        "GET /api/v1/backends": Permission.READ,
        "GET /api/v1/plugins": Permission.READ,
        "POST /api/v1/plugin/{name}": Permission.ADMINISTER,
        "DELETE /api/v1/plugin/{name}": Permission.ADMINISTER,
        "GET /api/v1/workers": Permission.READ,
        "GET /api/v1/limits": Permission.READ,
        "GET /api/v1/me": Permission.READ,
        "GET /api/v1/keys": Permission.READ,
        "POST /api/v1/keys": Permission.SUBMIT,
        "DELETE /api/v1/key/{id}": None,  # which of them, `Identity.may_revoke` says
        "GET /api/v1/users": Permission.ADMINISTER,
        "POST /api/v1/users": Permission.ADMINISTER,
        "PUT /api/v1/user/{name}": Permission.ADMINISTER,
        "GET /api/v1/audit": Permission.ADMINISTER,
        "GET /api/v1/service": Permission.NONE,
        "GET /api/v1/health": Permission.NONE,
        "GET /api/v1/health/ready": Permission.NONE,
        "GET /metrics": Permission.NONE,
        "GET /docs": Permission.NONE,
        "GET /openapi.json": Permission.NONE,
        "GET /swagger/index.html": Permission.NONE,
        "GET /static/{path:path}": Permission.NONE,
    }
)
"""What each route needs (trailing slashes left off); None is a good key or token, whatever it may do.

One that is missing here is refused.
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller, as established at the edge; it travels inwards with every request."""

    user_id: UUID
    name: str
    role: Role
    scopes: frozenset[Permission] = EVERYTHING
    """What the key in use was made for: it grants no more than this, and no more than the role does."""
    address: str = field(default="", compare=False)
    """Where the request came from, for the audit trail."""
    key_id: UUID | None = field(default=None, compare=False)
    """The key in use; None for a token, and where none is asked for."""
    expires_at: datetime | None = field(default=None, compare=False)
    """When that key ends."""

    @property
    def sees_everything(self) -> bool:
        """Whether other people's jobs exist for this caller."""
        return self.may(Permission.ADMINISTER)

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the caller may do, by role and key together."""
        return _GRANTED[self.role] & (self.scopes | {Permission.NONE})

    def may(self, permission: Permission) -> bool:
        """Tell whether the caller may do this."""
        return permission in self.permissions

    def covers(self, scopes: frozenset[Permission]) -> bool:
        """Tell whether a key of these scopes can do no more than the one in use."""
        return scopes - {Permission.NONE} <= self.scopes

    def may_see(self, key_id: UUID, scopes: frozenset[Permission]) -> bool:
        """Tell whether a key of the caller's own is shown: the one in use, and those that can do no more than it."""
        return key_id == self.key_id or self.covers(scopes)

    def may_revoke(self, key_id: UUID, scopes: frozenset[Permission]) -> bool:
        """Tell whether the caller may revoke a key of their own: always the one in use.

        Another only where `submit` is granted and it can do no more than the one in use: whoever steals a narrow key
        must not shut out who comes with a wider one.
        """
        return key_id == self.key_id or (self.may(Permission.SUBMIT) and self.covers(scopes))

    def require(self, permission: Permission) -> None:
        """Raise PermissionDenied unless role and key grant `permission`."""
        if permission not in _GRANTED[self.role]:
            raise PermissionDenied(f"user {self.name} has the role {self.role}, which does not grant '{permission}'")
        if not self.may(permission):
            raise PermissionDenied(f"this key of user {self.name} was not made for '{permission}'")


ANONYMOUS = Identity(user_id=UUID("00000000-0000-4000-8000-000000000001"), name="anonymous", role=Role.ADMIN)
"""Everybody, where keys are off: may do everything."""

NOBODY = Identity(user_id=ANONYMOUS.user_id, name=ANONYMOUS.name, role=Role.VIEWER, scopes=frozenset())
"""Who asks for what everybody may have: may do nothing else."""

GUEST = Identity(user_id=ANONYMOUS.user_id, name=ANONYMOUS.name, role=Role.USER)
"""Who comes without a key from a network of QSERVER_ANONYMOUS_FROM: the same user, and never an administrator."""
