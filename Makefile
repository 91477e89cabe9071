# Everything here runs in an environment of its own, which is made on first use.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help render check test lint clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The constraints pin every version, those of the build's own requirements too.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

render: .venv/installed ## Write templates/
	$(BIN)/ecs-cd-templates render

check: .venv/installed ## Fail if templates/ is not what render writes
	$(BIN)/ecs-cd-templates render --check

test: .venv/installed ## Run the tests
	$(BIN)/pytest --numprocesses auto --quiet

lint: .venv/installed ## Lint the templates in every region, and the code
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" python tools/lint_templates.py

clean: ## Remove what the other targets made, except templates/
	rm -rf .venv build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
