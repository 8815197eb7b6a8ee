# `make run` and `make test` are all you need; each installs what it lacks. `make help` lists the rest.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Stamps: an empty file each, newer than what it was made from.
STAMPS := .make
# S3 clients for the tests, in a virtualenv of their own: they pin packages that ours pins otherwise.
TOOLS  := .tools
# Zensical, which builds the documentation's site, and Mermaid, which draws the diagrams in it.
DOCS := .docs
# The second AWS emulator, for the tests as well: it pins a botocore of its own.
MINISTACK := .ministack

PAGE_SOURCES := $(shell find frontend/src frontend/public -type f 2>/dev/null) \
	frontend/index.html frontend/vite.config.ts frontend/tsconfig.json frontend/package.json \
	chalicelib/media_types.json chalicelib/version.py

# Python keeps what it compiled, whatever the shell says: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

# Tests on all processors.
FAST   := $(BIN)/pytest --numprocesses=logical --dist=worksteal --durations=10
# One process: these tests start local systems and browsers, which use all processors by themselves.
SYSTEM := $(BIN)/pytest --durations=10

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: install page ## Run Hoist on this machine (Ctrl-C stops it)
	@exec $(BIN)/python -m local

.PHONY: test
test: dev page browser tools ## Run all tests, the local system and the browsers included
	@$(MAKE) --no-print-directory lint page-tests fast-tests
	@$(MAKE) --no-print-directory ministack \
		|| echo "MiniStack was not installed: the tests that deploy into it are skipped" >&2
	$(SYSTEM) -m "system or browser"

.PHONY: check
check: dev page ## Lint, types, and the tests that need neither a server nor a browser and are not slow
	@$(MAKE) --no-print-directory lint page-tests quick-tests

# The parts of `make test` and `make check`, one after the other: the engine's tests need idle processors.
.PHONY: fast-tests quick-tests page-tests lint
fast-tests:
	$(FAST) -m "not system and not browser"

quick-tests:
	$(FAST) -m "not system and not browser and not slow"

page-tests:
	cd frontend && npm test --silent

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/prose.py
	$(BIN)/codespell *.md docs app.py chalicelib deploy local stage scripts frontend/src
	cd frontend && npm run --silent check

.PHONY: test-system
test-system: dev page tools ## Run the tests that start the local system and the emulators of AWS
	@$(MAKE) --no-print-directory ministack \
		|| echo "MiniStack was not installed: the tests that deploy into it are skipped" >&2
	$(SYSTEM) -m "system and not browser"

.PHONY: test-browser
test-browser: dev page browser ## Run the tests that drive browsers
	$(SYSTEM) -m browser

.PHONY: coverage
coverage: dev page ## Run the tests of `make check` and fail where they cover less than before
	$(FAST) -m "not system and not browser and not slow" --cov --cov-report=term:skip-covered

.PHONY: simulate
simulate: dev ## Simulate the asynchronous path: SEEDS=100000, FROM=, SEED=n for one run in detail, FAULT=H1
	@$(BIN)/python -m tests.simulation.runner $(if $(SEEDS),--seeds="$(SEEDS)") \
		$(if $(FROM),--from="$(FROM)") $(if $(SEED),--seed="$(SEED)") $(if $(FAULT),--fault="$(FAULT)")

.PHONY: hooks
hooks: dev ## Install the git hooks that run the linters before each commit
	@$(BIN)/pre-commit install

.PHONY: release
release: test ## Tag the version of chalicelib/version.py and build its archives in dist/
	@$(BIN)/python scripts/release.py

.PHONY: format
format: dev ## Format the code and fix what the linters can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd frontend && npm run --silent format

.PHONY: deploy
deploy: $(STAMPS)/python page ## Deploy a STAGE into AWS: REGION=…, EMAIL=…, SET="Parameter=value …", ONLY=step
	@$(BIN)/python -m deploy --stage "$(STAGE)" --region "$(REGION)" --email "$(EMAIL)" \
		--set "$(SET)" --only "$(ONLY)" $(if $(filter no,$(SMOKE)),--no-smoke)

