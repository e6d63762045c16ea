# `make` alone explains everything. Set-up is part of each target: no step has to be remembered.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:  # half an environment is made anew

# Where python3 is none of 3.11 to 3.13, name one that is: make demo PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin

# What `make up` and `make demo` pass on; an empty one leaves the program's own default.
GRPC_PORT ?=
HTTP_PORT ?=
HOST ?=
DATA ?=
CIRCUIT ?=
SHOTS ?=
ONCE ?=
FILE ?=
REGISTRY ?=
VERSION ?=
# The shell takes them from the environment: pasted into the command, a quote in a file's name would end it.
demo up: export GRPC_PORT := $(GRPC_PORT)
demo up: export HTTP_PORT := $(HTTP_PORT)
demo up: export HOST := $(HOST)
demo up: export DATA := $(DATA)
demo up: export CIRCUIT := $(CIRCUIT)
demo up: export SHOTS := $(SHOTS)
backup restore: export FILE := $(FILE)
SERVE_FLAGS = $(if $(GRPC_PORT),--grpc-port "$$GRPC_PORT") $(if $(HTTP_PORT),--http-port "$$HTTP_PORT") $(if $(HOST),--host "$$HOST") $(if $(DATA),--data "$$DATA")
DEMO_FLAGS = $(if $(CIRCUIT),--circuit "$$CIRCUIT") $(if $(SHOTS),--shots "$$SHOTS") $(if $(filter-out 0,$(ONCE)),--once)

