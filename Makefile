# Each target sets up what it needs in .venv, from nothing but Python and make.
#   make demo PYTHON=python3.12          another interpreter
#   make demo ARGS="--data UTD-MHAD.zip"  other data
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST = $(BIN)/python -m pytest -n auto --dist worksteal -m '$(SELECTED)'
# A test that takes most of a minute or more is marked `slow`, and is left to `test-all`.
SELECTED = not slow
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# A build of torch for the CPU, where the index has one under this version. A JAX whose
# compiler knows the flags below: it ends at one it does not know.
TORCH ?= torch==2.13.0
JAX ?= jax==0.10.2
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-backends test-all test-oldest coverage mutants browser docs lint format clean

demo: $(VENV)/demo.stamp
	$(BIN)/python examples/quickstart.py $(ARGS)

test: $(VENV)/test.stamp
	$(PYTEST) $(ARGS)

test-backends: $(VENV)/backends.stamp
	$(ON_JAX) $(PYTEST) $(NUMERIC_CORE) $(ARGS)
	KERAS_BACKEND=torch OMP_NUM_THREADS=1 $(PYTEST) $(NUMERIC_CORE) $(ARGS)

test-all: SELECTED = slow or not slow
test-all: export TEST_WITH_XLA = 1
test-all: NUMERIC_CORE += $(BUILT_ON_IT)
test-all: test test-backends

# The oldest versions that setup.cfg allows. What these warn of is shown, and no error.
OLDEST := .venv-oldest
test-oldest: $(OLDEST)/test.stamp
	$(OLDEST)/bin/python -m pytest -n auto --dist worksteal -m '$(SELECTED)' \
		-W default::DeprecationWarning -W default::FutureWarning $(ARGS)

# Which lines no test runs. What TensorFlow traces in `Dataset.map` is not seen.
coverage: $(VENV)/test.stamp
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist worksteal -m '$(SELECTED)' $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered

# What can be changed in a module unnoticed: make mutants ARGS='transfer/gating/gates --sample 50'
mutants: $(VENV)/backends.stamp
	$(ON_JAX) PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m tests.reliability.mutants $(ARGS)

# Without a browser, the tests that look at pages skip. Debian and its kin, as root.
browser:
	command -v chromium >/dev/null || \
		(apt-get -qq update && apt-get -qq install --no-install-recommends chromium chromium-driver)

# Pages to read at build/site/index.html. The guides run while they are made.
docs: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

lint: $(VENV)/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/lint.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(OLDEST) *.egg-info build dist .mypy_cache .pytest_cache .ruff_cache

# What may differ between backends, and what is built on it and uses nothing else of them.
NUMERIC_CORE = tests/test_import.py tests/test_attention.py tests/metrics tests/transfer \
	tests/end_to_end/test_saving.py tests/end_to_end/test_training_options.py \
	keras_dcat/attention.py keras_dcat/transfer
BUILT_ON_IT = tests/test_contract.py tests/end_to_end/test_distribution.py \
	tests/end_to_end/test_scenarios_of_keras.py \
	tests/windows/test_normalization.py \
	tests/diagnosis tests/encoders tests/evaluation/test_rivals.py
# Programs of tests run for a moment: what a compiler spends on them is not won back,
# and many are the same, in other tests and the next time. AVX has no fused multiply-add,
# by which two programs that compute the same round it otherwise.
ON_JAX = KERAS_BACKEND=jax XLA_FLAGS='--xla_cpu_use_fusion_emitters=false --xla_cpu_max_isa=AVX \
	--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true' \
	JAX_COMPILATION_CACHE_DIR=$(CURDIR)/$(VENV)/compiled JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[demo]'
	touch $@

$(VENV)/test.stamp: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[test,micro]'
	touch $@

$(OLDEST)/test.stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST)/bin/python \
		--resolution lowest-direct --editable '.[test]'
	touch $@

$(VENV)/docs.stamp: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[docs]'
	touch $@

$(VENV)/backends.stamp: $(VENV)/test.stamp
	$(PIP) '$(JAX)' '$(TORCH)'
	touch $@

$(VENV)/lint.stamp: setup.cfg | $(VENV)/bin/python
	$(PIP) $$($(BIN)/python -c 'import configparser; c = configparser.ConfigParser(); c.read("setup.cfg"); print(c["options.extras_require"]["lint"])')
	touch $@
