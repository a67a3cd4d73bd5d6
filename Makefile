# Everything runs in .venv, which the first call makes. Needs Python >= 3.10, make and a package registry.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= auto
BEAM := $(shell sed -n 's/^apache-beam==//p' constraints.txt)
OTHER_STAGES := training with_tensorflow real_stores real_engines
ENGINES := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mixup-pipeline/engines

.PHONY: demo test quick lint types tests engines lock pictures bench clean

demo: $(VENV)/runtime  ## Run the main job on the bundled real sample, verify it and show what was made.
	@rm -rf demo
	$(BIN)/mixup-augment --src mnist_sample --alpha 0.2 --out demo/shards
	$(BIN)/mixup-verify demo/shards --against mnist_sample
	$(BIN)/mixup-inspect demo/shards --preview demo/preview.png --html demo/page.html
	@ls -l demo demo/shards

test: lint types tests  ## Lint, check types, run all tests.

quick: lint types  ## For daily work: all tests that are not marked slow, in about a minute.
	$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup -m 'not slow'

lint: $(VENV)/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/development
	$(BIN)/mypy

# Engines mostly wait for clusters, so their tests run beside the others; what they print comes last.
# Tests that import TensorFlow run apart, for the reason in tests/conftest.py, and so do those of stores.
# Those of GCS and of engines are skipped without `make engines`.
tests: $(VENV)/development
	@log=$$(mktemp); $(BIN)/pytest tests/real_engines > $$log 2>&1 & engines=$$!; code=0; \
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(OTHER_STAGES:%=--ignore tests/%) || code=1; \
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup tests/training tests/with_tensorflow || code=1; \
	$(BIN)/pytest -n $(WORKERS) tests/real_stores || code=1; \
	wait $$engines || code=1; cat $$log; rm $$log; exit $$code

# Prism and the stand-in for Google Cloud Storage need Go, the Flink job server Maven and Java.
engines: $(ENGINES)/prism $(ENGINES)/fake-gcs-server $(ENGINES)/flink-job-server.jar  ## Build what the tests of engines and stores run.

$(ENGINES)/prism: constraints.txt
	GOBIN=$(ENGINES) go install github.com/apache/beam/sdks/v2/go/cmd/prism@v$(BEAM)
	@touch $@

$(ENGINES)/fake-gcs-server: Makefile
	GOBIN=$(ENGINES) go install github.com/fsouza/fake-gcs-server@v1.56.1
	@touch $@

$(ENGINES)/flink-job-server.jar: pipelines/flink/pom.xml
	mvn --batch-mode --quiet --file $< -Dinto=$(ENGINES) package
	@rm -rf $(ENGINES)/build

lock: $(VENV)/development  ## Choose the newest versions anew and write constraints.txt.
	@echo '# Exact versions for every Python from 3.10 on; made by `make lock`.' > constraints.new
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.10 --no-header --no-annotate --no-emit-index-url \
	  --extra dev pyproject.toml >> constraints.new
	mv constraints.new constraints.txt

pictures: $(VENV)/development  ## Make the pictures of README anew; needs Chromium.
	$(BIN)/python scripts/make_pictures.py
	$(BIN)/python scripts/make_photo_pictures.py

bench: $(VENV)/development  ## Speed and memory beside the peers: make bench DATA_DIR=folder with the prepared mnist.
	$(BIN)/python benchmarks/augment.py --data-dir $(DATA_DIR)
	$(BIN)/python benchmarks/look.py --data-dir $(DATA_DIR)
	$(BIN)/python benchmarks/train.py --data-dir $(DATA_DIR)
	$(BIN)/python benchmarks/stores.py

clean:
	rm -rf $(VENV) demo build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo 'Python >= 3.10 is needed: make PYTHON=python3.11 ...'; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo 'The venv module of $(PYTHON) is needed (on Debian: python3-venv).'; exit 1; }
	@touch $@

$(VENV)/runtime: $(VENV)/python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/development: $(VENV)/python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/runtime
