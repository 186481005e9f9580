# `make help` lists what there is to make. All of it lives in .venv; nothing is installed
# outside but the system packages that scripts/setup.sh names first.
#
#   PYTHON=python3.12   the Python to use; otherwise the first 3.10-3.13 that runs
#   TORCH=torch==2.9.0  another torch than constraints.txt pins
#   CUDA=1 | CUDA=0     the CUDA or the CPU build of torch; otherwise as the machine has a GPU
#   WORKERS=2           processes that share the tests of `make test` (`test-fast` has two)
#   TORCHBEND_COMPAT_PYTHON=/path/to/python   a torch 2.5 for `make compat`, not build/compat

SHELL := /bin/sh
BIN := .venv/bin
SETUP := PYTHON='$(PYTHON)' TORCH='$(TORCH)' CUDA='$(CUDA)' sh scripts/setup.sh
PYTEST = $(BIN)/python -m pytest $(if $(WORKERS),-n $(WORKERS) --dist loadgroup)
COMPAT := $(if $(TORCHBEND_COMPAT_PYTHON),,build/compat/stamp)
MADE := $(if $(EXPORTS),,build/exports/stamp)
LISTS := torchbend/interfaces/requirements
EXPORTERS := $(wildcard torchbend/*.py torchbend/*/*.py) scripts/make_exports.py tests/rave_bends.py \
	tests/operation_nets.py

.PHONY: help setup demo native test test-fast lint bench operations compat rave musicgen clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

setup: .venv/stamp-house ## create .venv with torch and torchbend in it
demo: .venv/stamp-house ## hear the built-in voice, its bends moving; files of it in demo/
	$(BIN)/torchbend demo -o demo

native: .venv/stamp-house ## the C++ host that plays files as nn~ does, and nn~ for our Pd
	@$(SETUP) native
	cmake -S . -B build/native -D TORCHBEND_PYTHON='$(CURDIR)/$(BIN)/python'
	cmake --build build/native --parallel 2

test: lint native .venv/stamp-musicgen build/exports/stamp ## everything: lint, types and all tests
	cmake build/native -D TORCHBEND_MODELS='$(CURDIR)/build/exports' >build/native/exports.log
	ctest --test-dir build/native --output-on-failure
	$(PYTEST)

test test-fast: WORKERS ?= 2
test-fast: native ## the day's tests, under three minutes: without RAVE and MusicGen
	$(PYTEST) -m "not slow and not rave and not musicgen"

lint: .venv/stamp-house ## ruff, and mypy --strict on an installed copy
	$(BIN)/ruff check .
	@rm -rf build/installed build/lib
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation \
	    --target build/installed .
	cd build/installed && ../../$(BIN)/mypy --config-file ../../pyproject.toml \
	    --cache-dir ../../.mypy_cache -p torchbend

bench: .venv/stamp-rave ## ratios measured side by side: bent to bare, files to RAVE's own
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/operations.py
	$(BIN)/python benchmarks/export.py
	$(BIN)/python benchmarks/files.py
	$(BIN)/python benchmarks/live.py

operations: .venv/stamp-house ## the names of all operations, their page in the manual, pictures
	$(BIN)/python scripts/make_operations.py

compat: .venv/stamp-rave $(COMPAT) $(MADE) ## exports in torch 2.5, nn~'s; EXPORTS="a.ts folder"
	$(BIN)/python scripts/compat.py $(or $(EXPORTS),build/exports)

rave: .venv/stamp-rave ## acids-rave, beside the torch in .venv
musicgen: .venv/stamp-musicgen ## audiocraft, beside the torch in .venv

clean: ## remove .venv and everything built
	rm -rf .venv build demo dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/stamp-torch: constraints.txt scripts/setup.sh
	@$(SETUP) venv
	@$(SETUP) torch
	@touch $@

.venv/stamp-house: .venv/stamp-torch pyproject.toml setup.py $(wildcard realtime/audio/native/*)
	@$(SETUP) system
	@echo "Installing torchbend and its tools."
	@$(BIN)/python -m pip install -qq -c .venv/constraints.txt \
	    -e '.[clusters,demo,lint,notebook,test]'
	@touch $@

.venv/stamp-rave: .venv/stamp-house $(wildcard $(LISTS)/rave*.txt)
	@echo "Installing RAVE."
	@$(BIN)/torchbend install rave
	@touch $@

.venv/stamp-musicgen: .venv/stamp-house $(wildcard $(LISTS)/musicgen*.txt)
	@echo "Installing AudioCraft."
	@$(BIN)/torchbend install musicgen
	@touch $@

# Files of every kind, for ctest and `make compat`.
build/exports/stamp: .venv/stamp-rave $(EXPORTERS)
	@echo "Exporting what ctest plays."
	@rm -rf build/exports
	@$(BIN)/python -W ignore scripts/make_exports.py build/exports
	@touch $@

# The CPU build where it can be had; otherwise whatever pip finds.
build/compat/stamp: scripts/setup.sh
	@PYTHON=$(BIN)/python SETUP_VENV=build/compat sh scripts/setup.sh venv
	@SETUP_VENV=build/compat TORCH=torch==2.5.1 CUDA=0 sh scripts/setup.sh torch || \
	    SETUP_VENV=build/compat TORCH=torch==2.5.1 CUDA=1 sh scripts/setup.sh torch
	@touch $@
