# The dgnam server on port 7433, for a GPU:    docker build -t dgnam-server . && docker run --gpus all -p 7433:7433 dgnam-server
# or, several GB smaller, for the processor:   docker build -t dgnam-server --build-arg VARIANT=cpu .
# CUDA comes with PyTorch; the host needs only NVIDIA's driver and container toolkit. Settings are DGNAM_* variables or arguments.
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
ARG VARIANT=gpu
WORKDIR /source
RUN python -m venv /opt/dgnam
ENV PATH=/opt/dgnam/bin:$PATH PIP_CONSTRAINT=/source/constraints.txt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt ./
# The largest part first: it changes least, so a rebuild finds it done. PIP_CONSTRAINT pins its version.
# hadolint ignore=DL3013
RUN case "$VARIANT" in \
        gpu) pip install torch ;; \
        cpu) pip install torch --extra-index-url https://download.pytorch.org/whl/cpu ;; \
        *) echo "VARIANT is gpu or cpu, not $VARIANT" >&2; exit 1 ;; \
    esac
COPY proto proto
COPY models models
COPY server server
RUN pip install ./proto "./models[imagenet,torchvision,onnx,$VARIANT]" "./server[tracing]"

FROM ${BASE}
RUN useradd --uid 10001 --create-home dgnam
COPY --from=build /opt/dgnam /opt/dgnam
ENV PATH=/opt/dgnam/bin:$PATH PYTHONUNBUFFERED=1 DGNAM_HOST=0.0.0.0 \
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
