#!/usr/bin/env bash
# The chDB library (ClickHouse in one shared library, of npm) that the functional tests of the flow store load. libchdb.so
# goes below $TEST_SERVERS, by default ~/.cache/limier/servers. Nothing is installed or started. Does nothing where it is
# already.
set -euo pipefail
version=26.5.3
servers=${TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/limier/servers}

fail() {
  echo "Cannot set up chdb: $1" >&2
  exit 1
}

if [ "$(cat "$servers/chdb/version" 2>/dev/null)" = "$version" ] && [ -f "$servers/chdb/libchdb.so" ]; then exit 0; fi
[ "$(uname -s -m)" = "Linux x86_64" ] || fail "npm has it for Linux on x86-64 only; put a libchdb.so in $servers/chdb by other means"
for tool in npm tar; do command -v "$tool" >/dev/null || fail "there is no $tool"; done

mkdir -p "$servers"
draft=$(mktemp -d "$servers/.chdb.XXXXXX")
trap 'rm -rf "$draft"' EXIT
if ! (cd "$draft" && npm pack --silent "@chdb/lib-linux-x64-gnu@$version") >"$draft/log" 2>&1; then
  fail "the npm registry can't be reached, or lacks the package. npm said:
$(tail -n 5 "$draft/log")"
fi
tar -xzf "$draft"/*.tgz -C "$draft" package/libchdb.so
chmod 644 "$draft/package/libchdb.so" # as a library it is loaded, not run
echo "$version" >"$draft/package/version"
rm -rf "${servers:?}/chdb"
mv "$draft/package" "$servers/chdb"
