"""A transaction, as services see it: one repository a subject."""

from database.audit import Audit
from database.circuits import Circuits
from database.dispatch import Dispatch
from database.history import History
from database.jobs import Jobs
from database.jobs.quotas import QuotaUses
from database.keys import Keys
from database.noise_models import NoiseModels
from database.plugins import Plugins
from database.results import Results
from database.retention import Retention
from database.users import Users
from database.work import Work
from database.workers import Workers


class Transaction:
    """All repositories over one transaction. What they give are values; they stay good after it ended."""

    def __init__(self, work: Work) -> None:
        """Open the repositories."""
        self.jobs = Jobs(work)
        self.circuits = Circuits(work)
        self.noise_models = NoiseModels(work)
        self.results = Results(work)
        self.history = History(work)
        self.plugins = Plugins(work)
        self.workers = Workers(work)
        self.dispatch = Dispatch(work)
        self.retention = Retention(work)
        self.users = Users(work)
        self.keys = Keys(work)
        self.audit = Audit(work)
        self.quotas = QuotaUses(work)