.PHONY: destroy
destroy: $(STAMPS)/python ## Remove a STAGE from AWS after a question (YES=1: none); DELETE_UPLOADS=1 deletes its uploads too
	@$(BIN)/python -m deploy.destroy --stage "$(STAGE)" \
		$(if $(filter 1,$(YES)),--yes) $(if $(filter 1,$(DELETE_UPLOADS)),--delete-uploads)

.PHONY: status
status: $(STAMPS)/python ## Show what a STAGE has deployed, its drift (DRIFT=1: CloudFormation's view too), its failures
	@$(BIN)/python -m deploy.status --stage "$(STAGE)" $(if $(filter 1,$(DRIFT)),--drift)

.PHONY: smoke
smoke: $(STAMPS)/python ## Upload a small file and one in parts to a STAGE, or to the running local system, and check their outcomes
	@$(BIN)/python -m deploy.smoke --stage "$(or $(STAGE),local)"

.PHONY: logs
logs: $(STAMPS)/python ## Show the log lines of a STAGE: SINCE=1h, FOLLOW=1; UPLOAD=id for those of one upload
	@$(BIN)/python -m deploy.logs --stage "$(or $(STAGE),local)" --upload "$(UPLOAD)" \
		--since "$(SINCE)" $(if $(filter 1,$(FOLLOW)),--follow)

.PHONY: redrive
redrive: $(STAMPS)/python ## Send again what failed: STAGE=… and UPLOAD=id, ALL=failed or ALL=dead-letters
	@$(BIN)/python -m deploy.redrive --stage "$(or $(STAGE),local)" \
		$(if $(UPLOAD),--upload "$(UPLOAD)",$(if $(ALL),--$(if $(filter failed,$(ALL)),all-failed,$(ALL)),--help))

.PHONY: permissions
permissions: $(STAMPS)/python ## Print the IAM policies that a COMMAND (deploy, destroy, status, …) needs, for a STAGE
	@$(BIN)/python -m deploy.permissions $(if $(COMMAND),--command "$(COMMAND)",--help) \
		--stage "$(STAGE)" --region "$(REGION)"

.PHONY: policies
policies: $(STAMPS)/python ## Render .chalice/policies for a STAGE, before `chalice deploy`
	@$(BIN)/python -m deploy.steps.policies --stage "$(STAGE)"

.PHONY: destinations
destinations: $(STAMPS)/python ## Apply .chalice/destinations.json to a deployed STAGE
	@$(BIN)/python -m deploy.steps.destinations --stage "$(STAGE)"

.PHONY: api-gateway
api-gateway: $(STAMPS)/python ## Apply .chalice/api-gateway.json to a deployed STAGE
	@$(BIN)/python -m deploy.steps.api_gateway --stage "$(STAGE)"

.PHONY: audit
audit: dev ## Check for packages with known weaknesses, secrets that git would add, faults of the template
	@$(BIN)/python -m deploy.audit

.PHONY: cost
cost: $(STAMPS)/python ## Show what a month of uploads costs: FILES=1000 SIZE=100MB, DAYS=, DOWNLOADS=
	@$(BIN)/python -m deploy.cost $(if $(FILES),--files="$(FILES)") $(if $(SIZE),--size="$(SIZE)") \
		$(if $(DAYS),--days="$(DAYS)") $(if $(DOWNLOADS),--downloads="$(DOWNLOADS)")

.PHONY: corpus
corpus: $(STAMPS)/corpus/installed ## Make 1,600 real files of 370 formats into OUT=folder; HEADS=1 rewrites the heads for the tests
	@$(STAMPS)/corpus/bin/python -B bench/corpus/make.py $(if $(HEADS),--heads) \
		"$(or $(OUT),$(error OUT=folder says where the files go))"

.PHONY: clean
clean: ## Remove installed packages, built files, and the data of the local system
	rm -rf $(VENV) $(TOOLS) $(MINISTACK) $(DOCS) site $(STAMPS) frontend/node_modules frontend/dist .hoist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: install
install: $(STAMPS)/python $(STAMPS)/node ## Install what `make run` needs, where it is out of date

.PHONY: dev
dev: install $(STAMPS)/dev $(STAMPS)/wheels ## Install what the tests and linters need as well

.PHONY: page
page: frontend/dist/index.html ## Build the page

