#!/usr/bin/env bash
# The snmpd (Debian's) that the functional tests of SNMP metadata start: see unpack_debian_server.sh.
exec "$(dirname "$0")/unpack_debian_server.sh" snmpd usr/sbin/snmpd --with-dependencies
