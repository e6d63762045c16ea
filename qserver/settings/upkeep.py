"""How services speak, show that they live, and what is kept for how long."""

from typing import Literal

from pydantic import Field

from qserver.settings.section import OptionalPath, Section


class LogSettings(Section):
    """How services speak."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe level written"
    )
    log_format: Literal["json", "console"] = Field(default="json", description="json for machines, console for people")
    log_folder: OptionalPath = Field(
        default=None, description="also write a file a day here; empty for standard output alone"
    )


class HealthSettings(Section):
    """How whoever starts the services sees that they work."""

    pulse_file: OptionalPath = Field(
        default=None, description="file that worker and janitor touch while all is well, for health checks; empty: none"
    )


class JanitorSettings(Section):
    """What is kept, and for how long. 0 keeps it for ever."""

    keep_results_days: float = Field(default=30.0, ge=0, description="results, after their job ended")
    keep_jobs_days: float = Field(default=30.0, ge=0, description="jobs, after they ended")
    keep_history_days: float = Field(default=365.0, ge=0, description="history rows, after their job ended")
    keep_circuits_days: float = Field(default=30.0, ge=0, description="circuits and noise models that nothing needs")
    keep_events_days: float = Field(default=30.0, ge=0, description="events of jobs that ended")
    keep_audit_days: float = Field(default=365.0, ge=0, description="the audit trail")
    keep_keys_days: float = Field(default=90.0, ge=0, description="API keys, after they were revoked or expired")
    keep_logs_days: float = Field(default=14.0, ge=0, description="log files")
    keep_results_count: int = Field(default=0, ge=0, description="newest results kept; 0 for all")
    keep_jobs_count: int = Field(default=0, ge=0, description="newest ended jobs kept; 0 for all")
    keep_history_count: int = Field(default=0, ge=0, description="newest history rows kept; 0 for all")
    janitor_interval_seconds: float = Field(
        default=300.0, ge=0, description="time between passes; 0 makes one pass and ends"
    )
    janitor_dry_run: bool = Field(default=False, description="say what would be removed, remove nothing")
