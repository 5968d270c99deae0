# `make demo` and `make test` do their own set-up: once, and again only when its inputs change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BROWSER := $(VENV)/.browser
POSTGRESQL := $(VENV)/.postgresql
SECONDS := 60
ROUNDS := 200

# Tests start hundreds of Python processes: each would compile what it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo quick test test-long fuzz versions lint format verify bench release docs dist screenshots clean help

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "autograde needs Python 3.11 or newer; choose one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(BROWSER): tests/kit/support/install_browser.sh $(READY)
	@if tests/kit/support/install_browser.sh $(BIN); then touch $@; fi

$(POSTGRESQL): tests/kit/support/install_postgresql.sh $(READY)
	@if tests/kit/support/install_postgresql.sh; then touch $@; fi

demo: $(READY) ## Build the release, grade the example class and print its table
	$(BIN)/autograde release
	$(BIN)/autograde grade examples/class --accept -o build/demo

quick: $(READY) ## Run what a change needs most often, in under two minutes
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow and not long" --ignore tests/kit/acceptance

test: $(READY) $(BROWSER) $(POSTGRESQL) ## Run all tests, including the verification of the course
	$(BIN)/pytest -n 3 --dist loadgroup --no-loadscope-reorder

test-long: $(READY) ## Run what takes longest: ROUNDS=200 bad days, nbgrader on a whole class, the course's proof on twenty draws
	$(BIN)/pytest -n 3 --dist worksteal -m long --rounds $(ROUNDS)

fuzz: $(READY) ## Fuzz every reader of bytes that are not ours, SECONDS=60 for each; TARGETS="zip roster" for some
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(BIN)/python tests/kit/support/fuzz.py --seconds $(SECONDS) $(TARGETS)

versions: ## Run the quick tests with each pair of Python and PyTorch; PAIRS="3.11:2.9.1 3.13:2.13.0" for some
	$(PYTHON) tests/kit/support/versions.py $(PAIRS)

lint: $(READY) ## Run ruff, mypy --strict and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

verify: $(READY) ## Prove the course's checks: reference, stubs, alternatives, misconceptions, mutants
	$(BIN)/autograde verify

bench: $(READY) ## Grade a class with nbgrader and with autograde, side by side; one submission; one on a warm server
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/cold.py
	$(BIN)/python benchmarks/served.py

release: $(READY) ## Build what students get
	$(BIN)/autograde release

docs: $(READY) ## Build the documentation as a site, build/docs/index.html
	$(BIN)/sphinx-build -c docs -b html -q -W --keep-going . build/docs

dist: $(READY) ## Build the package's wheel into dist/
	rm -rf build/lib build/bdist.*
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps -w dist .

screenshots: $(READY) $(BROWSER) ## Retake the screenshots in docs/
	$(BIN)/pytest tests/kit/acceptance/test_browser.py tests/kit/acceptance/test_class_in_browser.py \
		tests/kit/acceptance/test_desk_in_browser.py --screenshots docs/images

clean: ## Remove everything installed or generated outside git
	rm -rf $(VENV) build .autograde/keys grades
