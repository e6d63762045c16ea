"""What the repositories promise, on any database."""

from tests.unit.database.contract.audit import TestAudit
from tests.unit.database.contract.cache_hits import TestCacheHits
from tests.unit.database.contract.caching import TestCache
from tests.unit.database.contract.dispatching import TestLoads, TestPick, TestUnpublish
from tests.unit.database.contract.ending import TestCancel, TestDelete, TestHistory, TestWaitingInVain
from tests.unit.database.contract.events import TestEvents
from tests.unit.database.contract.giving_up import TestFail, TestRelease
from tests.unit.database.contract.job_results import TestJobResults
from tests.unit.database.contract.keeping import TestRetention
from tests.unit.database.contract.keys import TestAdminKey, TestKeys, TestWorthlessKeys
from tests.unit.database.contract.keys_of_keys import TestKeysOfKeys
from tests.unit.database.contract.leases import TestClaim, TestFinish, TestLease
from tests.unit.database.contract.noise_models import TestNoiseModels
from tests.unit.database.contract.pubs import TestPubs
from tests.unit.database.contract.quotas import TestQuotas
from tests.unit.database.contract.quotas_at_once import TestQuotasAtOnce
from tests.unit.database.contract.reading import TestReading, TestSummaries
from tests.unit.database.contract.registry import TestPlugins, TestWorkers
from tests.unit.database.contract.running_quota import TestRunningQuota
from tests.unit.database.contract.submission import TestRequestId, TestSubmission
from tests.unit.database.contract.transactions import TestChanges, TestReadingBesideWriting, TestTransactions
from tests.unit.database.contract.users import TestUsers, TestUsersOfAnIssuer

__all__ = [
    "TestAdminKey",
    "TestAudit",
    "TestCache",
    "TestCacheHits",
    "TestCancel",
    "TestChanges",
    "TestClaim",
    "TestDelete",
    "TestEvents",
    "TestFail",
    "TestFinish",
    "TestHistory",
    "TestJobResults",
    "TestKeys",
    "TestKeysOfKeys",
    "TestLease",
    "TestLoads",
    "TestNoiseModels",
    "TestPick",
    "TestPlugins",
    "TestPubs",
    "TestQuotas",
    "TestQuotasAtOnce",
    "TestReading",
    "TestReadingBesideWriting",
    "TestRelease",
    "TestRequestId",
    "TestRetention",
    "TestRunningQuota",
    "TestSubmission",
    "TestSummaries",
    "TestTransactions",
    "TestUnpublish",
    "TestUsers",
    "TestUsersOfAnIssuer",
    "TestWaitingInVain",
    "TestWorkers",
    "TestWorthlessKeys",
]
