# Two images from one file: `web` without torch, `worker` with it.
FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 STEPMARK_HOME=/state STEPMARK_HOST=0.0.0.0
WORKDIR /stepmark
RUN useradd --create-home --uid 10001 stepmark && install -d -o stepmark /state
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app app
COPY migrations migrations
COPY templates templates
COPY static static
VOLUME /state

FROM base AS web
RUN pip install -c constraints.txt -e .
USER stepmark
EXPOSE 8000
CMD ["stepmark", "up", "--no-worker"]

FROM base AS worker
RUN pip install -c constraints.txt -e ".[train]"
USER stepmark
CMD ["stepmark", "worker"]
