"""Adding and removing file plugins, and what is listed of plugins and workers."""

from uuid import uuid4

from database.records import InstallState, PluginInstallation, WorkerRecord
from tests.unit.rest_api.site import Site

WORKER = WorkerRecord(
    id=uuid4(),
    name="box-1",
    host="box",
    version="0.1",
    routes=frozenset({"cpu", "plugin.aer-plugin"}),
    plugins=("aer",),
    devices=("CPU",),
    cores=2,
    memory_bytes=2**31,
    gpu_memory_bytes=0,
    simulator_processes=2,
    installations={"aer-plugin": PluginInstallation(InstallState.FAILED, "no wheel fits")},
)


async def test_a_plugin_is_added_and_its_taken_name_gets_a_prefix(site: Site) -> None:
    answer = await site.client.post("/api/v1/plugin/aer-plugin")

    assert (answer.status_code, answer.json()) == (201, {"msg": "added plugin"})
    assert (await site.client.get("/api/v1/backend/aer")).json()["plugin"] == "aer"
    assert (await site.client.get("/api/v1/backend/aer-plugin:aer")).json()["plugin"] == "aer-plugin"
    with site.database.reading() as transaction:
        backend = transaction.plugins.backend("aer-plugin:aer")
    assert (backend.spec.name, backend.plugin_backend) == ("aer-plugin:aer", "aer")


async def test_free_names_stay_as_they_are(site: Site) -> None:
    await site.client.post("/api/v1/plugin/fake-plugin/")

    names = [backend["backend_name"] for backend in (await site.client.get("/api/v1/backends")).json()]

    assert names == ["aer", "fake_one", "fake_two"]


async def test_a_plugin_is_added_once(site: Site) -> None:
    await site.client.post("/api/v1/plugin/fake-plugin")

    again = await site.client.post("/api/v1/plugin/fake-plugin")

    assert again.status_code == 409
    assert again.json()["msg"] == "plugin fake-plugin is already added"


async def test_a_plugin_outside_the_allow_list_is_forbidden(site: Site) -> None:
    answer = await site.client.post("/api/v1/plugin/secret-plugin")

    assert answer.status_code == 403
    assert "allow-list" in answer.json()["msg"]


async def test_a_removed_plugin_takes_its_backends_along_and_can_come_back(site: Site) -> None:
    await site.client.post("/api/v1/plugin/fake-plugin")

    answer = await site.client.delete("/api/v1/plugin/fake-plugin/")

    assert (answer.status_code, answer.json()) == (200, {"msg": "Success"})
    assert (await site.client.get("/api/v1/backend/fake_one")).status_code == 404
    assert (await site.client.post("/api/v1/plugin/fake-plugin")).status_code == 201


async def test_a_plugin_stays_while_one_of_its_jobs_runs(site: Site) -> None:
    await site.client.post("/api/v1/plugin/fake-plugin")
    site.claim(site.submit(backend="fake_one"))
    waiting = site.submit(backend="fake_one")

    answer = await site.client.delete("/api/v1/plugin/fake-plugin")

    assert answer.status_code == 409
    assert "is running" in answer.json()["msg"]
    assert (await site.client.get(f"/api/v1/job/{waiting.id}")).json()["status"] == "pending"


async def test_what_waits_for_a_removed_plugin_fails_and_says_why(site: Site) -> None:
    await site.client.post("/api/v1/plugin/fake-plugin")
    job = site.submit(backend="fake_one")

    await site.client.delete("/api/v1/plugin/fake-plugin")

    answer = await site.client.get(f"/api/v1/job/result/{job.id}")
    assert (answer.status_code, answer.json()["reason"]) == (404, "PLUGIN_UNAVAILABLE")
    assert "fake-plugin was removed" in answer.json()["msg"]


async def test_a_built_in_plugin_can_not_be_removed(site: Site) -> None:
    answer = await site.client.delete("/api/v1/plugin/aer")

    assert answer.status_code == 409
    assert "part of the server" in answer.json()["msg"]
    assert (await site.client.get("/api/v1/backend/aer")).status_code == 200


async def test_plugins_are_listed_with_backends_and_installations(site: Site) -> None:
    await site.client.post("/api/v1/plugin/aer-plugin")
    with site.database.transaction() as transaction:
        transaction.workers.register(WORKER)

    built_in, added = (await site.client.get("/api/v1/plugins")).json()

    assert (built_in["name"], built_in["kind"], built_in["installations"]) == ("aer", "built_in", [])
    assert built_in["backends"][0]["options_schema"] == {"type": "object", "additionalProperties": False}
    assert (added["name"], added["kind"], added["version"]) == ("aer-plugin", "file", "0.0.2")
    assert added["installations"] == [{"worker": "box-1", "state": "failed", "message": "no wheel fits"}]


async def test_workers_are_listed_with_what_they_have(site: Site) -> None:
    with site.database.transaction() as transaction:
        transaction.workers.register(WORKER)

    (worker,) = (await site.client.get("/api/v1/workers/")).json()

    assert (worker["name"], worker["is_live"], worker["cores"]) == ("box-1", True, 2)
    assert worker["routes"] == ["cpu", "plugin.aer-plugin"]
