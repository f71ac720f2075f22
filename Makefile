PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs
CROISSANT_STAMP := $(VENV)/.installed-croissant
DEMO := demo
WORKERS := $(shell nproc 2>/dev/null || echo 1)

# Parallelism is over fields and tests; a library's own threads would only get in the way.
export OMP_NUM_THREADS := 1

.PHONY: help demo test test-long lint bench bench-gpu docs clean

help:
	@echo "make demo       generate a real dataset, augment it, prove and draw both, train a reader on it"
	@echo "make test       run the checks and the tests"
	@echo "make test-long  run the tests that take minutes"
	@echo "make lint       ruff and mypy"
	@echo "make bench      measure, and write docs/benchmarks.md"
	@echo "make bench-gpu  measure this machine's GPU, and write docs/benchmarks-gpu.md"
	@echo "make docs       build the documentation into docs/_build"
	@echo "make clean      remove what these commands made"

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[test]'
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/pip install -q -c constraints.txt -e '.[docs]'
	touch $@

$(CROISSANT_STAMP): $(STAMP)
	$(BIN)/pip install -q -c constraints.txt -e '.[croissant]'
	touch $@

demo: $(STAMP)
	$(BIN)/neuralviews generate digits --out $(DEMO)/digits
	$(BIN)/neuralviews verify $(DEMO)/digits --level regenerate --rows 16
	$(BIN)/neuralviews info $(DEMO)/digits
	$(BIN)/neuralviews show $(DEMO)/digits --out $(DEMO)/digits.png
	$(BIN)/neuralviews augment $(DEMO)/digits --plan aligned-mixup --copies 2 --out $(DEMO)/digits-mixup
	$(BIN)/neuralviews verify $(DEMO)/digits-mixup --parent $(DEMO)/digits --level regenerate --rows 256
	$(BIN)/neuralviews show $(DEMO)/digits-mixup --parent $(DEMO)/digits --out $(DEMO)/digits-mixup.png
	$(BIN)/neuralviews evaluate $(DEMO)/digits --reader sine-graph --views 1,2 --seeds 2 --steps 200
	$(BIN)/neuralviews report $(DEMO)/digits --evaluation $(DEMO)/digits.classify --out $(DEMO)/digits.html
	@echo
	@echo "stores     $(CURDIR)/$(DEMO)/digits and digits-mixup"
	@echo "galleries  $(CURDIR)/$(DEMO)/digits.png and digits-mixup.png"
	@echo "page       $(CURDIR)/$(DEMO)/digits.html: the fields, and what a reader learns from one view of them and from two"
	@echo "commands   . $(BIN)/activate, then neuralviews --help"

test: lint
	$(BIN)/pytest -n $(WORKERS) -m "not long"

test-long: $(CROISSANT_STAMP)
	$(BIN)/pytest -n $(WORKERS) -m long

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks.run

bench-gpu: $(STAMP)
	$(BIN)/python -m tests.benchmarks.gpu

docs: $(DOCS_STAMP)
	$(BIN)/sphinx-build -q -W -b html docs docs/_build

clean:
	rm -rf $(VENV) $(DEMO) docs/_build
