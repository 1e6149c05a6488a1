# cameo3d as a service on a CPU, for a container that is not root and whose disk is read-only.
#
#     docker build -t cameo3d .
#     docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#         -p 127.0.0.1:7860:7860 -v cameo3d-data:/data -e CAMEO3D_TOKEN=SECRET cameo3d
#
# docs/service.md says how it was tried.
FROM python:3.11-slim

WORKDIR /opt/cameo3d
COPY requirements.lock requirements-torch.lock pyproject.toml README.md LICENSE NOTICE ./
# Without the tools of development.
RUN sed '/^# Development$/,/^# The official/d' requirements.lock > /tmp/run.lock \
    && pip install --no-cache-dir --no-deps -r requirements-torch.lock \
    && pip install --no-cache-dir --no-deps --require-hashes -r /tmp/run.lock
COPY src ./src
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

# Kernels are compiled now, and their cache is copied at the start to where it may be written.
ENV PYTHONDONTWRITEBYTECODE=1 HOME=/data MPLCONFIGDIR=/tmp
RUN NUMBA_CACHE_DIR=/opt/numba cameo3d demo --out /tmp/demo && rm -rf /tmp/demo /data && chmod -R a+rX /opt/numba \
    && useradd --system --uid 10001 cameo3d && install -d -o cameo3d -m 700 /data

ENV NUMBA_CACHE_DIR=/tmp/numba
USER cameo3d
VOLUME /data
EXPOSE 7860
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/v1/health', timeout=5)"]
# Signing keys are made in /data at the first start; give the token as $CAMEO3D_TOKEN.
CMD ["sh", "-c", "cp -r /opt/numba /tmp/numba && exec cameo3d serve --host 0.0.0.0 --data /data/service"]
