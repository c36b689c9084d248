# syntax=docker/dockerfile:1
# dmlseg on a CPU: `docker compose up`, or see docs/docker.md.
FROM python:3.11-slim-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/dmlseg/bin:$PATH
WORKDIR /src
RUN python -m venv /opt/dmlseg
COPY requirements.txt requirements-dev.txt ./
# torch first and from its own index: PyPI's wheels carry CUDA, gigabytes that a CPU cannot use
RUN grep -E '^(torch|torchvision)==' requirements.txt > torch.txt \
    && grep -E '^mcp==' requirements-dev.txt > mcp.txt \
    && pip install --index-url https://download.pytorch.org/whl/cpu -r torch.txt \
    && pip install -r requirements.txt -r mcp.txt
COPY pyproject.toml README.md LICENSE app.py ./
COPY dmlseg_core dmlseg_core
COPY assets assets
COPY weights weights
RUN pip install --no-deps .

FROM python:3.11-slim-bookworm
# what opencv-python and HEIC need; versions are Debian's own, so that its fixes come in
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends --yes libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin dmlseg \
    && install --directory --owner dmlseg --group dmlseg /cache /photos
COPY --from=build /opt/dmlseg /opt/dmlseg
ENV PATH=/opt/dmlseg/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADIO_ANALYTICS_ENABLED=False \
    DMLSEG_CACHE=/cache/scenes \
    XDG_CACHE_HOME=/cache \
    MPLCONFIGDIR=/cache/matplotlib \
    NUMBA_CACHE_DIR=/cache/numba
USER 10001:10001
WORKDIR /photos
VOLUME ["/cache"]
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/api/v1/health', timeout=4)"]
ENTRYPOINT ["dmlseg"]
CMD ["app", "--host", "0.0.0.0", "--port", "7860", "--no-inbrowser"]
