#!/usr/bin/env bash
# The S3 server (s3rver, of npm, run by Node) that the functional tests of kind s3 start. It goes below $TEST_SERVERS, by
# default ~/.cache/limier/servers. Does nothing where it is already.
set -euo pipefail
version=3.7.1
servers=${TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/limier/servers}

fail() {
  echo "Cannot set up s3rver: $1" >&2
  exit 1
}

if grep -qs "\"version\": \"$version\"" "$servers/s3rver/node_modules/s3rver/package.json"; then exit 0; fi
for tool in node npm; do command -v "$tool" >/dev/null || fail "there is no $tool"; done

mkdir -p "$servers"
draft=$(mktemp -d "$servers/.s3rver.XXXXXX")
trap 'rm -rf "$draft"' EXIT
if ! npm install --prefix "$draft" --no-audit --no-fund --ignore-scripts "s3rver@$version" >"$draft/log" 2>&1; then
  fail "npm's registry can't be reached, or lacks a package. npm said:
$(grep -E 'ERR!|error' "$draft/log" | head -n 5)"
fi
chmod 755 "$draft"
rm -rf "$servers/s3rver" "$draft/log"
mv "$draft" "$servers/s3rver"
trap - EXIT
