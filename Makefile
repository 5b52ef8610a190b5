# Each target prints the plain commands that it runs and how long each took.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test compile-test frameworks-test faults browser-test pictures lint bench bench-deploy bench-trust bench-serving bench-hostile bench-lab build lab lock clean

PY := .venv/bin/python
UV := .venv/bin/uv
PYTEST := $(PY) -m pytest
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate --no-emit-index-url
FRAMEWORKS_TEST := .cache/frameworks/bin/python -m pytest tests/contracts/test_frameworks.py
ARGS ?=
TORCH = $(if $(wildcard .cache/frameworks/stamp),--frameworks .cache/frameworks/bin/python)

# $(call run,command): print it, run it, print the seconds it took.
run = @printf '\033[2m$$ %s\033[0m\n' "$(1)"; start=$$SECONDS; $(1); status=$$?; \
	printf '\033[2m\# %s s\033[0m\n' "$$((SECONDS - start))"; exit $$status

help:
	@echo 'make setup         an environment in .venv with everything below'
	@echo 'make demo          deploy the model of an example notebook and call it'
	@echo 'make test          all tests but those of `make faults`; ARGS="-k name" picks some'
	@echo 'make faults        tests that kill processes and fill disks, at a sample of points; FAULTS=all takes every point, FAULTS_SEED=7 the same'
	@echo 'make compile-test  tests that convert models to graphs of ONNX and let them take over'
	@echo 'make frameworks-test  tests of PyTorch, Keras, transformers, statsmodels and MLflow, in an environment of their own'
	@echo 'make browser-test  tests that drive JupyterLab and the endpoint'"'"'s page in Chromium'
	@echo 'make pictures      take the pictures of the documents anew'
	@echo 'make lint          ruff, mypy, tsc, eslint, prettier and stylelint'
	@echo 'make bench-deploy  the figures of a deploy, with peers beside them; ARGS="--seconds 10 --quick" for a short run'
	@echo 'make bench-trust   what a deploy costs as endpoints, releases, models and packages grow; ARGS=--quick for a short run'
	@echo 'make bench-serving what a request costs, with peers beside it; ARGS=--quick for a short run'
	@echo 'make bench-hostile what honest callers notice of slow ones and of overload; ARGS=--quick for a short run'
	@echo 'make bench-lab     what the panel, the widget and the server extension cost; ARGS=--quick for a short run'
	@echo 'make build         wheel and source archive in dist/'
	@echo 'make lab           JupyterLab with the examples'
	@echo 'make lock          remake requirements/*.txt from pyproject.toml; ARGS=--upgrade for newer versions'
	@echo 'make clean         remove everything that was made here'

setup: .venv/stamp .venv/front

.venv/stamp: pyproject.toml requirements/dev.txt requirements/bootstrap.txt requirements/setup.sh
	@bash requirements/setup.sh

.venv/front: .venv/stamp requirements/front.sh $(shell git ls-files labextension)
	@bash requirements/front.sh

demo: setup
	$(call run,$(PY) examples/demo.py $(ARGS))

test: setup
	$(call run,$(PYTEST) -m 'not faults and not cluster and not gpu and not browser and not frameworks and not compile' $(ARGS))

compile-test: setup
	$(call run,$(PYTEST) -m compile $(ARGS))

faults: setup
	@bash requirements/faults.sh
	$(call run,$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/lab.txt)
	$(call run,$(PYTEST) -m faults $(ARGS))

# TensorFlow apart: it and PyTorch's compiler each bring an LLVM of their own, and end a process that has both.
frameworks-test: setup .cache/frameworks/stamp
	$(call run,$(FRAMEWORKS_TEST) tests/frameworks -m 'frameworks and not tensorflow and not gpu' $(ARGS))
	$(call run,$(FRAMEWORKS_TEST) tests/frameworks/test_keras.py tests/frameworks/test_walks.py -m 'tensorflow and not gpu' $(ARGS))

