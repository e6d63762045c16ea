"""All tables, as SQLAlchemy models.

Repositories use them as Core tables (`jobs.c.status`): statements stay multi-row and no row outlives its statement.
"""

from database.tables.base import Base
from database.tables.outcomes import HistoryRow, ResultArrayRow, ResultRow
from database.tables.people import ApiKeyRow, AuditRow, UsageRow, UserRow
from database.tables.registry import BackendRow, PluginRow, WorkerRow
from database.tables.work import (
    CircuitRow,
    DispatchTurnRow,
    JobEventRow,
    JobNoiseModelRow,
    JobRow,
    NoiseModelRow,
    PubRow,
    PubValuesRow,
    SubmissionRow,
)

METADATA = Base.metadata

users = UserRow.table()
api_keys = ApiKeyRow.table()
audit = AuditRow.table()
usage = UsageRow.table()
plugins = PluginRow.table()
backends = BackendRow.table()
workers = WorkerRow.table()
circuits = CircuitRow.table()
noise_models = NoiseModelRow.table()
jobs = JobRow.table()
job_noise_models = JobNoiseModelRow.table()
pubs = PubRow.table()
pub_values = PubValuesRow.table()
submissions = SubmissionRow.table()
job_events = JobEventRow.table()
dispatch_turns = DispatchTurnRow.table()
results = ResultRow.table()
result_arrays = ResultArrayRow.table()
history = HistoryRow.table()
