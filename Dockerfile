# The server in an image.  The base needs python3 (3.10 to 3.13) with venv and pip; BASE names another one.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements requirements
# Nothing is fetched but what is known by its hash, what makes wheels of sources included.
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt \
    && /opt/build/bin/pip wheel --require-hashes --only-binary :all: --no-binary txpostgres \
        --use-pep517 --no-build-isolation --wheel-dir /wheels -r requirements/image.txt
COPY setup.cfg setup.py MANIFEST.in LICENSE README.md ./
COPY ark ark
COPY twisted twisted
# Without pip inside: nothing is installed into what is shipped. What drivers exist is found once, here,
# because the file system is read-only later on; test programs and sources of extensions stay behind.
RUN /opt/build/bin/pip wheel --use-pep517 --no-build-isolation --no-deps --wheel-dir /wheels . \
    && python3 -m venv --without-pip /opt/ark \
    && python3 -m pip --python /opt/ark/bin/python install --no-index /wheels/*.whl \
    && find /opt/ark -depth \( -type d \( -name test -o -name tests \) -o -name '*.pyi' -o -name '*.pyx' \
        -o -name '*.c' -o -name '*.h' \) -exec rm -rf {} + \
    && /opt/ark/bin/python -c 'from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))' \
    && /opt/ark/bin/python -m compileall -q -j 0 /opt/ark/lib \
    && install -d -o 65532 -g 65532 -m 0750 /data

FROM ${BASE}
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ark-apiserver" \
    org.opencontainers.image.description="A Kubernetes API server for Ark's resources that keeps its data in SQL" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${BASE}"
ENV PATH=/opt/ark/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ARK_BIND_ADDRESS=0.0.0.0 \
    ARK_DB_PATH=/data/ark.db
COPY --from=build /opt/ark /opt/ark
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 6443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["ark-server", "healthz"]
ENTRYPOINT ["ark-server"]
