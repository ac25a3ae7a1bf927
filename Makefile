# The words of the project; CI runs the same. Needs Python 3.11+ and GNU make, nothing else.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# Each is written once an installation is complete, and holds the folder it was made in.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.PHONY: help run test test-long check bench bench-large format schema build constraints clean FORCE

help: ## List these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(RUNTIME) ## Serve on http://127.0.0.1:8000/graphql; make run ARGS="--port 9000 --data DIR"
	@exec $(BIN)/fieldgraph serve $(ARGS)

test: $(DEV) ## Run every test; make test ARGS="-k cursor -x"
	@$(BIN)/python -m pytest -n auto --maxprocesses 8 $(ARGS)

test-long: $(DEV) ## Run every test, with twenty times as many drawn examples: hours; make test-long ARGS="tests/api"
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n auto --maxprocesses 8 $(ARGS)

check: $(DEV) ## Lint, formatting, types
	@$(BIN)/python -m ruff check
	@$(BIN)/python -m ruff format --check
	@$(BIN)/python -m mypy

bench: $(DEV) ## Measure beside other servers, write BENCHMARKS.md; make bench ROUNDS=1 SECONDS=1 for a quick look
	@$(BIN)/python -m tests.bench $(measured) $(ARGS)

bench-large: $(DEV) ## Measure a world of a million entities, write BENCHMARKS.md
	@$(BIN)/python -m tests.bench large $(measured) $(ARGS)

measured = $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS))

format: $(DEV) ## Format the code, and mend what ruff can mend
	@$(BIN)/python -m ruff check --fix-only
	@$(BIN)/python -m ruff format

schema: $(RUNTIME) ## Print the schema into api/schema.graphql
	@$(BIN)/fieldgraph schema --output api/schema.graphql

build: $(DEV) ## Build the wheel into dist/
	@$(BIN)/python -m build --wheel --no-isolation

constraints: ## Pin today's newest versions of everything in constraints.txt
	@$(require_python)
	@new=$$(mktemp -d) && trap 'rm -rf "$$new"' EXIT && $(PYTHON) -m venv "$$new" && \
	"$$new/bin/python" -m pip $(QUIET) install '.[dev,postgres]' && \
	{ sed -n '/^#/p' constraints.txt && \
	"$$new/bin/python" -m pip list --disable-pip-version-check --format freeze --exclude fieldgraph --exclude pip \
	--exclude setuptools; \
	} > "$$new/constraints.txt" && cp "$$new/constraints.txt" constraints.txt

clean: ## Remove the environment, caches and builds; stores are left alone
	@rm -rf $(VENV) build dist tests/bench/peers/node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find api graph seed tests -name __pycache__ -prune -exec rm -rf {} +

# --- Set-up -----------------------------------------------------------------------------------------------------------

QUIET := --quiet --disable-pip-version-check

$(RUNTIME): pyproject.toml constraints.txt
	$(call set_up,.,$(RUNTIME))

$(DEV): pyproject.toml constraints.txt
	$(call set_up,.[dev],$(RUNTIME) $(DEV))

# An environment holds absolute paths and leans on the Python it was made with. One that is half made, was moved or
# copied here, or whose Python has gone, is made anew.
whole = [ "$$(cat $(RUNTIME) 2>/dev/null)" = "$(CURDIR)" ] && $(BIN)/python -c '' 2>/dev/null

ifneq ($(shell $(whole) && echo yes),yes)
$(RUNTIME) $(DEV): FORCE
endif

# $(call set_up,what to install,stamps to write)
define set_up
@$(whole) || { $(require_python); }
@echo 'Setting up $(VENV) (about a minute the first time) ...'
@$(whole) || $(PYTHON) -m venv --clear $(VENV)
@rm -f $(RUNTIME) $(DEV)
@$(BIN)/python -m pip $(QUIET) install --constraint constraints.txt --editable '$(1)'
@for stamp in $(2); do echo '$(CURDIR)' > $$stamp; done
endef

define require_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not. Name one that is: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
echo "'$(PYTHON)' lacks its venv module. On Debian or Ubuntu: apt install python3-venv. Then run make again." >&2; exit 1; }
endef
