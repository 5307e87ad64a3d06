# The server in an image.  The base needs python3 (3.10 to 3.13) with venv and pip; BASE names another one.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY setup.cfg setup.py MANIFEST.in LICENSE README.md ./
COPY ark ark
COPY twisted twisted
# Without pip inside: nothing is installed into what is shipped. What drivers exist is found once, here,
# because the file system is read-only later on; test programs and sources of extensions stay behind.
RUN python3 -m venv --without-pip /opt/ark \
    && python3 -m pip --python /opt/ark/bin/python install --only-binary :all: --no-binary txpostgres \
        '.[postgresql,mysql]' \
    && find /opt/ark -depth \( -type d \( -name test -o -name tests \) -o -name '*.pyi' -o -name '*.pyx' \
        -o -name '*.c' -o -name '*.h' \) -exec rm -rf {} + \
    && /opt/ark/bin/python -c 'from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))' \
    && /opt/ark/bin/python -m compileall -q -j 0 /opt/ark/lib \
    && install -d -o 65532 -g 65532 -m 0750 /data

FROM ${BASE}
LABEL org.opencontainers.image.title="ark-apiserver" \
    org.opencontainers.image.description="A Kubernetes API server for Ark's resources that keeps its data in SQL" \
    org.opencontainers.image.licenses="Apache-2.0"
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
