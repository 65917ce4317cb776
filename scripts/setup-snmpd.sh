#!/usr/bin/env bash
# Unpacks snmpd (Debian's) with the libraries that this host lacks below $TEST_SERVERS, by default
# ~/.cache/limier/servers, where the functional tests of SNMP metadata look for it. It is not installed: nothing is
# started, nothing else on the host changes, and no root is needed as long as apt's lists are there. Does nothing where
# snmpd is on PATH or unpacked already.
set -euo pipefail
servers=${TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/limier/servers}

fail() {
  echo "Cannot set up snmpd: $1" >&2
  exit 1
}

if command -v snmpd >/dev/null || [ -x "$servers/snmpd/snmpd" ]; then exit 0; fi
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || fail "there is no $tool; put snmpd on PATH by other means"
done

mkdir -p "$servers"
draft=$(mktemp -d "$servers/.snmpd.XXXXXX")
trap 'rm -rf "$draft"' EXIT
download() {
  # What an installation would bring, which is only simulated.
  local packages
  packages=$(apt-get -s install --no-install-recommends snmpd 2>>"$draft/log" | awk '/^Inst/ { print $2 }')
  # shellcheck disable=SC2086 # one word a package
  [ -n "$packages" ] && (cd "$draft" && apt-get download $packages) >>"$draft/log" 2>&1
}
# Where there are no lists, or only old ones, the package is not found until they are fetched, which takes root.
if ! download && ! { apt-get update >>"$draft/log" 2>&1 && download; }; then
  fail "the registry can't be reached, or apt's lists are missing (apt-get update, as root). apt-get said:
$(grep -E '^(E|Err)' "$draft/log" | tail -n 5)"
fi
for package in "$draft"/*.deb; do dpkg-deb -x "$package" "$draft/root"; done
[ -x "$draft/root/usr/sbin/snmpd" ] || fail "the package has no /usr/sbin/snmpd"
cat >"$draft/root/snmpd" <<'EOF'
#!/bin/sh
# Starts the snmpd beside it with the libraries beside it.
here=$(dirname "$(readlink -f "$0")")
for directory in "$here"/usr/lib/*-linux-gnu* "$here"/lib/*-linux-gnu*; do
  [ -d "$directory" ] && LD_LIBRARY_PATH="$directory${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export LD_LIBRARY_PATH
exec "$here/usr/sbin/snmpd" "$@"
EOF
chmod 755 "$draft/root" "$draft/root/snmpd"
rm -rf "${servers:?}/snmpd"
mv "$draft/root" "$servers/snmpd"
