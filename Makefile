# Everything runs in .venv, which the first target that needs it sets up: all a machine must have is make and
# Python 3.11 or newer. Choose the interpreter with `make PYTHON=/path/to/python ...`.

PYTHON ?=
PYTEST_ARGS ?= -n 2 --dist loadfile

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
CODE := $(wildcard tts_agent tests training examples benchmarks)
EXAMPLES := $(sort $(wildcard examples/*.py))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test test-slow clients lint format format-check types layers tests docs examples results clean distclean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1 - \2/p' Makefile

setup: $(STAMP) ## set up .venv; again only when pyproject.toml or constraints.txt changed

# Modules are compiled when they are first imported (--no-compile): most of what is installed never is.
# A candidate must really run (a version manager's shim may exist without its version), be new enough, and be
# able to make a virtual environment. `python3` comes first: it is what the machine's owner uses.
$(STAMP): pyproject.toml constraints.txt
	@set -e; \
	new_enough='import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'; \
	if ! $(BIN)/python -c "$$new_enough" >/dev/null 2>&1; then \
		chosen=; \
		for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
			if "$$candidate" -c "$$new_enough" >/dev/null 2>&1; then chosen=$$candidate; break; fi; \
		done; \
		if [ -z "$$chosen" ]; then \
			echo "No Python 3.11 or newer with the venv module was found$(if $(PYTHON), at $(PYTHON)): install one, or name it with make PYTHON=/path/to/python." >&2; \
			exit 1; \
		fi; \
		echo "Creating $(VENV) with $$("$$chosen" -V)"; \
		"$$chosen" -m venv --clear $(VENV); \
	fi; \
	echo "Installing into $(VENV): a few minutes the first time"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[all,dev]'; \
	touch $(STAMP)

demo: $(STAMP) ## the guided tour, with the embedded model: no key, no network
	@$(BIN)/tts-agent demo

test: lint format-check types layers examples tests ## everything that CI runs (`tests` includes `docs`)

test-slow: $(STAMP) ## the tests marked slow
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

lint: $(STAMP) ## ruff's rules
	$(BIN)/ruff check .

format: $(STAMP) ## rewrite the code in the common format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

format-check: $(STAMP) ## is everything formatted?
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy $(CODE)

layers: $(STAMP) ## the floors of the package (import-linter)
	$(BIN)/lint-imports

tests: $(STAMP) ## the tests not marked slow; pass options with PYTEST_ARGS='-n 2 -k budget'
	$(BIN)/python -m tests.clients.environments --quick
	$(BIN)/python -m pytest $(PYTEST_ARGS)

clients: $(STAMP) ## clients of other frameworks on the endpoint, each in an environment of its own: 600 MB, and 10 minutes the first time
	$(BIN)/python -m tests.clients.environments
	$(BIN)/python -m pytest tests/clients -m 'slow or not slow'

docs: $(STAMP) ## the code blocks of README.md and docs/ alone
	$(BIN)/python -m pytest tests/test_docs_examples.py $(PYTEST_ARGS)

examples: $(STAMP) ## every script in examples/, which must run offline
	@set -e; for script in $(EXAMPLES); do \
		echo "$(BIN)/python $$script"; \
		HF_HUB_OFFLINE=1 MPLBACKEND=Agg $(BIN)/python $$script >/dev/null; \
	done

results: $(STAMP) ## docs/results.md, from the recorded banks at TTS_AGENT_BANKS: 15 minutes
	$(BIN)/tts-agent replay --suite --json out/replay.json --out out/replay
	cp out/replay/results.md out/replay/stream.png out/replay/summary.png docs/

clean: ## remove caches and build results
	rm -rf build dist .coverage htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## ... and .venv, .clients
	rm -rf $(VENV) .clients
