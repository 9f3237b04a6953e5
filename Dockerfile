# The dgnam server on port 7433, for a GPU:    docker build -t dgnam-server . && docker run --gpus all -p 7433:7433 dgnam-server
# or, several GB smaller, for the processor:   docker build -t dgnam-server --build-arg VARIANT=cpu .
# CUDA comes with PyTorch; the host needs only NVIDIA's driver and container toolkit. Settings are DGNAM_* variables or arguments.
# Tried without Docker by scripts/check-dockerfile, which knows no more of Dockerfiles than this one needs.
ARG BASE=python:3.11.14-slim-bookworm

# What the packages need, but not they themselves: a change of our code leaves these gigabytes as they are, here and where they are pulled.
FROM ${BASE} AS needs
ARG VARIANT=gpu
WORKDIR /source
RUN python -m venv /opt/dgnam
ENV PATH=/opt/dgnam/bin:$PATH PIP_CONSTRAINT=/source/constraints.txt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt ./
# The largest part first. PIP_CONSTRAINT pins its version.
# hadolint ignore=DL3013
RUN case "$VARIANT" in \
        gpu) pip install torch ;; \
        cpu) pip install torch --extra-index-url https://download.pytorch.org/whl/cpu ;; \
        *) echo "VARIANT is gpu or cpu, not $VARIANT" >&2; exit 1 ;; \
    esac
# Of each package only what says its name, version and needs.
COPY proto/pyproject.toml proto/README.md proto/LICENSE proto/
COPY proto/dgnam_proto/__init__.py proto/dgnam_proto/
COPY models/pyproject.toml models/README.md models/LICENSE models/
COPY models/dgnam_models/__init__.py models/dgnam_models/
COPY server/pyproject.toml server/README.md server/LICENSE server/
COPY server/dgnam_server/__init__.py server/dgnam_server/
RUN pip install ./proto "./models[imagenet,torchvision,onnx,$VARIANT]" "./server[tracing,postgresql,s3]" && \
    pip uninstall --yes dgnam-proto dgnam-models dgnam-server && \
    python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'dgnam.pth').write_text('/opt/packages\n')"

FROM needs AS packages
COPY proto proto
COPY models models
COPY server server
RUN pip install --no-deps --target /opt/packages ./proto ./models ./server

FROM ${BASE}
# The folders are made here so that a volume there belongs to the server's user: a new volume takes over what the image has.
RUN useradd --uid 10001 --create-home dgnam && \
    install --directory --owner=dgnam --group=dgnam /home/dgnam/.cache /home/dgnam/.local /home/dgnam/.local/state
COPY --from=needs /opt/dgnam /opt/dgnam
COPY --from=packages /opt/packages /opt/packages
ENV PATH=/opt/packages/bin:/opt/dgnam/bin:$PATH PYTHONUNBUFFERED=1 DGNAM_HOST=0.0.0.0 \
    DGNAM_PORT_FILE=/tmp/dgnam-server.port NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
WORKDIR /home/dgnam
EXPOSE 7433
STOPSIGNAL SIGTERM
# Asks the standard health service on the port that the server has written down, wherever it was set. Where TLS is turned on, give
# `docker run` a --health-cmd of your own.
HEALTHCHECK --interval=15s --timeout=5s --start-period=2m CMD ["python", "-c", "\
import os, pathlib, grpc; from grpc_health.v1 import health_pb2, health_pb2_grpc; \
port = pathlib.Path(os.environ['DGNAM_PORT_FILE']).read_text().strip(); \
health = health_pb2_grpc.HealthStub(grpc.insecure_channel('127.0.0.1:' + port)); \
raise SystemExit(health.Check(health_pb2.HealthCheckRequest(), timeout=4).status != health_pb2.HealthCheckResponse.SERVING)"]
ENTRYPOINT ["dgnam-server"]
