# make reproduce: the whole study on the phantom cohort. make test: most tests, make test-all: every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NEWEST := .venv-newest/bin
SNAKEMAKE := $(BIN)/snakemake
REPORT := results/report.html

.PHONY: reproduce demo docs transfer dsa weights test test-all newest validators release chaos gpu lint format rulegraph reference benchmarks clean

reproduce: $(VENV)/ready
	@$(BIN)/python -m compileall -q workflow/scripts # once, not by each job where Python writes no bytecode
	$(SNAKEMAKE)
	@if [ ! -f $(REPORT) ] || [ -n "$$(find results/tables results/figures workflow/report -newer $(REPORT) -type f | head -n 1)" ]; then $(BIN)/python tools/report.py; fi
	@$(BIN)/python tools/where_to_look.py

demo: $(VENV)/ready # the same on a few coarse phantoms, in demo/: docs/tutorial.md
	$(SNAKEMAKE) --configfile config/demo.yaml --directory demo
	@$(BIN)/python tools/report.py --configfile config/demo.yaml --directory demo
	@$(BIN)/python tools/where_to_look.py demo

docs: $(VENV)/ready # the documents as a site: site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "open site/index.html"

transfer: $(VENV)/ready # the study's models on the patients of config/transfer.yaml
	$(SNAKEMAKE) transfer --configfile config/transfer.yaml

dsa: reproduce # the study on line integrals of a C-arm (config/dsa.yaml), beside the paper's
	$(SNAKEMAKE) --configfile config/dsa.yaml --directory dsa

weights: $(VENV)/ready # the network of resources/angiogram_network anew: hours on two cores; goes on where it was stopped
	$(BIN)/python tools/angiogram_weights.py

test: $(VENV)/ready # in minutes, without root
	$(BIN)/python -m pytest

test-all: $(VENV)/ready # and a SLURM cluster, kills, full disks, damaged files
	$(BIN)/python -m pytest -m ""

newest: # the newest of everything in a second environment, what differs from the lock, and most tests
	$(PYTHON) -m venv --clear .venv-newest
	$(NEWEST)/python -m pip install --quiet --disable-pip-version-check $$($(NEWEST)/python tools/requirement_names.py)
	$(NEWEST)/python -m pip freeze --disable-pip-version-check | diff --ignore-case requirements.lock - || true
	$(NEWEST)/python -m pytest

validators: # programs that judge exports, in an environment of their own: one wants a rich older than the lock's
	$(PYTHON) -m venv --clear .venv-validators
	.venv-validators/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-validators.lock

release: $(VENV)/ready # TAG=v0.1.0: checks that it may be released; its notes and the wheel into dist/
	$(BIN)/python tools/release_notes.py $(TAG)
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

chaos: $(VENV)/ready # kills jobs and Snakemake at random; about 10 minutes
	$(BIN)/python tests/robustness/chaos.py --kills 50

gpu: # at most 8 minutes on a machine with a CUDA card and PyTorch; needs no network
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) benchmarks/on_gpu.py

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

format: $(VENV)/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

$(VENV)/ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "angiovox needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib || true # on all cores, where pip takes one; some files are of Python 2
	@touch $@

reference: $(VENV)/ready # docs/methods, and tables of docs/assumptions.md, docs/phantoms.md and config/README.md, from code and schema
	$(BIN)/python tools/assumption_tables.py
	$(BIN)/python tools/config_reference.py
	$(BIN)/python tools/method_pages.py

rulegraph: $(VENV)/ready # needs Graphviz
	$(BIN)/snakemake --rulegraph 2>/dev/null | dot -Tsvg > docs/rulegraph.svg

benchmarks: $(VENV)/ready
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/chain.py
	$(BIN)/python benchmarks/torch_operators.py
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/phantoms.py
	$(BIN)/python benchmarks/demand.py
	$(BIN)/python benchmarks/read_series.py --write
	$(BIN)/python tests/robustness/fuzz_dicom.py --cases 20000 --seed 2718 --write
	$(BIN)/python benchmarks/cluster.py

clean:
	rm -rf results logs .snakemake
