# eventlake as an image: numeric user, no shell in the way, read-only root file system.
#
#     docker build -t eventlake:0.1.0 .
#
#   build   python:slim      image.txt by hash -> /opt/eventlake
#     |                      sources + build.txt -> wheel -> /opt/eventlake
#   image   python:slim      /opt/eventlake, nothing else

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/ requirements/
# Dependencies first: this layer changes only with the lock.
RUN ["python", "-m", "venv", "/opt/eventlake"]
RUN ["/opt/eventlake/bin/pip", "install", "--require-hashes", "-r", "requirements/image.txt"]
RUN ["python", "-m", "venv", "/opt/build"]
RUN ["/opt/build/bin/pip", "install", "--require-hashes", "-r", "requirements/build.txt"]
COPY pyproject.toml README.md LICENSE ./
COPY etl/ etl/
COPY sql/ sql/
COPY deploy/ask/ deploy/ask/
RUN ["/opt/build/bin/python", "-m", "hatchling", "build", "-t", "wheel", "-d", "/dist"]
RUN ["/opt/eventlake/bin/pip", "install", "--no-deps", "--no-index", "--find-links", "/dist", "eventlake"]

FROM python:${PYTHON}-slim
COPY --from=build /opt/eventlake /opt/eventlake
# A number, because runAsNonRoot cannot check a name. Nobody owns anything in the image.
USER 65532:65532
# DuckDB spills to the working directory; /tmp is the one place that a read-only root leaves.
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
ENTRYPOINT ["/opt/eventlake/bin/eventlake"]
CMD ["--help"]
