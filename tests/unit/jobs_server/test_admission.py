"""How a submission becomes a job: routes, widths, options, and asking again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import grpc
import pytest
import structlog
from grpc import aio

from plugins.aer.plugin import AerPlugin
from plugins.registry import Registry
from qserver.clock import FakeClock
from qserver.errors import QServerError
from qserver.rpc.v1 import jobs_pb2
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import MIB, DispatcherSettings
from tests.unit.jobs_server.builders import BELL, FILE_PLUGIN, FILE_PLUGIN_BACKEND, CountingDatabase, worker
from tests.unit.jobs_server.served import SETTINGS, Served, spec_of, trailing
from tests.unit.plugins.fakes import CoinPlugin


async def test_a_job_that_needs_much_memory_goes_by_a_route_of_its_own(
    database: CountingDatabase, forkserver: Forkserver
) -> None:
    dispatcher = DispatcherSettings(large_job_memory_mib=100)
    served = Served(database, settings=SETTINGS.model_copy(update={"dispatcher": dispatcher}), forkserver=forkserver)
    await served.start()
    wide = b'OPENQASM 3.0; include "stdgates.inc"; qubit[25] q; bit[25] c; rx(0.1) q; c = measure q;'

    large = await served.submit(spec_of(backend="aer_statevector"), wide)
    small = await served.submit(spec_of(backend="aer_statevector"))

    assert [served.read(job.id).route for job in (large, small)] == ["large", "cpu"]
    await served.stop()


async def test_a_job_for_all_cores_goes_by_that_route_too_where_a_worker_serves_it(
    database: CountingDatabase, forkserver: Forkserver
) -> None:
    served = Served(database, settings=SETTINGS, forkserver=forkserver)
    await served.start()
    wide = b'OPENQASM 3.0; include "stdgates.inc"; qubit[25] q; bit[25] c; rx(0.1) q; c = measure q;'
    before = await served.submit(spec_of(backend="aer_statevector"), wide)
    with database.transaction() as transaction:
        transaction.workers.register(replace(worker(), memory_bytes=SETTINGS.dispatcher.large_job_memory_mib * MIB))
    await served.stop()
    served = Served(database, settings=SETTINGS, forkserver=forkserver)
    await served.start()

    after = await served.submit(spec_of(backend="aer_statevector"), wide)

    assert [served.read(job.id).route for job in (before, after)] == ["cpu", "large"]
    await served.stop()


async def test_the_limit_of_the_slow_importer_reaches_the_inspectors(
    database: CountingDatabase, forkserver: Forkserver
) -> None:
    limits = SETTINGS.limits.model_copy(update={"max_importer_circuit_bytes": 50})
    served = Served(database, settings=SETTINGS.model_copy(update={"limits": limits}), forkserver=forkserver)
    await served.start()
    fast = b'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; cx q[0], q[1]; c = measure q;'

    accepted = await served.submit(source=fast)
    with pytest.raises(aio.AioRpcError) as caught:
        await served.submit(source=fast.replace(b"cx ", b"ctrl @ x "))

    assert accepted.id
    assert trailing(caught.value)["qserver-reason"] == "TOO_LARGE"
    assert "importer is 50 (QSERVER_MAX_IMPORTER_CIRCUIT_BYTES)" in (caught.value.details() or "")
    await served.stop()


async def test_a_circuit_wider_than_the_server_takes_is_refused(served: Served) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await served.submit(source=BELL + b"// wide")

    assert trailing(caught.value)["qserver-reason"] == "TOO_LARGE"
    assert caught.value.details() == "circuit has 20,000 qubits; the limit is 10,000 (QSERVER_MAX_QUBITS)"


async def test_each_plugin_reads_a_circuit_for_itself(database: CountingDatabase) -> None:
    served = Served(database, registry=Registry([AerPlugin(), CoinPlugin()]))
    await served.start()

    jobs = [await served.submit(spec_of(backend=backend)) for backend in ("aer", "coin", "aer", "coin")]

    assert served.inspectors.readers == ["aer", "coin"]
    assert len({served.read(job.id).circuit_id for job in jobs}) == 2
    await served.stop()


async def test_a_newer_plugin_answers_with_no_result_of_the_older(database: CountingDatabase) -> None:
    newer = CoinPlugin()
    newer.version = "2.0"
    keys = []

    for plugin in (CoinPlugin(), CoinPlugin(), newer):
        served = Served(database, registry=Registry([plugin]))
        await served.start()
        job = await served.submit(spec_of(backend="coin", cache=True))
        keys.append(database.cache_key_of(UUID(job.id)))
        await served.stop()

    assert keys[0] == keys[1]
    assert None not in keys
    assert keys[2] != keys[0]


async def test_a_newer_plugin_reads_a_circuit_again(database: CountingDatabase) -> None:
    newer = CoinPlugin()
    newer.version = "2.0"
    readers = []
    long = BELL + b"//".ljust(1000)  # a short one is read sooner than looked up

    for plugin in (CoinPlugin(), newer, newer):
        served = Served(database, registry=Registry([plugin]))
        await served.start()
        await served.submit(spec_of(backend="coin"), long)
        readers.append(served.inspectors.readers)
        await served.stop()

    assert readers == [["coin"], ["coin"], []]


async def test_an_option_that_the_engine_found_right_is_not_checked_again(served: Served) -> None:
    spec = spec_of()
    spec.options.update({"noise_model": {"name": "readout", "p1_given_0": 0.1}})

    for _ in range(3):
        await served.submit(spec)

    assert len(served.inspectors.checked) == 1


async def test_an_answer_that_got_lost_is_given_again_though_the_latest_start_has_passed(
    database: CountingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(datetime.now(UTC))
    monkeypatch.setattr("jobs_server.service.SystemClock", lambda: clock)
    served = Served(database)
    await served.start()
    spec = spec_of(request_id="once", expires_at=clock.now() + timedelta(hours=1))
    first = await served.submit(spec)
    clock.advance(2 * 3600)

    second = await served.submit(spec)
    with pytest.raises(aio.AioRpcError, match="which has passed"):
        await served.submit(spec_of(request_id="new", expires_at=spec.expires_at))

    assert second.id == first.id
    assert database.stored_jobs() == 1
    await served.stop()


async def test_an_answer_that_got_lost_is_given_again_though_the_backend_is_gone(served: Served) -> None:
    spec = spec_of(request_id="once", backend=FILE_PLUGIN_BACKEND)
    first = await served.submit(spec)
    with served.database.transaction() as transaction:
        transaction.plugins.remove(FILE_PLUGIN)

    second = await served.submit(spec)
    with pytest.raises(aio.AioRpcError, match="fake-vigo"):
        await served.submit(spec_of(request_id="new", backend=FILE_PLUGIN_BACKEND))

    assert second.id == first.id


async def test_an_answer_that_got_lost_is_given_again_without_reading_the_circuit(served: Served) -> None:
    first = await served.submit(spec_of(request_id="once"))
    served.inspectors.inspected.clear()

    request = jobs_pb2.SubmitJobsRequest(
        submissions=[jobs_pb2.JobSubmission(spec=spec_of(request_id="once"), source=BELL)] * 50
    )
    readings_before = served.database.readings
    answers = (await served.v1.SubmitJobs(request)).answers

    assert {answer.job.id for answer in answers} == {first.id}
    assert served.inspectors.inspected == []
    assert served.database.readings - readings_before < 10  # one, and what the dispatcher reads meanwhile


async def test_other_content_is_refused_as_such_though_its_latest_start_has_passed(served: Served) -> None:
    await served.submit(spec_of(request_id="once"))

    with pytest.raises(aio.AioRpcError) as caught:
        await served.submit(spec_of(request_id="once", expires_at=datetime(2020, 1, 1, tzinfo=UTC)))

    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_a_new_job_whose_latest_start_has_passed_leaves_nothing(served: Served) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await served.submit(spec_of(request_id="once", expires_at=datetime(2020, 1, 1, tzinfo=UTC)))

    assert "which has passed" in (caught.value.details() or "")
    assert served.database.stored_jobs() == 0
    assert (await served.submit(spec_of(request_id="once"))).id


async def test_a_fault_of_ours_under_one_of_many_is_told_shortly_and_logged(served: Served) -> None:
    await served.submit()
    served.database.fault = QServerError("a statement is wrong")
    request = jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission(spec=spec_of(), source=BELL)])

    with structlog.testing.capture_logs() as logs:
        (answer,) = (await served.v1.SubmitJobs(request)).answers

    served.database.fault = None
    assert answer.error.code == grpc.StatusCode.INTERNAL.value[0]
    assert answer.error.message == "the server failed to answer this call; its log has the cause"
    assert [entry["log_level"] for entry in logs if entry["event"] == "submission_failed"] == ["error"]
