# callctl alone: Asterisk and Postgres are elsewhere (compose.yaml shows how they meet).
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY callctl callctl
RUN python -m venv /opt/callctl && /opt/callctl/bin/pip install --no-cache-dir .

FROM python:3.11-slim-bookworm
# What speaks the texts of prompts.
RUN apt-get update && apt-get install -y --no-install-recommends espeak-ng && rm -rf /var/lib/apt/lists/*
# The ids are fixed, so that folders shared with Asterisk can be given to them.
RUN groupadd --gid 5080 callctl \
 && useradd --uid 5080 --gid callctl --home-dir /var/lib/callctl --create-home --shell /usr/sbin/nologin callctl \
 && install -d -o callctl -g callctl -m 0750 /run/callctl /etc/callctl \
 && install -d -o callctl -g callctl -m 0755 /etc/asterisk/callctl.d /var/lib/callctl/sounds
COPY --from=build /opt/callctl /opt/callctl
ENV PATH=/opt/callctl/bin:$PATH PYTHONUNBUFFERED=1
USER callctl
VOLUME ["/var/lib/callctl"]
# The loop turns (not: everything is ready; /readyz tells that): whoever restarts us must not do so for a PBX that is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('CALLCTL_HTTP_PORT', '9710') + '/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["callctl"]
CMD ["run", "--config", "/etc/callctl"]
