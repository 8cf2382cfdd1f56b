# One image with all of Tollgate's programs: tollgate, tollgate-gateway, -router, -budget and -adapter.
#   docker build -t tollgate .
#   docker run -v ./tollgate.json:/etc/tollgate/tollgate.json -p 8787:8787 tollgate serve
# tests/image/check makes the same root file system without Docker, from what stands here.
ARG DEBIAN=bookworm-slim

FROM debian:${DEBIAN} AS build
WORKDIR /src
COPY . .
RUN ./dev build release tollgate tollgate-gateway tollgate-router tollgate-budget tollgate-adapter \
 && install -D -s -t /programs build/release/bin/tollgate build/release/bin/tollgate-gateway \
      build/release/bin/tollgate-router build/release/bin/tollgate-budget build/release/bin/tollgate-adapter

FROM debian:${DEBIAN}
# The libraries that the programs load; apt brings theirs.
ARG PACKAGES="ca-certificates libabsl20220623 libc-ares2 libfmt9 libgrpc++1.51 libgrpc29 libhiredis0.14 libprometheus-cpp-core1.0 libprotobuf32 libre2-9 libsimdjson14 libspdlog1.10 libssl3 zlib1g"
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${PACKAGES} \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
COPY --from=build /programs/ /usr/local/bin/
USER 65532:65532
# HTTP; gRPC; metrics, as the chart sets them.
EXPOSE 8787 8788 9090
ENTRYPOINT ["tollgate"]
CMD ["serve"]
