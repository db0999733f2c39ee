# Two commands do all the set-up: `make demo` and `make test` each create .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow lint types bench clean

$(VENV)/.base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) --editable '.[dev]'
	touch $@

demo: $(VENV)/.base
	rm -rf runs/demo
	mkdir -p runs
	cp -R examples/recorded runs/demo
	@$(BIN)/pairsmith run runs/demo

test: $(VENV)/.dev
	$(BIN)/pytest -n auto -m 'not slow'

test-slow: $(VENV)/.dev $(VENV)/.chromium
	$(BIN)/pytest -m slow

# The pages are tested in a real browser: Debian's package, installed where there is none.
SUDO := $(shell test "$$(id -u)" = 0 || echo sudo)
$(VENV)/.chromium: | $(VENV)/.dev
	command -v chromium > /dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq --yes chromium; }
	touch $@

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy sees the rooms under their one import name only in an installed copy.
types: $(VENV)/.dev
	rm -rf build $(VENV)/typed
	$(PIP) --no-deps --no-build-isolation --target $(VENV)/typed .
	rm -rf build
	cd $(VENV)/typed && MYPYPATH=. ../../$(BIN)/mypy --config-file ../../pyproject.toml -p pairsmith

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/gates.py
	$(BIN)/python benchmarks/contamination.py
	$(BIN)/python benchmarks/drift.py
	$(BIN)/python benchmarks/generate.py
	$(BIN)/python benchmarks/hub.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/scale.py --slope
	$(BIN)/python benchmarks/trainer.py

clean:
	rm -rf $(VENV) runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
