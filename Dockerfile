# Hashpost in containers: `docker build .` gives the message service, `--target receiver` and `--target sender` the two
# ends of the file drop, `--target test` runs the unit tests and nothing more. docs/install.md has the rest.

# Debian's stable release; 12 works as well: --build-arg DEBIAN=bookworm
ARG DEBIAN=trixie

FROM debian:${DEBIAN}-slim AS build
WORKDIR /src
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# The packages by themselves, so that a change in the sources installs none again.
COPY service/deps.sh service/
RUN service/deps.sh build --packages libcppunit-dev
COPY Makefile ./
COPY service/settings.table service/
COPY lib lib
COPY store store
COPY fcgi-worker fcgi-worker
COPY file-sender file-sender
RUN make -j"$(nproc)" build/release/hashpost-worker build/release/hashpost-sender

FROM build AS test
COPY tests/unit tests/unit
COPY tests/interop/vectors tests/interop/vectors
RUN make -j"$(nproc)" build/release/unit-tests \
    && build/release/unit-tests \
    && mkdir /tested \
    && install -s -t /tested build/release/hashpost-worker build/release/hashpost-sender
# The packages of the libraries that they load, whose names differ between releases.
RUN ldd /tested/* | sed -nE 's|.* => (/[^ ]+) .*|\1|p' | sort -u | xargs readlink -f | sed -E 's|.*(/[^/]+/)|*\1|' | xargs dpkg -S \
        | cut -d : -f 1 | sort -u >/libraries

FROM debian:${DEBIAN}-slim AS runtime
WORKDIR /opt/hashpost
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
COPY service/deps.sh service/
COPY --from=test /libraries /tmp/
# apache2-bin asks for perl because of two scripts that nobody calls here; its modules are a third of what is installed.
RUN printf 'path-exclude=%s\n' '/usr/share/perl/*' '/usr/lib/*/perl/*' >/etc/dpkg/dpkg.cfg.d/without-perl-modules \
    && service/deps.sh serve --packages $(</tmp/libraries) tini \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt
# Everything runs as this user. Files of the drop belong to it, so whoever mounts folders of theirs may want its number.
ARG HASHPOST_UID=10001
RUN groupadd --non-unique --gid "$HASHPOST_UID" hashpost \
    && useradd --non-unique --uid "$HASHPOST_UID" --gid hashpost --no-create-home --no-log-init \
        --home-dir /var/lib/hashpost --shell /usr/sbin/nologin hashpost \
    && install -d -o hashpost -g hashpost -m 0700 /var/lib/hashpost /run/secrets \
    && install -d -o hashpost -g hashpost -m 0750 /run/hashpost /run/hashpost/logs \
        /usr/src/app-receiver/output /usr/src/app-sender/input /usr/src/app-sender/status-db
COPY supervisord.conf ./
COPY certs certs
COPY httpd-conf httpd-conf
COPY service service
COPY packaging/container packaging/container
# From the stage of the tests: an image whose tests fail is never made.
COPY --from=test /tested build/release
ENV HASHPOST_HOME=/run/hashpost \
    HASHPOST_DATA=/var/lib/hashpost/data \
    HASHPOST_CERT=/var/lib/hashpost/certs/localhost.pem \
    HASHPOST_KEY=/var/lib/hashpost/certs/localhost.key
USER hashpost
# tini is process 1: it hands signals on and reaps what others leave behind.
ENTRYPOINT ["/usr/bin/tini", "--"]
# supervisord ends the front gracefully, then the workers.
STOPSIGNAL SIGTERM

# The sender is one process; the engine starts it again.
FROM runtime AS sender
ENV INPUT_DIR=/usr/src/app-sender/input \
    STATUS_DB_PATH=/usr/src/app-sender/status-db \
    ENCRYPTION_KEY=/run/secrets/encryption_key \
    RECEIVER_PORT=8080
VOLUME ["/usr/src/app-sender/status-db"]
CMD ["build/release/hashpost-sender"]

# The receiver is the same service; messages are for the container itself only.
FROM runtime AS receiver
ENV OUTPUT_DIR=/usr/src/app-receiver/output \
    DECRYPTION_KEY=/run/secrets/decryption_key \
    SERVER_IP=0.0.0.0 \
    SERVER_PORT=8080
VOLUME ["/var/lib/hashpost", "/run/hashpost/logs"]
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=5 CMD ["packaging/container/is-ready"]
CMD ["packaging/container/start"]

FROM runtime AS hashpost
# The container's own address, which the engine publishes or not. DELETE is refused unless HASHPOST_EXPOSED=no says that
# nobody else gets there, or there is a password file.
ENV HASHPOST_LISTEN=0.0.0.0
VOLUME ["/var/lib/hashpost", "/run/hashpost/logs"]
EXPOSE 5000
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=5 CMD ["packaging/container/is-ready"]
CMD ["packaging/container/start"]