.cache/frameworks/stamp: requirements/frameworks.txt pyproject.toml
	$(call run,$(UV) venv --quiet --allow-existing --python $(PY) .cache/frameworks)
	$(call run,$(UV) pip install --quiet --python .cache/frameworks/bin/python --require-hashes -r requirements/frameworks.txt)
	$(call run,$(UV) pip install --quiet --python .cache/frameworks/bin/python --no-deps --no-build-isolation --editable .)
	@touch $@

browser-test: setup
	@bash requirements/chromium.sh
	$(call run,$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/browser.txt)
	$(call run,$(PYTEST) tests/browser $(ARGS))

pictures: setup
	@bash requirements/chromium.sh
	$(call run,$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/browser.txt)
	$(call run,PICTURES=$(CURDIR)/docs/images $(PYTEST) tests/browser/test_pictures.py $(ARGS))

lint: setup
	$(call run,.venv/bin/ruff check .)
	$(call run,.venv/bin/ruff format --check .)
	$(call run,.venv/bin/mypy --strict jupyter_deploy)
	$(call run,cd labextension && PATH=$(CURDIR)/.venv/bin:$$PATH jlpm lint)

bench: bench-deploy bench-trust bench-serving bench-hostile bench-lab

bench-deploy: setup .cache/peers/stamp
	$(call run,$(PY) bench/deploy.py --peers .cache/peers/bin/python $(ARGS))

bench-trust: setup .cache/peers/stamp
	$(call run,$(PY) bench/trust.py --peers .cache/peers/bin/python $(ARGS))

bench-serving: setup .cache/peers/stamp .cache/mlserver/stamp
	@bash requirements/wrk.sh
	$(call run,$(PY) bench/serving.py --peers .cache/peers/bin/python --mlserver .cache/mlserver/bin/python $(TORCH) $(ARGS))

bench-hostile: setup
	$(call run,$(PY) bench/hostile.py $(ARGS))

bench-lab: setup
	@bash requirements/chromium.sh
	$(call run,$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/browser.txt)
	$(call run,$(PY) bench/lab.py $(ARGS))

.cache/peers/stamp: requirements/bench.txt
	$(call run,$(UV) venv --quiet --allow-existing --python $(PY) .cache/peers)
	$(call run,$(UV) pip install --quiet --python .cache/peers/bin/python --require-hashes -r requirements/bench.txt)
	@touch $@

.cache/mlserver/stamp: requirements/mlserver.txt
	$(call run,$(UV) venv --quiet --allow-existing --python $(PY) .cache/mlserver)
	$(call run,$(UV) pip install --quiet --python .cache/mlserver/bin/python --require-hashes -r requirements/mlserver.txt)
	@touch $@

build: setup
	$(call run,$(PY) -m build --no-isolation)

lab: setup
	$(call run,$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/lab.txt)
	$(call run,.venv/bin/jupyter lab --notebook-dir=examples $(ARGS))

lock: setup
	$(call run,$(COMPILE) --extra test --extra lint --extra build pyproject.toml -o requirements/dev.txt $(ARGS))
	$(call run,$(COMPILE) -c requirements/dev.txt pyproject.toml -o requirements/base.txt)
	$(call run,$(COMPILE) --extra test --extra build --extra frameworks -c requirements/dev.txt pyproject.toml -o requirements/frameworks.txt)
	$(call run,$(COMPILE) --extra lab -c requirements/dev.txt pyproject.toml -o requirements/lab.txt)
	$(call run,$(COMPILE) --extra browser -c requirements/dev.txt pyproject.toml -o requirements/browser.txt)
	$(call run,$(COMPILE) --group bootstrap -c requirements/dev.txt -o requirements/bootstrap.txt)
	$(call run,$(COMPILE) --group peers -o requirements/bench.txt)
	$(call run,$(COMPILE) --group mlserver -o requirements/mlserver.txt)

clean:
	$(call run,rm -rf .venv .cache labextension/node_modules labextension/lib jupyter_deploy/labextension jupyter_deploy/adapters/widgets/static build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis)
