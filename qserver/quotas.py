"""How much somebody may have: the quotas of each user, and those of all users together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quotas:
    """What is asked of a submission; 0 is any number."""

    pending_jobs: int  # that are not over: they wait, or run
    submissions_per_minute: int
    stored_results: int  # with those that jobs which are not over may still give
    stored_result_bytes: int
    job_seconds_per_day: float
    setting_suffix: str = ""  # QSERVER_MAX_, a field's name and this are the setting

    @property
    def are_set(self) -> bool:
        """Whether there is one that a submission could pass."""
        return bool(self.pending_jobs or self.submissions_per_minute or self.stored_results or self.are_measured)

    @property
    def are_measured(self) -> bool:
        """Whether bytes or seconds are bound, which are summed up from time to time."""
        return bool(self.stored_result_bytes or self.job_seconds_per_day)

    def limit_name(self, field: str) -> str:
        """Give the name under which people know a field: that of its setting."""
        return f"max_{field}{self.setting_suffix}"


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How much of a quota is used. Both are None where it is not set: nobody counts then."""

    name: str
    limit: float | None
    used: float | None
