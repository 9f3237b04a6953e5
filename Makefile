# Every target sets up what it needs: `git clone`, then `make test`. PIP_ARGS goes to every pip call, for example
# make setup PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"    (PyTorch without its several GB of CUDA)
PYTHON ?= python3
PIP_ARGS ?=
GUIDED_S ?= 120
export PYTHON PIP_ARGS
# A shell that forbids bytecode would let every process, of which the tests start hundreds, compile PyTorch's modules anew.
unexport PYTHONDONTWRITEBYTECODE

PIP := .venv/bin/pip install -qq --no-compile --disable-pip-version-check $(PIP_ARGS) --constraint constraints.txt
READY := .venv/ready
# A process for each core: a test mostly waits, for a server, a child or a deadline. A file's tests share its fixtures.
WORKERS ?= --numprocesses auto --maxprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-all test-versions fuzz soak bench quality paper docs methods-page lint format proto proto-check check clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

setup: $(READY) ## Make .venv, or bring it up to date: the four packages, editable, and the tools

$(READY): requirements-dev.txt constraints.txt $(wildcard */pyproject.toml)
	@echo "Setting up .venv"
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation --requirement requirements-dev.txt
	@touch $@

.venv/ready-slow: $(READY) requirements-slow.txt
	@$(PIP) --no-build-isolation --requirement requirements-slow.txt
	@touch $@

demo: $(READY) ## From nothing to pictures in out/: start a server, ask it, stop it
	.venv/bin/python demo.py --out out

serve: $(READY) ## Run the server in the foreground; ARGS="..." for its options
	.venv/bin/dgnam-server $(ARGS)

test: $(READY) ## Run the tests; ARGS="-k word" and the like go to pytest
	.venv/bin/pytest $(WORKERS) $(ARGS)

test-all: .venv/ready-slow ## Run the slow tests too
	.venv/bin/pytest -m "" $(WORKERS) $(ARGS)

# What reads other people's files, and so meets what their libraries change.
IMPORTS := tests/models/importers tests/models/nets/test_torchvision.py tests/models/test_export.py tests/models/test_gate.py tests/server/test_imported.py
# What calls functions that PyTorch keeps for itself, and so meets what it changes.
LAYOUTS := tests/models/test_weight_layout.py tests/models/test_laid_out_maps.py tests/models/test_laid_out_attention.py tests/models/test_laid_out_chain.py tests/models/test_laid_out_up.py tests/models/nets/test_folding.py
# What computes with PyTorch and nothing else.
COMPUTES := tests/server/synth

test-versions: .venv-oldest/ready .venv-newest/ready ## Test imports, kernels and synthesis with the oldest and the newest PyTorch, torchvision and ONNX allowed
	.venv-oldest/bin/pytest $(IMPORTS) $(LAYOUTS) $(COMPUTES) $(ARGS)
	.venv-newest/bin/pytest $(IMPORTS) $(LAYOUTS) $(COMPUTES) $(ARGS)

.venv-%/ready: $(wildcard */pyproject.toml) scripts/oldest-versions
	@echo "Setting up .venv-$*"
	@test -x .venv-$*/bin/pip || $(PYTHON) -m venv .venv-$*
	@if [ $* = oldest ]; then scripts/oldest-versions; fi > .venv-$*/constraints.txt
	@.venv-$*/bin/pip install -qq --no-compile --disable-pip-version-check $(PIP_ARGS) hatchling editables
	@.venv-$*/bin/pip install -qq --no-compile --disable-pip-version-check $(PIP_ARGS) --no-build-isolation \
	  --constraint .venv-$*/constraints.txt --editable ./proto --editable ./client --editable "./models[torchvision,onnx,cpu]" \
	  --editable ./server pytest pytest-asyncio pytest-timeout hypothesis 'opencv-python-headless<5'
	@touch $@

fuzz: $(READY) ## Look for what breaks the server: random messages and files for half an hour; ARGS="-k pictures" for some
	.venv/bin/pytest tests/fuzz tests/e2e/fuzz --hypothesis-profile=long --timeout=0 $(ARGS)
	@.venv/bin/python -c "import atheris" 2>/dev/null || echo "atheris is not installed: no guided fuzzing"
	@! .venv/bin/python -c "import atheris" 2>/dev/null || for target in pictures caffe messages; do \
	  .venv/bin/python tests/fuzz/guided.py $$target $(GUIDED_S) || exit 1; done

soak: $(READY) ## Use a server hard for a long time while clients and servers are killed; ARGS="--minutes 60"
	.venv/bin/python tests/soak/soak.py $(ARGS)

bench: $(READY) ## Measure speed, as ratios in one run; ARGS="--device cuda" for a GPU. Wants a quiet machine
	.venv/bin/python tests/bench/bench.py $(ARGS)

quality: $(READY) ## Measure what the pictures are worth; VAL="held-out photographs" DATA="those trained on", ARGS="--help" for more
	.venv/bin/dgnam-models evaluate $(if $(VAL),--val $(VAL)) $(if $(DATA),--data $(DATA)) $(ARGS)
	$(if $(ARGS),,.venv/bin/dgnam-models evaluate --units @rare100 --judge efficientnet-lite2 --out out/quality/rare100)

paper: $(READY) ## Draw the published results with our networks; DATA, VAL and SCENES_VAL="photographs", ARGS="priors pairs" for only these
	.venv/bin/dgnam-models paper $(ARGS) $(if $(DATA),--data $(DATA)) $(if $(VAL),--val $(VAL)) $(if $(SCENES_VAL),--scenes-val $(SCENES_VAL))

docs: .venv-docs/ready ## Build the documentation's site into site/: open site/index.html
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet

.venv-docs/ready: docs/requirements.txt
	@echo "Setting up .venv-docs"
	@test -x .venv-docs/bin/pip || $(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/pip install -qq --no-compile --disable-pip-version-check $(PIP_ARGS) --requirement $<
	@touch $@

methods-page: $(READY) ## Write docs/reference/methods.md from what a server says of its methods
	page=$$(.venv/bin/python scripts/methods-page) && printf '%s\n' "$$page" > docs/reference/methods.md

lint: $(READY) ## Check style and types
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

format: $(READY) ## Format the code and sort its imports
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

proto: ## Regenerate the code of the .proto files and the record of the wire format, which may only grow
	scripts/buf breaking --against ../tests/golden/dgnam.v1.binpb
	scripts/generate-proto .
	scripts/record-wire .

proto-check: ## Check the .proto files with buf, and that the generated files are what they give
	scripts/check-proto

check: ## Run all that CI runs: lint, proto-check, test, docs
	.ci/run

clean: ## Remove the environments, caches and outputs that these targets made; runs/ stays
	rm -rf .venv .venv-oldest .venv-newest .venv-proto node_modules .venv-docs site .mypy_cache .ruff_cache .pytest_cache out dist */dist
	find proto client models server tests -name __pycache__ -type d -prune -exec rm -rf {} +
