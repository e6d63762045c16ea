"""Who asks, and what they may do: one table for every route and RPC."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from qserver.errors import PermissionDenied


class Role(StrEnum):
    """What a user may do at most."""

    ADMIN = "admin"  # everything, on everybody's jobs
    USER = "user"  # submit, and handle their own jobs
    VIEWER = "viewer"  # read their own jobs


class Permission(StrEnum):
    """What a route or an RPC asks of its caller."""

    NONE = "none"  # anybody, without a key: health and documents
    READ = "read"  # read one's own jobs, and what is public of the service
    SUBMIT = "submit"  # create, cancel and delete one's own jobs
    ADMINISTER = "administer"  # plugins, and everybody's jobs


_GRANTED: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
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
        "/qserver.v1.JobService/GetJob": Permission.READ,
        "/qserver.v1.JobService/ListJobs": Permission.READ,
        "/qserver.v1.JobService/CancelJob": Permission.SUBMIT,
        "/qserver.v1.JobService/DeleteJob": Permission.SUBMIT,
        "/qserver.v1.JobService/WatchJob": Permission.READ,
        "/qserver.v1.JobService/GetResult": Permission.READ,
        "/qserver.v1.JobService/GetResults": Permission.READ,
        "/qserver.v1.JobService/ListBackends": Permission.READ,
        "/grpc.health.v1.Health/Check": Permission.NONE,
        "/grpc.health.v1.Health/Watch": Permission.NONE,
        "/grpc.health.v1.Health/List": Permission.NONE,
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Permission.NONE,
    }
)
"""What each RPC needs. One that is missing here is refused."""

HTTP_RULES: Mapping[str, Permission] = MappingProxyType(
    {
        "GET /api/v1/job/{id}": Permission.READ,
        "GET /api/v1/job/result/{id}": Permission.READ,
        "GET /api/v1/job/{id}/results": Permission.READ,
        "GET /api/v1/job/{id}/events": Permission.READ,
        "GET /api/v1/job/{id}/circuit": Permission.READ,
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
        "GET /api/v1/health": Permission.NONE,
        "GET /api/v1/health/ready": Permission.NONE,
        "GET /metrics": Permission.NONE,
        "GET /docs": Permission.NONE,
        "GET /openapi.json": Permission.NONE,
        "GET /swagger/index.html": Permission.NONE,
        "GET /static/{path:path}": Permission.NONE,
    }
)
"""What each route needs (trailing slashes left off). One that is missing here is refused."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller, as established at the edge; it travels inwards with every request."""

    user_id: UUID
    name: str
    role: Role

    @property
    def sees_everything(self) -> bool:
        """Whether other people's jobs exist for this caller."""
        return self.role is Role.ADMIN

    def require(self, permission: Permission) -> None:
        """Raise PermissionDenied unless the caller's role grants `permission`."""
        if permission not in _GRANTED[self.role]:
            raise PermissionDenied(f"user {self.name} has the role {self.role}, which does not grant '{permission}'")


ANONYMOUS = Identity(user_id=UUID("00000000-0000-4000-8000-000000000001"), name="anonymous", role=Role.ADMIN)
"""The one user of a service without keys: may do everything."""
