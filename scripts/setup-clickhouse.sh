#!/usr/bin/env bash
# The ClickHouse server (18.16, Debian's) that the functional tests of the flow store start, and the libraries that it needs
# and this host lacks, unpacked below $TEST_SERVERS, by default ~/.cache/limier/servers. Nothing is installed or started, and
# no root is needed as long as apt's lists are there. Does nothing where clickhouse-server is on PATH or unpacked already.
set -euo pipefail
servers=${TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/limier/servers}

fail() {
  echo "Cannot set up clickhouse: $1" >&2
  exit 1
}

if command -v clickhouse-server >/dev/null || [ -x "$servers/clickhouse/clickhouse-server" ]; then exit 0; fi
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || fail "there is no $tool; put clickhouse-server on PATH by other means"
done

mkdir -p "$servers"
draft=$(mktemp -d "$servers/.clickhouse.XXXXXX")
trap 'rm -rf "$draft"' EXIT
# What an installation would bring, which is nothing that is on this host; it is only worked out.
packages() { apt-get install --simulate --no-install-recommends clickhouse-server 2>>"$draft/log" | sed -n 's/^Inst \([^ ]*\).*/\1/p'; }
download() {
  local wanted
  wanted=$(packages) && [ -n "$wanted" ] || return 1
  # shellcheck disable=SC2086 # a list of names
  (cd "$draft" && apt-get download $wanted) >>"$draft/log" 2>&1
}
# Where there are no lists, or only old ones, a package is not found until they are fetched, which takes root.
if ! download && ! { apt-get update >>"$draft/log" 2>&1 && download; }; then
  fail "the registry can't be reached, or apt's lists are missing (apt-get update, as root). apt-get said:
$(grep -E '^(E|Err)' "$draft/log" | tail -n 5)"
fi
for package in "$draft"/*.deb; do dpkg-deb -x "$package" "$draft/root"; done
[ -x "$draft/root/usr/sbin/clickhouse-server" ] || fail "the packages have no /usr/sbin/clickhouse-server"
cat >"$draft/root/clickhouse-server" <<'SH'
#!/usr/bin/env bash
# Runs the server with the libraries beside it.
here=$(dirname "$(readlink -f "$0")")
for folder in "$here"/usr/lib/*-linux-gnu "$here"/lib/*-linux-gnu; do
  LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH
exec "$here/usr/sbin/clickhouse-server" "$@"
SH
chmod 755 "$draft/root" "$draft/root/clickhouse-server"
rm -rf "${servers:?}/clickhouse"
mv "$draft/root" "$servers/clickhouse"
