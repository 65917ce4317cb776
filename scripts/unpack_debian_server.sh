#!/usr/bin/env bash
# Usage: unpack_debian_server.sh PACKAGE BINARY
#
# Unpacks a server of Debian's below $TEST_SERVERS, by default ~/.cache/limier/servers, where the functional tests look
# for it. It is not installed: nothing is started, nothing else on the host changes, and no root is needed as long as apt's
# lists are there. Does nothing where BINARY is on PATH or unpacked already.
set -euo pipefail
package=$1
binary=$2
servers=${TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/limier/servers}

fail() {
  echo "Cannot set up $package: $1" >&2
  exit 1
}

if command -v "$binary" >/dev/null || [ -x "$servers/$package/usr/bin/$binary" ]; then exit 0; fi
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || fail "there is no $tool; put $binary on PATH by other means"
done

mkdir -p "$servers"
draft=$(mktemp -d "$servers/.$package.XXXXXX")
trap 'rm -rf "$draft"' EXIT
download() { (cd "$draft" && apt-get download "$package") >>"$draft/log" 2>&1; }
# Where there are no lists, or only old ones, the package is not found until they are fetched, which takes root.
if ! download && ! { apt-get update >>"$draft/log" 2>&1 && download; }; then
  fail "the registry can't be reached, or apt's lists are missing (apt-get update, as root). apt-get said:
$(grep -E '^(E|Err)' "$draft/log" | tail -n 5)"
fi
dpkg-deb -x "$draft"/*.deb "$draft/root"
[ -x "$draft/root/usr/bin/$binary" ] || fail "the package has no /usr/bin/$binary"
chmod 755 "$draft/root"
rm -rf "${servers:?}/$package"
mv "$draft/root" "$servers/$package"
