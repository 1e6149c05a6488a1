# make demo   let a portrait speak, into demo/
# make check  lint, and types and tests of what was touched since main
# make test   lint, types and every test
# make docs   the documentation as a site, in site/
# make release   wheel and source archive, checked and listed, in dist/
#
# PYTHON builds .venv; the first of these that is Python 3.11 to 3.13:
SUITABLE = import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c '$(SUITABLE)' 2>/dev/null && echo $$python && break; done)

BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo check test docs release install clean
.DEFAULT_GOAL := demo

demo: $(STAMP)
	@$(BIN)/cameo3d demo --out demo --overwrite
	@echo '$(BIN)/cameo3d studio opens the rest.'

check: $(STAMP)
	@$(BIN)/python tools/check_touched.py

test: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/pytest -n 2 --dist loadfile

docs: $(STAMP)
	@$(BIN)/python -m pip install --disable-pip-version-check -qq $$($(BIN)/python tools/extra.py docs)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

release: $(STAMP)
	@$(BIN)/python -m pip install --disable-pip-version-check -qq build
	$(BIN)/python tools/release.py

install: $(STAMP)

$(STAMP): requirements.lock requirements-torch.lock pyproject.toml
	@$(BIN)/python -c '$(SUITABLE)' 2>/dev/null || { \
		test -n "$(PYTHON)" || { echo 'cameo3d needs Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3.11' >&2; exit 1; }; \
		"$(PYTHON)" -c '$(SUITABLE)' || { echo '$(PYTHON) is not Python 3.11, 3.12 or 3.13, which cameo3d needs' >&2; exit 1; }; \
		echo 'Making .venv with $(PYTHON) ...'; "$(PYTHON)" -m venv --clear .venv; }
	@echo 'Installing the packages of requirements.lock, about a minute ...'
	@$(BIN)/python -m pip install --disable-pip-version-check -qq --no-deps -r requirements-torch.lock
	@$(BIN)/python -m pip install --disable-pip-version-check -qq --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check -qq --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf demo site .venv build dist