.PHONY: browser
browser: ## Install Chromium, Firefox and WebKit for the browser tests
	@scripts/browsers

.PHONY: tools
tools: $(STAMPS)/tools ## Install the S3 clients that the tests drive: AWS CLI, rclone, s5cmd, s3fs, minio

.PHONY: ministack
ministack: $(STAMPS)/ministack ## Install MiniStack, the second AWS emulator that the tests deploy into

.PHONY: picture
picture: dev page browser ## Record docs/page.gif, the picture in README
	$(BIN)/python scripts/picture.py

.PHONY: docs
docs: docs-tables $(STAMPS)/docs ## Build the documentation as a site, into site/
	@$(BIN)/python -m scripts.docs.site

.PHONY: docs-tables
docs-tables: dev ## Write the generated tables and charts of the documentation
	@$(BIN)/python -m scripts.docs

.PHONY: lock
lock: dev ## Lock the Python packages again
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock" \
		--upgrade requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock" \
		--upgrade --constraint requirements-dev.txt requirements-run.in -o requirements-run.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock" \
		--upgrade requirements-tools.in -o requirements-tools.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock" \
		--upgrade requirements-ministack.in -o requirements-ministack.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock" \
		--upgrade requirements-docs.in -o requirements-docs.txt
	@$(BIN)/python scripts/wheels.py

$(STAMPS)/python: requirements-run.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Hoist needs Python 3.11 or later: install it, or name it with PYTHON=…" >&2; exit 1; }
	@echo "Installing the Python packages (a minute, once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --requirement $<
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements-dev.txt | $(STAMPS)/python
	@echo "Installing the tools of the developers …"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --requirement $<
	@touch $@

$(STAMPS)/tools: requirements-tools.txt | $(STAMPS)/dev
	@echo "Installing the S3 clients for the tests …"
	@rm -rf $(TOOLS)
	@$(BIN)/uv venv --quiet --python $(BIN)/python $(TOOLS)
	@$(BIN)/uv pip install --quiet --python $(TOOLS)/bin/python --require-hashes --requirement $<
	@touch $@

$(STAMPS)/ministack: requirements-ministack.txt | $(STAMPS)/dev
	@echo "Installing MiniStack for the tests …"
	@rm -rf $(MINISTACK) $@
	@$(BIN)/uv venv --quiet --python $(BIN)/python $(MINISTACK)
	@$(BIN)/uv pip install --quiet --python $(MINISTACK)/bin/python --require-hashes --requirement $<
	@touch $@

$(STAMPS)/docs: requirements-docs.txt docs/mermaid/package-lock.json | $(STAMPS)/dev $(STAMPS)/node
	@echo "Installing what builds the documentation …"
	@rm -rf $(DOCS) $@
	@$(BIN)/uv venv --quiet --python $(BIN)/python $(DOCS)
	@$(BIN)/uv pip install --quiet --python $(DOCS)/bin/python --require-hashes --requirement $<
	@cp docs/mermaid/package*.json $(DOCS)
	@cd $(DOCS) && npm ci --loglevel=error --no-audit --no-fund
	@touch $@

# What `chalice deploy` packs, for its rehearsal, which reaches for nothing beyond this machine.
$(STAMPS)/wheels: requirements.txt | $(STAMPS)/python
	@rm -rf $@
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--requirement $< --dest $@
	@touch $@

# The tools that make real files are no part of the project: 2 GB, installed when they are asked for.
$(STAMPS)/corpus/installed: bench/corpus/requirements.txt
	@rm -rf $(@D) && mkdir -p $(STAMPS)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(STAMPS)/node: frontend/package.json frontend/package-lock.json
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(+(a < 20 || (a === 20 && b < 19)))' 2>/dev/null \
		|| { echo "Hoist needs Node.js 20.19 or later with npm: install it and try again" >&2; exit 1; }
	@echo "Installing the Node packages …"
	@cd frontend && npm ci --loglevel=error --no-audit --no-fund
	@mkdir -p $(STAMPS) && touch $@

frontend/dist/index.html: $(STAMPS)/node $(PAGE_SOURCES)
	@echo "Building the page …"
	@cd frontend && npm run --silent build
	@touch $@
