#!/usr/bin/env bash
# The Prometheus (Debian's) that the functional tests of kind prometheus_remote_write start: see unpack_debian_server.sh.
exec "$(dirname "$0")/unpack_debian_server.sh" prometheus usr/bin/prometheus
