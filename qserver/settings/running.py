"""How jobs are run: who is next, leases, inspectors, workers, and plugins."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from qserver.settings.section import Names, OptionalPath, Section


class InspectorSettings(Section):
    """The processes that parse circuits."""

    inspector_processes: int = Field(default=0, ge=0, le=256, description="how many; 0 is one a core of its CPU limit")
    inspector_seconds: float = Field(default=10.0, gt=0, description="time for one circuit")
    inspector_memory_mib: int = Field(default=1024, ge=128, description="MiB for one circuit")
    inspector_refusal_seconds: float = Field(
        default=600.0, ge=0, description="a circuit that passed these limits is refused unread for this long"
    )
    inspector_lost_seconds_per_hour: float = Field(
        default=120.0,
        ge=0,
        description="time that readings of one user may cost in an hour and come to nothing, where keys are asked for; "
        "0 for any",
    )


class DispatcherSettings(Section):
    """Who runs next."""

    batch_jobs: int = Field(default=128, ge=1, le=1000, description="jobs a worker claims at once, at most")
    batch_seconds: float = Field(default=0.25, gt=0, description="estimated work in one claimed batch")
    dispatch_poll_seconds: float = Field(default=1.0, gt=0, description="look for work this often even if nobody tells")
    large_job_memory_mib: int = Field(
        default=2048, ge=1, description="a job that needs more, or all cores, goes by the route 'large'"
    )


class LeaseSettings(Section):
    """How a worker holds a job."""

    lease_seconds: float = Field(default=30.0, gt=0, description="a lease not renewed for this long is lost")
    lease_renew_seconds: float = Field(
        default=10.0, gt=0, validate_default=True, description="a worker renews its leases this often"
    )
    max_attempts: int = Field(default=3, ge=1, le=100, description="claims of a job before it fails with WORKER_LOST")

    @field_validator("lease_renew_seconds")
    @classmethod
    def _is_renewed_in_time(cls, renew_seconds: float, info: ValidationInfo) -> float:
        """Leave time for a renewal that comes late: a lost lease makes another worker run the job again."""
        lease_seconds = info.data.get("lease_seconds")
        if lease_seconds is not None and renew_seconds > lease_seconds / 2:
            raise ValueError(
                f"is {renew_seconds:g}; it must be at most half of QSERVER_LEASE_SECONDS={lease_seconds:g}"
            )
        return renew_seconds


class WorkerSettings(Section):
    """A worker and its simulator processes."""

    worker_name: str = Field(
        default="", max_length=200, description="name shown in lists; empty is the host's name and process id"
    )
    simulator_processes: int = Field(default=0, ge=0, le=1024, description="how many; 0 is one a core of its CPU limit")
    simulator_memory_mib: int = Field(
        default=0, ge=0, description="MiB for all simulators; 0 is 80 % of its memory limit"
    )
    heartbeat_seconds: float = Field(default=5.0, gt=0, description="tell that it lives this often")
    worker_drain_seconds: float = Field(default=30.0, ge=0, description="time for running jobs to end when stopping")
    cancel_poll_seconds: float = Field(
        default=0.5, gt=0, description="look for canceled jobs this often even if nobody tells"
    )
    worker_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="port of the Prometheus metrics of a worker; 0 serves none"
    )
    worker_metrics_host: str = Field(default="127.0.0.1", description="address that they are served on")
    worker_gpus: Literal["auto", "none"] = Field(
        default="auto", description="auto uses the GPU that CUDA shows, none never does"
    )

    @property
    def live_within_seconds(self) -> float:
        """How old the last heartbeat of a worker may be that counts as live, to whoever asks: three may be missed."""
        return 4 * self.heartbeat_seconds


class PluginSettings(Section):
    """File plugins: which may be added, and where they live."""

    plugin_allow_list: Names = Field(
        default=("aer-plugin", "fake-plugin"),
        description="plugins that may be added: name, name==version, name==version --hash=sha256:...; * for all",
    )
    plugin_lock_folder: OptionalPath = Field(
        default=None,
        description="folder of hashed locks, NAME.txt each; once set, no plugin is added without one",
    )
    plugin_wheel_folder: OptionalPath = Field(default=None, description="folder of wheels for unpublished plugins")
    plugin_folder: Path = Field(
        default=Path("~/.local/share/qserver/plugins"), description="where environments are built"
    )
    serve_file_plugins: bool = Field(default=True, description="whether this worker builds and runs file plugins")
    plugin_install_seconds: float = Field(default=900.0, gt=0, description="time to build one environment")
