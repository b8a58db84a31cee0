# syntax=docker/dockerfile:1
# Everything but jobs: the gateway, the Prefect server, `ecg deploy`, and the worker of batches and the reconciler.
# No model, no decoder. Build from the repository's root:
#   docker build -f deployments/docker/control.Dockerfile -t ecg-control:latest .
# All that is written is written below /scratch, so the root may be read-only. README.md beside this file says more.

FROM python:3.11-slim-bookworm AS build
ENV UV_LINK_MODE=copy
RUN pip install --no-cache-dir uv==0.13.9 && uv venv /opt/venv
COPY requirements-control.lock /opt/ecg/
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --python /opt/venv/bin/python --require-hashes --only-binary :all: --compile-bytecode \
    -r /opt/ecg/requirements-control.lock
COPY . /opt/ecg
# as a wheel: what is not package data is not there, here as for everybody who installs it
RUN uv pip install --python /opt/venv/bin/python --no-deps --compile-bytecode /opt/ecg && rm -f /opt/venv/.lock

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini=0.19.* \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin ecg \
    && install --directory --owner ecg --group ecg --mode 0700 /scratch
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ECG_GATEWAY_HOST=0.0.0.0 \
    ECG_WORK_DIR=/scratch/jobs \
    ECG_CACHE_DIR=/scratch/cache \
    ECG_LOG_FORMAT=json \
    TMPDIR=/scratch \
    PREFECT_HOME=/scratch/prefect \
    PREFECT_UI_STATIC_DIRECTORY=/scratch/prefect-pages \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=events,flow_runs \
    PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD=7776000 \
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=false \
    DO_NOT_TRACK=1
USER 10001:10001
VOLUME ["/scratch"]
EXPOSE 8080
# whether the gateway can take jobs; what runs another program here brings its own check
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/live', timeout=8)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "gateway"]
