# Everything here runs in an environment of its own, which is made on first use.
PYTHON ?= python3
BIN := .venv/bin
PAGE_LINT := tools/page-lint

.DEFAULT_GOAL := help
.PHONY: help render check test test-slow test-lowest coverage browser-test screenshot lint mistakes rehearse-setup rehearse audit benchmark clean publish bucket-given

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
	$(BIN)/pytest --numprocesses auto --dist worksteal --quiet -m 'not slow'

test-slow: .venv/installed ## Run the tests that take longer: programs that they start, every example, very many cases
	$(BIN)/pytest --numprocesses auto --dist worksteal --quiet -m slow

# The test tools come first, at their usual versions; the second call takes back what they brought of ours.
# Without cfn-lint, which needs a newer PyYAML than we do: hence moto without its extra "server".
.venv-lowest/installed: pyproject.toml constraints.txt constraints-lowest.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 is needed here: make test-lowest PYTHON=python3.11" if sys.version_info[:2] != (3, 11) else 0)'
	$(PYTHON) -m venv --clear .venv-lowest
	PIP_CONSTRAINT=constraints.txt .venv-lowest/bin/pip install --quiet --disable-pip-version-check \
	    flask flask-cors hypothesis 'moto[s3,sts]' pytest pytest-xdist
	PIP_CONSTRAINT=constraints-lowest.txt .venv-lowest/bin/pip install --quiet --disable-pip-version-check --editable '.[aws]'
	.venv-lowest/bin/pip check
	touch $@

# Not those that need cfn-lint or policy-sentry, nor those that compare with the newest botocore.
LOWEST_TESTS := tests/test_contract.py tests/test_files.py tests/test_params.py tests/test_references.py \
    tests/test_settings.py tests/stacks/test_deployment_pipeline.py tests/cli/test_cli.py tests/launch/test_upload.py

test-lowest: .venv-lowest/installed ## Try the lowest versions of what the package needs, on Python 3.11
	.venv-lowest/bin/ecs-cd-templates render --check
	.venv-lowest/bin/pytest --numprocesses auto --quiet $(LOWEST_TESTS)

# Apart from make test, which measuring makes take nearly twice the time: Python 3.11 has no cheap way to do it.
coverage: .venv/installed ## Run the tests, and print how much of the package they run
	$(BIN)/pytest --numprocesses auto --quiet --cov

.venv/browser-installed: .venv/installed
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,browser]'
	touch $@

browser-test: .venv/browser-installed ## Run the tests of the launch page in Chromium
	tools/install_chromium.sh
	$(BIN)/pytest --numprocesses auto --quiet tests/page/browser

screenshot: .venv/browser-installed ## Write docs/launch-page.png
	tools/install_chromium.sh
	$(BIN)/python tools/screenshot.py

# In node_modules, so that whoever removes that gets it again.
$(PAGE_LINT)/node_modules/installed: $(PAGE_LINT)/package.json $(PAGE_LINT)/package-lock.json
	tools/install_node.sh
	cd $(PAGE_LINT) && npm ci --loglevel=error
	touch $@

lint: .venv/installed $(PAGE_LINT)/node_modules/installed ## Lint the templates in every region, and the code
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(PAGE_LINT)/node_modules/.bin/tsc --project $(PAGE_LINT)
	$(PAGE_LINT)/node_modules/.bin/eslint --config $(PAGE_LINT)/eslint.config.mjs --max-warnings 0 src/ecs_cd_templates/page
	PATH="$(CURDIR)/$(BIN):$$PATH" python tools/lint_templates.py

mistakes: .venv/installed ## Count how many mistakes in an edited template are found: by cfn-lint, cloudformation-validate and check
	$(BIN)/python tools/mistakes.py

IMAGES := build/images

rehearse-setup: .venv/installed ## Install what rehearsing takes, and make stand-ins for images where no registry is reached
	tools/install_engine.sh
	$(BIN)/python tools/stand_in_images.py $(IMAGES)

rehearse: .venv/installed ## Launch the quick start and run its pipelines on this machine, with both sample applications
	$(BIN)/ecs-cd-templates rehearse --app sample-app --engine buildah --images $(IMAGES) --approve
	$(BIN)/ecs-cd-templates rehearse --app examples/python-app --engine buildah --images $(IMAGES) --environment Dev

# checkov and parliament need versions of other packages than the rest, so they have an environment to themselves.
.venv-audit/installed: pyproject.toml constraints-audit.txt
	$(PYTHON) -m venv --clear .venv-audit
	PIP_CONSTRAINT=constraints-audit.txt .venv-audit/bin/pip install --quiet --disable-pip-version-check --editable '.[audit]'
	touch $@

audit: .venv-audit/installed ## Audit the templates with checkov, and the roles' policies with parliament
	.venv-audit/bin/python tools/audit.py

benchmark: .venv/installed ## Measure how rendering grows with the number of services
	$(BIN)/python benchmarks/many_services.py

publish: bucket-given .venv/installed ## Upload the templates: BUCKET=NAME, and PREFIX=… REGION=… if wanted
	$(BIN)/ecs-cd-templates publish --bucket '$(BUCKET)' $(if $(PREFIX),--prefix '$(PREFIX)') $(if $(REGION),--region '$(REGION)')

# Before the environment is made, which takes a while.
bucket-given:
	$(if $(BUCKET),@:,$(error BUCKET is missing: make publish BUCKET=NAME))

clean: ## Remove what the other targets made, except templates/
	rm -rf .venv .venv-audit .venv-lowest $(PAGE_LINT)/node_modules build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
