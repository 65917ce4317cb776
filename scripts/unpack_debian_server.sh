#!/usr/bin/env bash
# Usage: unpack_debian_server.sh PACKAGE BINARY [--with-dependencies]
#
# Unpacks a server of Debian's below $TEST_SERVERS, by default ~/.cache/limier/servers, where the functional tests look
# for it. It is not installed: nothing is started, nothing else on the host changes, and no root is needed as long as apt's
# lists are there. BINARY is its path in the package, such as usr/bin/influxd. Does nothing where that program is on PATH or
# unpacked already.
#
# With dependencies, what it needs and this host lacks is unpacked beside it, and a script of the binary's name, at the top of
# the folder of the package's name less "-server", starts it with that.
set -euo pipefail
package=$1
binary=$2
name=${binary##*/}
servers=${TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/limier/servers}
folder=${package%-server}
if [ "${3:-}" = --with-dependencies ]; then started=$name; else started=$binary; fi

fail() {
  echo "Cannot set up $package: $1" >&2
  exit 1
}

if command -v "$name" >/dev/null || [ -x "$servers/$folder/$started" ]; then exit 0; fi
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || fail "there is no $tool; put $name on PATH by other means"
done

mkdir -p "$servers"
draft=$(mktemp -d "$servers/.$folder.XXXXXX")
trap 'rm -rf "$draft"' EXIT
wanted() {
  if [ "$started" = "$binary" ]; then
    echo "$package"
  else # what an installation would bring, which is only worked out
    apt-get install --simulate --no-install-recommends "$package" 2>>"$draft/log" | awk '/^Inst/ { print $2 }'
  fi
}
download() {
  local packages
  packages=$(wanted) && [ -n "$packages" ] || return 1
  # shellcheck disable=SC2086 # one word a package
  (cd "$draft" && apt-get download $packages) >>"$draft/log" 2>&1
}
# Where there are no lists, or only old ones, a package is not found until they are fetched, which takes root.
if ! download && ! { apt-get update >>"$draft/log" 2>&1 && download; }; then
  fail "the registry can't be reached, or apt's lists are missing (apt-get update, as root). apt-get said:
$(grep -E '^(E|Err)' "$draft/log" | tail -n 5)"
fi
for archive in "$draft"/*.deb; do dpkg-deb -x "$archive" "$draft/root"; done
[ -x "$draft/root/$binary" ] || fail "the package has no $binary"
if [ "$started" != "$binary" ]; then
  cat >"$draft/root/$started" <<END
#!/usr/bin/env bash
# Starts $name with the libraries beside it.
here=\$(dirname "\$(readlink -f "\$0")")
for libraries in "\$here"/usr/lib/*-linux-gnu* "\$here"/lib/*-linux-gnu*; do
  [ -d "\$libraries" ] && LD_LIBRARY_PATH=\$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH
exec "\$here/$binary" "\$@"
END
  chmod 755 "$draft/root/$started"
fi
chmod 755 "$draft/root"
rm -rf "${servers:?}/$folder"
mv "$draft/root" "$servers/$folder"
