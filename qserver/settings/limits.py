"""What a request may ask for, and how much anybody may have."""

from pydantic import Field

from qserver.quotas import Quotas
from qserver.settings.section import MIB, Section


class LimitSettings(Section):
    """What a request may ask for; also told at GET /api/v1/limits."""

    max_circuit_bytes: int = Field(default=8 * MIB, ge=1, description="bytes of one circuit's source")
    max_importer_circuit_bytes: int = Field(
        default=256 * 1024, ge=1, description="bytes of an OpenQASM 3 source that only the slow importer can read"
    )
    max_jobs_per_call: int = Field(default=1000, ge=1, le=10_000, description="jobs in one SubmitJobs call")
    max_call_bytes: int = Field(default=32 * MIB, ge=1, description="bytes of one gRPC message or HTTP body")
    max_shots: int = Field(default=10_000_000, ge=1, description="shots of one job")
    max_qubits: int = Field(default=10_000, ge=1, description="qubits of one circuit")
    max_metadata_bytes: int = Field(default=64 * 1024, ge=2, description="bytes of a job's metadata or options as JSON")
    max_noise_model_bytes: int = Field(default=8 * MIB, ge=2, description="bytes of a job's noise model as JSON")
    max_observables: int = Field(default=1000, ge=1, description="observables of one job")
    max_observable_terms: int = Field(default=10_000, ge=1, description="Pauli terms of all observables of one job")
    max_pubs: int = Field(default=1000, ge=1, le=10_000, description="PUBs of one job")
    max_points: int = Field(default=100_000, ge=1, description="sets of parameter values of all PUBs of one job")
    max_result_bytes: int = Field(default=64 * MIB, ge=1024, description="bytes of one job's stored result")
    max_time_limit_seconds: float = Field(default=86_400.0, gt=0, description="longest run of a job; also the default")
    max_upload_idle_seconds: float = Field(default=30.0, gt=0, description="silence after which an upload is dropped")
    max_upload_seconds: float = Field(default=900.0, gt=0, description="time for an upload, however steadily it drips")


class QuotaSettings(Section):
    """How much each user, and all users together, may have; 0 is any number. Administrators have no quotas of a user.

    Told at GET /api/v1/limits.
    """

    max_pending_jobs_per_user: int = Field(
        default=1_000_000, ge=0, description="jobs of one user that are not over: they wait, or run; 0 for any number"
    )
    max_running_jobs_per_user: int = Field(
        default=0,
        ge=0,
        description="jobs of one user that workers have or are told of; the others wait; 0 for any number",
    )
    max_submissions_per_minute_per_user: int = Field(
        default=0, ge=0, description="jobs that one user may submit in a minute; 0 for any number"
    )
    max_job_seconds_per_day_per_user: float = Field(
        default=0.0, ge=0, description="time that jobs of one user may have run within 24 hours; 0 for any"
    )
    max_stored_results_per_user: int = Field(
        default=0, ge=0, description="stored results of one user, with those to come; 0 for any number"
    )
    max_stored_result_bytes_per_user: int = Field(
        default=0, ge=0, description="bytes of one user's stored results; past them no job is taken; 0 for any number"
    )
    max_open_streams_per_user: int = Field(
        default=250,
        ge=0,
        description="streams that one user, an administrator too, has open at a service at once, and who needs no key "
        "from one address; 0 for any number",
    )
    max_pending_jobs: int = Field(default=0, ge=0, description="jobs of all users that are not over; 0 for any number")
    max_submissions_per_minute: int = Field(
        default=0, ge=0, description="jobs that all users may submit in a minute; 0 for any number"
    )
    max_job_seconds_per_day: float = Field(
        default=0.0, ge=0, description="time that jobs of all users may have run within 24 hours; 0 for any"
    )
    max_stored_results: int = Field(
        default=0, ge=0, description="stored results of all users, with those to come; 0 for any number"
    )
    max_stored_result_bytes: int = Field(
        default=0, ge=0, description="bytes of all stored results; past them no job is taken; 0 for any number"
    )

    @property
    def of_user(self) -> Quotas:
        """What is asked of a user's submission."""
        return Quotas(
            pending_jobs=self.max_pending_jobs_per_user,
            submissions_per_minute=self.max_submissions_per_minute_per_user,
            stored_results=self.max_stored_results_per_user,
            stored_result_bytes=self.max_stored_result_bytes_per_user,
            job_seconds_per_day=self.max_job_seconds_per_day_per_user,
            setting_suffix="_per_user",
        )

    @property
    def of_service(self) -> Quotas:
        """What is asked of everybody's submission."""
        return Quotas(
            pending_jobs=self.max_pending_jobs,
            submissions_per_minute=self.max_submissions_per_minute,
            stored_results=self.max_stored_results,
            stored_result_bytes=self.max_stored_result_bytes,
            job_seconds_per_day=self.max_job_seconds_per_day,
        )
