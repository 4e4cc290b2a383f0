# Everything runs in a virtual environment inside this folder; it is built once, and again when the
# requirements change. No make? The README gives the plain commands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LABCONFIG := $(VENV)/etc/jupyter/labconfig
PRESET ?= tour
SPLIT ?= valid
NETWORKS ?= pretrained
RECIPES ?= classic before tour best
SEEDS ?= 0

.DEFAULT_GOAL := help
.PHONY: help run train notebook panel test test-slow lint dataset images outputs evaluate pretrained phrases speedrun bench bench-harmonize scaling gallery clean clean-runs

help:            ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

run: $(VENV)/lesson             ## Run the whole lesson and say where the page, MIDI and sound are (PRESET=tour)
	$(BIN)/python -m utils.run_notebook --preset $(PRESET) $(if $(ITERATIONS),--iterations $(ITERATIONS))

train: $(VENV)/lesson           ## The same as a job: progress in lines (PRESET= ITERATIONS= DATA= VALID= TENSORBOARD=folder)
	$(BIN)/python -m utils.run_notebook --job --preset $(PRESET) $(if $(ITERATIONS),--iterations $(ITERATIONS)) \
		$(if $(DATA),--data $(DATA)) $(if $(VALID),--valid $(VALID)) $(if $(TENSORBOARD),--tensorboard $(TENSORBOARD))

notebook: $(VENV)/lesson        ## Open the lesson in JupyterLab
	$(BIN)/jupyter lab notebook.ipynb

panel: $(VENV)/lesson           ## Open the instrument in the browser: a melody in, four voices to hear, change and keep (PORT=)
	$(BIN)/python -m utils.harmonize --panel $(if $(PORT),--port $(PORT))

test: $(VENV)/development       ## Run the tests on all cores, then those that need the machine to themselves
	$(BIN)/python -m pytest -m 'not slow and not alone' --numprocesses logical --maxprocesses 4
	$(BIN)/python -m pytest -m 'alone and not slow'

test-slow: $(VENV)/development  ## Run the tests that take minutes each: workers that die, hosts, requirements
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/development       ## Check style, notebook included
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

dataset: $(VENV)/lesson         ## Rebuild dataset/ and original_midi/ from music21's corpus
	$(BIN)/python -m utils.dataset_utils

images: $(VENV)/lesson          ## Draw images/ again, from the real networks
	$(BIN)/python -m images.draw

outputs: $(VENV)/development    ## Run the lesson and commit-ready store its outputs in both editions
	$(BIN)/python -m utils.lesson.publish

evaluate: $(VENV)/lesson        ## Measure networks beside Bach (SPLIT=valid NETWORKS=pretrained)
	$(BIN)/python -m utils.evaluation_utils --split $(SPLIT) --networks $(NETWORKS)

pretrained: $(VENV)/lesson      ## Train the shipped networks from nothing, and the classic recipe (two hours)
	$(BIN)/python -m pretrained.make

phrases: $(VENV)/lesson         ## Fit the model that guesses where phrases of a melody end (half a minute)
	$(BIN)/python -m pretrained.make_phrases

speedrun: $(VENV)/lesson        ## Train recipes side by side and tell how soon they listen (RECIPES="tour before" SEEDS="0 1 2")
	$(BIN)/python -m pretrained.speedrun $(RECIPES) --seeds $(SEEDS)

bench: $(VENV)/benchmark        ## Time training against two ports and the arithmetic (ten minutes)
	$(BIN)/python -m tests.benchmarks.bench

bench-harmonize: $(VENV)/lesson ## Time arrangements of one minute to an hour of melody (five minutes)
	$(BIN)/python -m tests.benchmarks.harmonize

gallery: $(VENV)/lesson         ## Arrange the tunes of dataset/gallery/ again
	$(BIN)/python -m dataset.make_gallery

scaling: $(VENV)/benchmark      ## Compare replicas and shards with one device: equality, rates, memory (ten minutes)
	$(BIN)/python -m tests.benchmarks.scaling
	$(BIN)/python -m tests.benchmarks.shards

clean:           ## Remove the virtual environment and what tools have left; trained runs stay
	rm -rf $(VENV) .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

clean-runs:      ## Remove everything that runs have made (asks first)
	@test -d Experiments || { echo "There are no runs."; exit 0; }; \
		du -sh Experiments/2Bar/* 2> /dev/null || true; \
		printf 'Delete Experiments/, all trained networks of your own in it? Type yes: '; read answer; \
		if [ "$$answer" = yes ]; then rm -rf Experiments; else echo "Nothing was deleted."; fi

$(VENV)/lesson: requirements.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}. Name another: make PYTHON=python3.11")'
	@echo "Installing into $(VENV): about 3 GB and a few minutes, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	@# JupyterLab is not to ask about news, nor to look for updates: the lesson works offline.
	mkdir -p $(LABCONFIG)
	echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}' \
		> $(LABCONFIG)/default_setting_overrides.json
	touch $@

$(VENV)/development: $(VENV)/lesson requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	touch $@

$(VENV)/benchmark: $(VENV)/lesson requirements-bench.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-bench.txt
	touch $@
