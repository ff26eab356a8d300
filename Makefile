# make demo    everything that the main job needs, without torch; then the main job on an embedded table
# make test    adds torch and the test tools; then every check
# make long    what takes minutes: every combination of rules, hundreds of random tables
# make coverage  which lines the tests run
# make native  rebuilds the C++ core in place, seconds after the first time
# Each step leaves a stamp in .venv, so that the second time costs nothing.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
JOBS ?= 2
BUDGET ?= 20

PY := .venv/bin/python
PIP := $(PY) -m pip install -q --disable-pip-version-check -c constraints.txt
STAMPS := .venv/.stamps
NATIVE := CMakeLists.txt $(shell find src/native -type f)
CMAKE = .venv/bin/cmake -S . -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/.venv/bin/ninja \
	-DPython_EXECUTABLE=$(CURDIR)/$(PY)

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test check native long coverage sanitize bench wheel clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(STAMPS)/package $(STAMPS)/native
	.venv/bin/manyfit train digits --budget $(BUDGET) --force -o build/digits.manyfit

# All checks run, also after one of them has failed; pytest is last, so that its summary is.
test: $(STAMPS)/torch $(STAMPS)/test $(STAMPS)/native
	@failed=; \
	.venv/bin/ruff check . || failed="$$failed ruff"; \
	.venv/bin/lint-imports || failed="$$failed import-linter"; \
	.venv/bin/pyrefly check || failed="$$failed pyrefly"; \
	$(PY) -m pytest -m "not gpu and not long" -n $(JOBS) --dist loadfile --durations 10 || failed="$$failed pytest"; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

native: $(STAMPS)/native

# The same kernels, built to stop at the first bad address or undefined operation.
sanitize: $(STAMPS)/torch $(STAMPS)/test
	$(CMAKE) -B build/sanitize -DMANYFIT_SANITIZE=address,undefined
	.venv/bin/cmake --build build/sanitize -j $(JOBS)
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
		$(PY) -m pytest -m "native and not gpu and not long" --core=build/sanitize tests

# Every combination of optimizers, schedules and penalties, where `make test` has every pair; hundreds of random tables: minutes.
long: $(STAMPS)/torch $(STAMPS)/test $(STAMPS)/native
	$(PY) -m pytest -m long -n $(JOBS)

# Which lines the tests run; counting them takes as long again as the tests.
coverage: $(STAMPS)/torch $(STAMPS)/test $(STAMPS)/native
	$(PY) -m pytest -m "not gpu and not long" -n $(JOBS) --dist loadfile --cov --cov-report term

bench: $(STAMPS)/torch $(STAMPS)/bench $(STAMPS)/native
	$(PY) -m benchmarks

wheel: $(STAMPS)/package
	$(PY) -m pip wheel --no-deps -w dist .

clean:
	rm -rf .venv build dist src/manyfit/_native*.so

$(STAMPS)/venv:
	$(PYTHON) -m venv .venv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/package: pyproject.toml constraints.txt | $(STAMPS)/venv
	$(PIP) -e ".[build]"
	@touch $@

$(STAMPS)/native: $(NATIVE) | $(STAMPS)/package
	@mkdir -p build
	$(CMAKE) -B build/native -DMANYFIT_INPLACE=ON > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	.venv/bin/cmake --build build/native -j $(JOBS)
	@touch $@

# Before anything that depends on it, and alone: an open range of torch downloads gigabytes.
$(STAMPS)/torch: constraints.txt | $(STAMPS)/venv
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	@touch $@

$(STAMPS)/test: pyproject.toml constraints.txt | $(STAMPS)/venv
	$(PIP) -e ".[build,test]"
	@touch $@ $(STAMPS)/package

$(STAMPS)/bench: pyproject.toml constraints.txt | $(STAMPS)/package
	$(PIP) -e ".[build,bench]"
	@touch $@
