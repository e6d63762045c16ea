"""The documentation page and the document behind it."""

import re

import pytest
from jsonschema import Draft202012Validator

from qserver.identity import HTTP_RULES
from rest_api.app import all_routes
from rest_api.dependencies import rule_of
from rest_api.routes.documents import STATIC_FOLDER
from tests.unit.rest_api.site import Site

OUR_PAGES = ("docs.html", "docs.js")


def test_every_route_has_its_rule_and_every_rule_its_route() -> None:
    routes = {rule_of(method, route.path) for route in all_routes() for method in route.methods or ()}

    assert routes == set(HTTP_RULES)


async def test_a_route_without_a_rule_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {rule: needs for rule, needs in HTTP_RULES.items() if rule != "GET /api/v1/limits"}
    monkeypatch.setattr("rest_api.dependencies.HTTP_RULES", rules)

    answer = await site.client.get("/api/v1/limits")

    assert answer.status_code == 403
    assert "GET /api/v1/limits" in answer.json()["msg"]


@pytest.mark.parametrize("name", OUR_PAGES)
def test_our_pages_name_no_address_on_the_internet(name: str) -> None:
    text = (STATIC_FOLDER / name).read_text()

    assert not re.search(r"(https?:)?//[a-z]", text.replace("// Draws", ""), re.IGNORECASE)


async def test_everything_that_the_page_loads_is_served_by_us(site: Site) -> None:
    page = await site.client.get("/docs/")

    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert "/static/swagger-ui/swagger-ui-bundle.js" in links
    for link in links:
        answer = await site.client.get(link)
        assert answer.status_code == 200, link
        assert len(answer.content) > 100
    assert "<script>" not in page.text


async def test_the_styles_load_nothing_from_elsewhere(site: Site) -> None:
    styles = (await site.client.get("/static/swagger-ui/swagger-ui.css")).text

    assert "@import" not in styles
    assert {url.partition(":")[0] for url in re.findall(r"url\(['\"]?([^)'\"]+)", styles)} <= {"data"}


async def test_the_licences_of_what_we_serve_are_beside_it() -> None:
    folder = STATIC_FOLDER / "swagger-ui"

    assert "Apache License" in (folder / "LICENSE").read_text()
    assert "SmartBear" in (folder / "NOTICE").read_text()


async def test_the_originals_address_leads_to_the_page(site: Site) -> None:
    answer = await site.client.get("/swagger/index.html")

    assert answer.is_redirect
    assert answer.headers["location"] == "/docs"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"]
)
async def test_nothing_outside_the_folder_is_served(site: Site, path: str) -> None:
    assert (await site.client.get(path)).status_code == 404


async def test_the_document_is_complete(site: Site) -> None:
    document = (await site.client.get("/openapi.json")).json()

    operations = [operation for path in document["paths"].values() for operation in path.values()]
    documented = {
        rule_of(method, route.path)
        for route in all_routes()
        if route.include_in_schema
        for method in route.methods or ()
    }
    assert {f"{m.upper()} {path}" for path, item in document["paths"].items() for m in item} == documented
    assert document["openapi"].startswith("3.1")
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]
        refusals = {status for status in operation["responses"] if status >= "4"}
        assert {"403", "421", "500"} <= refusals
        assert "422" not in operation["responses"]


async def test_every_answer_has_an_example_that_its_schema_allows(site: Site) -> None:
    document = (await site.client.get("/openapi.json")).json()

    contents = {
        f"{method} {path} {status} {media_type}": content
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for status, response in operation["responses"].items()
        for media_type, content in response.get("content", {}).items()
    }
    assert [place for place, content in contents.items() if "example" not in content] == []
    for place, content in contents.items():
        if place.endswith("json"):
            schema = {**content["schema"], "components": document["components"]}
            faults = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
            assert faults == [], place


async def test_refusals_are_documented_as_problem_documents(site: Site) -> None:
    document = (await site.client.get("/openapi.json")).json()

    refused = document["paths"]["/api/v1/job/{id}"]["get"]["responses"]["404"]
    (content,) = refused["content"].items()
    assert content[0] == "application/problem+json"
    assert content[1]["schema"] == {"$ref": "#/components/schemas/ProblemDocument"}
    assert content[1]["example"]["status"] == 404
    assert "msg" in document["components"]["schemas"]["ProblemDocument"]["required"]
