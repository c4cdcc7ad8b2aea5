# Everything runs in a virtual environment of its own, made when it is first needed: PYTHON=python3.12 make test
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check fix bench clean

# Serve conf/pyngx.conf; words for the command line: make run ARGS="-c my.conf"
run: .venv/.installed
	$(BIN)/python -m pyngx $(ARGS)

# All checks, then all tests; words for pytest: make test ARGS="-k reload"
test: check
	$(BIN)/pytest $(ARGS)

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Repair what can be repaired by machine.
fix: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Compare with nginx, which must be installed as wrk must; words for the command: make bench ARGS="--only get"
bench: .venv/.installed
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/.made:
	$(PYTHON) -m venv .venv
	touch $@

.venv/.installed: .venv/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@
