#!/usr/bin/env bash
# The ClickHouse server (18.16, Debian's) that the functional tests of the flow store start: see unpack_debian_server.sh.
exec "$(dirname "$0")/unpack_debian_server.sh" clickhouse-server usr/sbin/clickhouse-server --with-dependencies
