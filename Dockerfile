# Two images without anything that is not used: a static binary, CA roots and time zones. images/build fills dist/.
FROM scratch AS base
COPY dist/rootfs/ /
USER 65532:65532
# The allocator takes memory as it is used, not by arenas: 10 MiB at rest in place of 21.
ENV MIMALLOC_ARENA_EAGER_COMMIT=0

FROM base AS operator
COPY dist/operator /usr/bin/operator
EXPOSE 8080
ENTRYPOINT ["/usr/bin/operator"]

FROM base AS workloads
COPY dist/workloads /usr/bin/workloads
ENTRYPOINT ["/usr/bin/workloads"]
