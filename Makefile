# Every target sets up what it needs in .venv; a fresh clone wants python3 and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench coverage screenshots soak protos constraints clean

demo: .venv/installed
	$(BIN)/python demo.py

test: .venv/installed
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/installed
	$(BIN)/python -m benchmarks

# Every layer and network, exported by Keras and by us: prints a table.
coverage: .venv/installed
	@$(BIN)/python -m benchmarks.coverage

# Pictures of the server's page for the docs, of the models that `make demo` leaves.
screenshots: .venv/installed
	$(BIN)/python -m docs.screenshots models

# Hours of trials against a live server; Ctrl-C and again goes on. Prints a table.
soak: .venv/installed
	@$(BIN)/python -m tests.soak

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "keras-models needs Python 3.11 or newer; name one with: make PYTHON=python3.11" >&2; exit 2; }
	@echo "Installing into .venv (TensorFlow is large: about two minutes, once)" >&2
	@$(PYTHON) -m venv .venv || \
	  { echo "python3 cannot make virtual environments: install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Compiles serving's messages into the one file that it reads.
protos: .venv/installed
	$(BIN)/python -m grpc_tools.protoc --proto_path serving/wire/protos --include_imports \
	  --descriptor_set_out serving/wire/protos/descriptors.bin serving/wire/protos/*.proto

# Writes down the versions that were just tested; no index addresses.
constraints: .venv/installed
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

clean:
	rm -rf .venv runs models
