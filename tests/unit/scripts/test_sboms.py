"""A bill of materials names the image, what is in it, and what it is built on."""

import re
from pathlib import Path

from scripts.sboms import IMAGES, NGINX, PYTHON, describe, empty_document

ROOT = Path(__file__).parents[3]


def test_a_document_says_which_image_it_is_about_and_what_it_is_built_on() -> None:
    document = {"specVersion": "1.6", "components": [{"bom-ref": "requirements-L1", "name": "pika"}]}
    (worker,) = [image for image in IMAGES if image.name == "worker"]

    described = describe(worker, document, version="1.2.3")

    root = described["metadata"]["component"]
    assert (root["name"], root["version"], root["type"]) == ("qserver/worker", "1.2.3", "container")
    assert [component["name"] for component in described["components"]] == ["pika", "python"]
    assert described["dependencies"] == [{"ref": "image", "dependsOn": ["base:python:3.12-slim", "requirements-L1"]}]


def test_an_image_without_packages_of_python_still_has_its_base() -> None:
    (proxy,) = [image for image in IMAGES if image.lock is None]

    described = describe(proxy, empty_document(), version="1")

    assert [component["purl"] for component in described["components"]] == ["pkg:docker/nginx@1.28"]


def test_every_image_that_is_pushed_has_one() -> None:
    text = (ROOT / "scripts" / "push-images.sh").read_text()
    (baked,) = re.findall(r"linux/amd64,linux/arm64' (.+)$", text, flags=re.MULTILINE)

    assert {image.name for image in IMAGES} == {*baked.split(), "worker-gpu"}
    assert "make --silent sbom" in text


def test_bases_and_locks_are_those_that_images_are_built_of() -> None:
    compose = (ROOT / "compose.yml").read_text()

    assert f"${{PYTHON_IMAGE:-{PYTHON}}}" in compose
    assert f"${{NGINX_IMAGE:-{NGINX}}}" in compose
    assert all((ROOT / "requirements" / f"{image.lock}.txt").exists() for image in IMAGES if image.lock)
