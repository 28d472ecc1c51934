# One place for every command that people and CI run. `make demo` and `make test` do all the set-up on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: demo test check lint types imports bench kills showcase lock system build clean

demo: $(VENV)/.core  ## the whole loop on the bundled logs
	$(BIN)/memento demo

test: system $(VENV)/.dev lint types imports  ## everything
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q $(if $(CI),--randomly-seed=1) tests

check: $(VENV)/.dev lint types imports  ## the quick loop, under 90 s
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q -m "not slow and not browser" tests

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

bench: $(VENV)/.dev kills  ## measures; writes bench/results.md
	$(BIN)/python -m bench

kills: $(VENV)/.dev  ## kill -9 of ingestion, store, promotion and rollback, 200 times each (20 in `make test`)
	MEMENTO_KILLS=200 $(BIN)/python -m pytest -q --timeout 3000 -k kill tests/badinput tests/store tests/promote

showcase: $(VENV)/.core  ## ten patches and five refusals from the shared logs: out/showcase.html, not committed
	$(BIN)/python scripts/showcase.py

build: $(VENV)/.dev
	$(BIN)/python -m build --no-isolation --outdir dist .

lock:  ## resolve the dependencies anew, with hashes and without any host's name
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --group dev pyproject.toml -o requirements-dev.lock

system:  ## what tests need from the system: git, a browser
	sh scripts/system.sh

$(VENV)/.core: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/.core requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
