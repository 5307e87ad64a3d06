# Everything a person or a pipeline does with this repository.  `make` alone tells.

PYTHON  ?= $(shell for name in python3.13 python3.12 python3.11 python3.10 python3; do \
	command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	&& echo $$name && break; done)
VENV    ?= .venv
DATA    ?= ark-data
PREFIX  ?= /usr/local
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' ark/__init__.py)
IMAGE   ?= ark-apiserver:$(VERSION)
BUILDERS ?= docker podman buildah
SUITES  ?=
TOTALS  ?=
ARGS    ?=

BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
LIBRARY := $(DESTDIR)$(PREFIX)/lib/ark-apiserver
PACKAGE := setup.cfg setup.py MANIFEST.in LICENSE README.md ark twisted

.DEFAULT_GOAL := help
.PHONY: help dev test lint bench docs image lock sbom install uninstall clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '%-18s %s\n' "$$target" "$$text"; done

$(READY): setup.cfg setup.py
	@test -n "$(PYTHON)" || { echo "No Python 3.10 or newer was found. Install one, or say make PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		if command -v virtualenv >/dev/null 2>&1; then virtualenv -q -p $(PYTHON) $(VENV); else \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; fi; }
	@echo "Setting up $(VENV), a minute or two the first time"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' || { \
		echo "pip could not install what is needed: see above. It asks https://pypi.org, or the package index that" \
		"PIP_INDEX_URL or pip's configuration names. Where pysqlite3 has no wheel, as on Linux for ARM, it also wants" \
		"a compiler (Debian, Ubuntu: apt-get install gcc libc6-dev python3-dev libsqlite3-dev)." >&2; exit 1; }
	@touch $(READY)

dev: $(READY) ## Set up and run a server on ./ark-data, until Ctrl-C
	@mkdir -p $(DATA)
	@exec $(BIN)/ark-server serve --storage=sqlite --db-path=$(DATA)/ark.db $(ARGS)

test: $(READY) ## Set up and run all tests (SUITES="unit e2e" for some)
	@$(BIN)/python -m tests.run $(if $(TOTALS),--totals $(TOTALS)) $(SUITES)

lint: $(READY) ## Check style, types and layers
	$(BIN)/ruff check --config tests/ruff.toml ark tests twisted
	$(BIN)/ruff format --config tests/ruff.toml --check ark tests twisted
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg

bench: $(READY) ## Measure the hot modules, then the server against kube-apiserver with etcd (ARGS=storage for one, BACKEND=postgresql, MODE=aggregated)
	@BACKEND=$(BACKEND) MODE=$(MODE) $(BIN)/python -m tests.bench $(ARGS)

docs: $(READY) ## Make the generated pages, schema and manifests anew and check all pages
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.helm.kustomize
	$(BIN)/python -m twisted.trial tests.test_docs

image: ## Build the container image (ARGS="--build-arg BASE=..." for another base)
	@for builder in $(BUILDERS); do \
		command -v $$builder >/dev/null 2>&1 || continue; \
		$$builder info >/dev/null 2>&1 || { echo "$$builder is here but does not answer; trying the next." >&2; continue; }; \
		echo "Building $(IMAGE) with $$builder"; exec $$builder build -t $(IMAGE) --build-arg VERSION=$(VERSION) \
			--build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) $(ARGS) .; \
	done; echo "No image builder works here: install docker, podman or buildah." >&2; exit 1

lock: ## Pin anew, with hashes, what goes into the image (requirements/)
	@test -x build/lock/bin/python || $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check --upgrade uv
	build/lock/bin/python -m tests.helm.lock

sbom: ## Write what goes into the image to build/sbom.json, a bill of materials by CycloneDX
	@rm -rf build/sbom
	$(PYTHON) -m venv build/sbom/tool
	$(PYTHON) -m venv build/sbom/image
	build/sbom/tool/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom
	build/sbom/image/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements/image.txt
	build/sbom/image/bin/python -m pip install --quiet --disable-pip-version-check --no-deps .
	build/sbom/image/bin/python -m pip uninstall --quiet --yes pip setuptools
	build/sbom/tool/bin/cyclonedx-py environment --output-reproducible --validate --output-file build/sbom.json \
		build/sbom/image/bin/python
	@echo "Wrote build/sbom.json"

install: ## Install ark-server into PREFIX, in an environment of its own
	@test -n "$(PYTHON)" || { echo "No Python 3.10 or newer was found. Install one, or say make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(LIBRARY)
	@# From a copy: a build leaves files here, often root's, and takes along what an earlier one left.
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && cp -R $(PACKAGE) "$$copy" && \
		$(LIBRARY)/bin/python -m pip install --quiet --disable-pip-version-check "$$copy"
	@cd $(LIBRARY) && bin/python -c 'from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))'
	$(if $(DESTDIR),@sed -i '1s|^#!$(abspath $(DESTDIR))/|#!/|' $$(grep -lI '^#!$(abspath $(DESTDIR))/' $(LIBRARY)/bin/*))
	mkdir -p $(DESTDIR)$(PREFIX)/bin
	ln -sf $(PREFIX)/lib/ark-apiserver/bin/ark-server $(DESTDIR)$(PREFIX)/bin/ark-server
	@echo "Installed $(PREFIX)/bin/ark-server"

uninstall: ## Remove what `make install` put into PREFIX (databases stay)
	rm -rf $(LIBRARY)
	rm -f $(DESTDIR)$(PREFIX)/bin/ark-server

clean: ## Remove everything that was made here, except databases
	rm -rf $(VENV) build dist *.egg-info _trial_temp* .mypy_cache .ruff_cache .import_linter_cache .cache .tox
