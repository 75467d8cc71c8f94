# The commands of this checkout. A machine with python3 (3.11 or newer), git and make is enough:
# what is installed goes into .venv, in the versions and with the hashes that requirements/ names.
# pip keeps its own configuration (mirrors, certificates); nothing here names an index.

PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin

# What `make run` reads: `sample` is the embedded sample and needs no cluster, `cluster` is the
# current context of your kubeconfig. The two never share a lake.
FROM ?= sample
ARGS ?=
# Processes for tests: one more than processors, because many tests wait for a server or a disk.
TESTERS ?= $(shell expr $$(nproc) + 1)
LAKE ?= $(if $(filter cluster,$(FROM)),out/cluster/lake,out/lake)
ifeq ($(filter sample cluster,$(FROM)),)
  $(error FROM=$(FROM): choose sample or cluster)
endif

.PHONY: help run notebooks test test-spark check bench lock sbom clean

help:
	@echo "make run                    snapshot, reports and digest of the embedded sample"
	@echo "make run FROM=cluster       the same of your kubeconfig's current cluster; it is only listed"
	@echo "make run ARGS=\"--help\"      more options for the command"
	@echo "make notebooks              JupyterLab on the notebooks, with the embedded sample in out/lake"
	@echo "make test                   all tests; ARGS=\"-k coverage\" for some, ARGS=\"--histories 100000\" for a night"
	@echo "                            ARGS=\"--hypothesis-profile=explore\" for draws that no run had before"
	@echo "make test-spark             both engines beside each other, on a Spark with two workers; needs Java 17"
	@echo "make check                  style, types, floor plan, SQL, docstrings"
	@echo "make bench                  every figure with its limit"
	@echo "make lock                   write requirements/ anew; ARGS=--upgrade for newer versions (needs uv)"
	@echo "make sbom                   dist/sbom.cdx.json: what a user's installation consists of, by the lock (CycloneDX)"
	@echo "make clean                  remove the environment, caches and the sample's lake"

run: $(VENV)/.run
	$(BIN)/eventlake --lake $(LAKE) run $(if $(filter sample,$(FROM)),--sample) $(ARGS)

# The sample is written once; a lake of your own is named in a notebook's parameters.
notebooks: $(VENV)/.notebooks
	$(BIN)/eventlake --lake out/lake sample
	$(BIN)/jupyter lab notebooks $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses=$(TESTERS) --dist=worksteal $(ARGS)

# One driver and two workers, which share the processors: more tests at once would wait for these.
test-spark: $(VENV)/.dev
	$(BIN)/python -m pytest --spark tests/spark $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/sqlfluff lint --nocolor sql
	$(BIN)/interrogate tests

bench: $(VENV)/.dev
	$(BIN)/python -m bench $(ARGS)

# dev first and the others within it, so that one version of each package serves all of them.
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-emit-index-url --no-emit-find-links $(ARGS)
lock:
	@command -v $(UV) >/dev/null || { \
	  echo "The lock is made by uv: $(PYTHON) -m pip install uv" >&2; exit 1; }
	$(LOCK) pyproject.toml --group build --group dev --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/run.txt
	$(LOCK) --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	$(LOCK) pyproject.toml --extra kafka --extra elasticsearch --extra opensearch \
	  --constraint requirements/dev.txt --output-file requirements/image.txt
	$(LOCK) pyproject.toml --extra notebooks --constraint requirements/dev.txt \
	  --output-file requirements/notebooks.txt

# Of the lock and not of an environment: every platform's packages with all their hashes, the same
# bytes each time.
sbom: $(VENV)/.dev
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements/run.txt --pyproject pyproject.toml \
	  --mc-type application --output-format JSON --spec-version 1.6 --output-reproducible \
	  --output-file dist/sbom.cdx.json

# out/cluster stays: it is history that the cluster itself has forgotten.
clean:
	rm -rf $(VENV) out/lake out/reports build dist .hypothesis .mypy_cache .pytest_cache \
	  .ruff_cache .import_linter_cache
	find etl tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here:" \
	  "install Python 3.11 or newer, or name it: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "eventlake needs Python 3.11 or newer and $(PYTHON) is $$($(PYTHON) -V 2>&1):" \
	  "name another one, such as make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make environments:" \
	  "install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps say which lock the environment was installed from.
$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV): half a minute, and only when the lock changes"
	$(BIN)/python -m pip install --quiet --require-hashes \
	  -r requirements/run.txt -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.notebooks: requirements/notebooks.txt $(VENV)/.run
	@echo "installing JupyterLab into $(VENV)"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/notebooks.txt
	@touch $@
