#!/usr/bin/env bash
# The InfluxDB (1.6, Debian's) that the functional tests of kind influxdb start: see unpack_debian_server.sh.
exec "$(dirname "$0")/unpack_debian_server.sh" influxdb usr/bin/influxd