# The contract as clients out there know it: an image of the last release.
KEPT_CONTRACT := proto/kept/qserver.v1.binpb
# protoc looks for its plugins on the path.
STUBS := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/generate_stubs.py
# A page that is kept from the last build is not warned of again: each build is a fresh one.
SITE := $(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going --doctree-dir build/doctrees -c docs . build/docs

## Use it

.PHONY: help
help:  ## this list
	@awk 'BEGIN {FS = ":.*## "} \
		/^## / {printf "\n%s\n", substr($$0, 4)} \
		/^[.a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: PYTHON, GRPC_PORT, HTTP_PORT, HOST (an address), DATA (a folder), CIRCUIT (a file), SHOTS, ONCE=1\n'

.PHONY: demo
demo: .venv/standalone  ## run a circuit end to end and see its counts: make demo CIRCUIT=my.qasm SHOTS=5000 ONCE=1
	@$(BIN)/python -m standalone demo $(SERVE_FLAGS) $(DEMO_FLAGS)

.PHONY: up
up: .venv/standalone  ## serve on this machine, nothing else needed: make up GRPC_PORT=50052 HTTP_PORT=8081 DATA=folder
	@$(BIN)/python -m standalone up $(SERVE_FLAGS)

## Deploy it (docs/howto/deploy.md)

# What `make env` passes on; an empty one leaves things as they are.
WORKERS ?=
GPUS ?=
DOMAIN ?=
WORKER_ENDPOINT ?=

.PHONY: env
env:  ## make .env for docker compose: strong passwords, the box divided: make env WORKERS=4 GPUS=1 DOMAIN=box.example.org
	@WORKERS='$(WORKERS)' GPUS='$(GPUS)' DOMAIN='$(DOMAIN)' WORKER_ENDPOINT='$(WORKER_ENDPOINT)' scripts/make-env.sh

.PHONY: doctor
doctor:  ## say what is wrong with an installation, and what to do about it
	@$(PYTHON) -m doctor

.PHONY: backup
backup:  ## save the database and .env: make backup FILE=some/where.tar
	@scripts/backup.sh $(if $(FILE),"$$FILE")

.PHONY: restore
restore:  ## bring a backup back into an empty installation: make restore FILE=some/where.tar
	@scripts/restore.sh $(if $(FILE),"$$FILE")

.PHONY: push
push:  ## build the images for all platforms and push them: make push REGISTRY=ghcr.io/somebody VERSION=1.2.3
	@scripts/push-images.sh '$(REGISTRY)' '$(VERSION)'

## Work on it

.PHONY: check
check: .venv/dev .venv/docs  ## lint, types, structure, dependencies, the site, and that nothing generated is stale
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(STUBS) --check
	$(BIN)/python -m scripts.write_env_example --check
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against $(KEPT_CONTRACT)
	@scripts/check-compose.sh
	$(BIN)/python -m scripts.check_secrets
	$(SITE)

UNIT_TESTS := tests/unit -n auto --maxprocesses 8

.PHONY: test
test: .venv/dev system-dependencies  ## every test, on private PostgreSQL and RabbitMQ servers, with coverage
	$(BIN)/pytest $(UNIT_TESTS) --cov --cov-report=
	@# The others go one after the other: they need the cores for what they start.
	$(BIN)/pytest --deselect tests/unit --cov --cov-append --cov-report=term:skip-covered

.PHONY: test-compose
test-compose: .venv/dev  ## the deployed form, from start to restore, on docker compose (builds images; 15 to 30 minutes)
	$(BIN)/pytest tests/compose --timeout 1800 -x -v

# How much breaks, and how much is done meanwhile; `make test` has a small one.
CHAOS_JOBS ?= 5000
CHAOS_ROUNDS ?= 4

.PHONY: chaos
chaos: .venv/dev system-dependencies  ## break everything again and again under load: make chaos CHAOS_JOBS=5000 CHAOS_ROUNDS=4
	QSERVER_TEST_CHAOS_JOBS='$(CHAOS_JOBS)' QSERVER_TEST_CHAOS_ROUNDS='$(CHAOS_ROUNDS)' \
		QSERVER_TEST_CHAOS_RECOVERY_SECONDS=60 $(BIN)/pytest tests/chaos/test_chaos.py

# What Hypothesis has a say in; each test gets as many examples, other ones each time.
FUZZED := tests/fuzz tests/unit/sandbox/test_frames.py tests/unit/sandbox/test_codec.py \
	tests/unit/database/test_documents.py tests/unit/jobs_server/test_json_values.py tests/unit/jobs_server/test_pages.py \
	tests/unit/rest_api/test_json_size.py tests/integration/rest_api/test_openapi.py

.PHONY: fuzz
fuzz: .venv/dev system-dependencies  ## search for bad input for an hour or so: make fuzz EXAMPLES=2000
	QSERVER_TEST_EXAMPLES=$(or $(EXAMPLES),2000) $(BIN)/pytest $(FUZZED) --hypothesis-profile=fuzz --timeout 7200

.PHONY: load
load: .venv/dev system-dependencies  ## 500 clients at once, 1,000 event streams, 100,000 waiting jobs: how much memory it takes
	QSERVER_TEST_LOAD_SCALE=1 $(BIN)/pytest tests/load

.PHONY: test-fast
test-fast: .venv/dev  ## unit tests alone, without servers
	$(BIN)/pytest $(UNIT_TESTS)

.PHONY: bench
bench: .venv/bench system-dependencies  ## measure against Aer by hand, Celery and Dask: make bench ROUNDS=5 SCALE=0.05 ONLY="idle mixed"
	$(BIN)/python -m bench --rounds $(or $(ROUNDS),5) $(if $(SCALE),--scale $(SCALE)) $(addprefix --only ,$(ONLY))

.PHONY: audit
audit: .venv/audit .venv/bench .venv/docs  ## licences and known weaknesses of all locked packages; fails where they can't be looked up
	@status=0; $(BIN)/python -m scripts.licences || status=$$?; $(BIN)/python -m scripts.advisories || status=$$?; exit $$status

.PHONY: sbom
sbom: .venv/audit  ## write a bill of materials for each image to build/sbom: make sbom VERSION=1.2.3
	@$(BIN)/python -m scripts.sboms $(VERSION)

.PHONY: format
format: .venv/dev  ## format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: proto
proto: .venv/dev  ## generate the gRPC stubs from proto/
	$(STUBS)

.PHONY: keep-contract
keep-contract: .venv/dev  ## at a release: what qserver.v1 is by now may no longer be changed, only added to
	$(BIN)/buf breaking proto --against $(KEPT_CONTRACT)
	$(BIN)/buf build proto --path proto/qserver --as-file-descriptor-set --exclude-source-info -o $(KEPT_CONTRACT)

.PHONY: openapi
openapi: .venv/standalone  ## write the OpenAPI document to build/openapi.json
	@$(BIN)/python -m scripts.write_openapi build/openapi.json

.PHONY: docs
docs: .venv/docs  ## the site of docs/ and of the docstrings, in build/docs; fails on a warning, such as a link to nowhere
	@$(SITE)
	@echo "The site: build/docs/index.html"

.PHONY: wheel
wheel: .venv/bin/python  ## build the client's wheel into dist/: pip install 'dist/qserver_sdk-....whl[cli,qiskit,plot]'
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-input --no-deps --wheel-dir dist .

.PHONY: lock
lock:  ## compile requirements/*.txt from pyproject.toml (needs uv)
	scripts/compile-requirements.sh

.PHONY: system-dependencies
system-dependencies:  ## install missing servers for the tests (Debian, Ubuntu; as root or with sudo)
	@scripts/install-system-dependencies.sh

.PHONY: clean
clean:  ## remove the virtual environment and what tools left; data of `make up` stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov .coverage .coverage.* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

## Run one service by itself (settings: .env.example; without, those of `make dev-servers`)

.PHONY: dev-servers
dev-servers: env  ## PostgreSQL and RabbitMQ in containers, with ports on this machine
	@docker compose -f compose.yml -f dev-compose.yml up --detach --wait postgres rabbitmq
	@docker compose -f compose.yml -f dev-compose.yml run --rm migrate

.PHONY: run-jobs-server run-rest-api run-worker run-janitor
run-jobs-server: .venv/standalone  ## gRPC ingest and dispatcher
	@scripts/run-service.sh jobs_server
run-rest-api: .venv/standalone  ## HTTP
	@scripts/run-service.sh rest_api
run-worker: .venv/standalone  ## a worker with its simulators
	@scripts/run-service.sh worker
run-janitor: .venv/standalone  ## retention
	@scripts/run-service.sh janitor

# The environment is made once; each lock has a stamp, so that only a changed lock is installed again.
.venv/bin/python:
	@scripts/create-environment.sh '$(PYTHON)'

.venv/standalone: requirements/standalone.txt | .venv/bin/python
	@echo "Installing requirements/standalone.txt into .venv (a few minutes the first time)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps -r $<
	@touch $@

.venv/dev: requirements/dev.txt | .venv/bin/python
	@echo "Installing requirements/dev.txt into .venv (a few minutes the first time)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps -r $<
	@touch $@ .venv/standalone  # dev holds all that standalone needs

.venv/audit: requirements/audit.txt .venv/dev
	@echo "Installing requirements/audit.txt into .venv"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $<
	@touch $@

.venv/docs: requirements/docs.txt .venv/dev
	@echo "Installing requirements/docs.txt into .venv"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $<
	@touch $@

.venv/bench: requirements/bench.txt .venv/dev
	@echo "Installing requirements/bench.txt into .venv"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $<
	@touch $@

# Environments beside ours, of packages that can't be in it; the acceptance tests that need one ask for it. Modules are
# compiled as they are loaded: a tenth of them ever is.
.venv/pennylane-qiskit/ready .venv/oldest-qiskit/ready: .venv/%/ready: requirements/%.txt | .venv/bin/python
	@echo "Installing $< into $(@D) (a minute)"
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --no-input --no-compile --only-binary=:all: --require-hashes --no-deps -r $<
	@touch $@
