/** One file of the payload: a gzip member somewhere behind the head. */
export interface PayloadFile {
  /** In the unpacked directory; letters, digits, `_`, `-` and `.` only. */
  name: string;
  /** SHA-256 of the unpacked file, in hex. */
  sha256: string;
  /** Bytes of the gzip member. */
  packedBytes: number;
}

/** What the head of a portable executable is made from. */
export interface Launch {
  /** Names the program in messages and its directory in the caches; a word. */
  program: string;
  /** The payload, in the order in which it lies behind the head; the first is the executable that is run. */
  files: readonly PayloadFile[];
  /** Names this very payload, and its directory: hex digits. */
  id: string;
  /** Its arguments before the user's; `$dir` in one stands for the unpacked directory. */
  args: readonly string[];
}

const WORD = /^[A-Za-z0-9_.-]+$/;
const ARGUMENT = /^[A-Za-z0-9_.,=/$-]+$/;

/**
 * The head of a portable executable: a shell script for any POSIX `sh` (dash, bash, busybox), followed by the payload.
 * It execs, so that the process keeps its id, descriptors, signals and parent. What it promises on the way:
 *
 * - a directory is used only if it is ours, closed to others, and no ancestor lets another user replace it;
 * - a file is executed only if its SHA-256 was right when it was unpacked, and inode, size, mode and change time, which
 *   no one can set back, are still the ones of that moment; else it is unpacked again;
 * - two that start at once both unpack and verify, and move identical files into place one by one.
 *
 * @returns ASCII text, the payload follows its last byte
 * @throws {RangeError} on a name that a shell would not take as one word
 */
export function launcherHead(launch: Launch): string {
  for (const word of [launch.program, launch.id, ...launch.files.flatMap(({ name, sha256 }) => [name, sha256])]) {
    if (!WORD.test(word)) throw new RangeError(`Cannot pack ${JSON.stringify(word)}: write letters, digits, _ - or .`);
  }
  for (const argument of launch.args) {
    if (!ARGUMENT.test(argument)) throw new RangeError(`Cannot pass ${JSON.stringify(argument)}: it needs quoting`);
  }
  // The offsets depend on the head's length, which depends on how many digits they have.
  for (let length = 0;;) {
    const head = render(launch, length);
    if (head.length === length) return head;
    length = head.length;
  }
}

function render({ program, files, id, args }: Launch, headBytes: number): string {
  let offset = headBytes + 1; // tail counts from 1
  const parts = files.map(({ name, packedBytes }) => {
    const line = `  part ${name} ${offset} ${packedBytes} || return`;
    offset += packedBytes;
    return line;
  });
  const names = files.map(({ name }) => name);
  const [executable = ""] = names;
  return `#!/bin/sh
# ${program}: this head unpacks what follows it, once, and becomes it. All but the last lines runs in a process of its own:
# nothing that is set there reaches the program.

complain() {
  printf 'Cannot start ${program}: %s\\n' "$1" >&2
}

# Unpacks file $1, $3 bytes of gzip from byte $2. tail says that its pipe broke where SIGPIPE is ignored: the sums tell.
part() {
  tail -c "+$2" "$self" 2>/dev/null | head -c "$3" | gzip -dc >"$fresh/$1"
}

unpack() {
${parts.join("\n")}
}

# What must not have changed since the sums were verified: inode, size, mode, owner, time of the last change.
seal() {
  (cd "$dir" && stat -c '%n %i %s %a %u %Y %z' ${names.join(" ")}) 2>/dev/null
}

# Whether nobody but us and root can put something else in the place of what lies in directory $1, a path without links.
guarded() {
  above=$1
  set -- "$1"
  while above=\${above%/*} && [ -n "$above" ]; do set -- "$@" "$above"; done
  facts=$(stat -c '%u %a' "$@" / 2>/dev/null) || return 1
  printf '%s\\n' "$facts" | while IFS=' ' read -r owner mode; do
    [ "$owner" = "$uid" ] || [ "$owner" = 0 ] || return 1
    case $mode in
      [1357]???) ;; # sticky: others can't rename what is ours
      *[2367]? | *[2367]) return 1 ;;
    esac
  done
}

# Unpacks into $fresh, verifies, and only then moves into $dir.
install() {
  unpack || { why="\${why}can't be unpacked into"; return 1; }
  if [ "$(cd "$fresh" && sha256sum ${names.join(" ")})" != '${
    files.map(({ name, sha256 }) => `${sha256}  ${name}`).join("\n")
  }' ]; then
    why="\${why}what came out of $self is damaged"
    return 1
  fi
  (cd "$fresh" && chmod 0400 ${names.join(" ")} && chmod 0500 ${executable}) || return 1
  # Fails where files can't be executed, and on a machine or with a C library that the executable is not for.
  said=$("$fresh/${executable}" --version 2>&1 >/dev/null) || { why="\${why}can't run there: $said"; return 1; }
  for name in ${names.join(" ")}; do
    mv -f "$fresh/$name" "$dir/$name" || return 1
  done
  # One that started with us may still put the same files in place of these: the next start then unpacks them again.
  seal >"$fresh/seal" && mv -f "$fresh/seal" "$dir/seal"
}

# The path of directory $1 without links.
physical() {
  (cd -P "$1" && pwd -P) 2>/dev/null
}

# Makes $dir under $1 with the files in it; fails, with the reason in $why, where that can't be done safely.
prepare() {
  why="$why
  $1: "
  # Nothing is made where it would be refused: root leaves no directory of its own in a user's cache.
  near=$1
  until [ -d "$near" ]; do near=\${near%/*} && near=\${near:-/}; done
  guarded "$(physical "$near")" || { why="\${why}others can write to it"; return 1; }
  mkdir -p "$1" 2>/dev/null || { why="\${why}can't be made"; return 1; }
  root=$(physical "$1")
  guarded "$root" || { why="\${why}others can write to it"; return 1; }
  dir=\${root%/}/${id}
  mkdir "$dir" 2>/dev/null || [ -d "$dir" ] || { why="\${why}can't be written to"; return 1; }
  [ "$(stat -c '%u %a %F' "$dir")" = "$uid 700 directory" ] || { why="\${why}$dir is not ours alone"; return 1; }
  sealed=$(cat "$dir/seal" 2>/dev/null)
  [ -z "$sealed" ] || [ "$sealed" != "$(seal)" ] || return 0
  # Left by one that was killed.
  find "$dir" -maxdepth 1 -name 'new.*' -mmin +10 -exec rm -rf {} + 2>/dev/null
  fresh=$(mktemp -d "$dir/new.XXXXXX" 2>/dev/null) || { why="\${why}can't be written to"; return 1; }
  trap 'rm -rf "$fresh"' EXIT
  trap 'exit 1' HUP INT TERM
  install
  installed=$?
  rm -rf "$fresh"
  trap - EXIT HUP INT TERM
  return "$installed"
}

# Prints the directory with the files.
locate() {
  self=$1
  umask 077
  unset CDPATH GZIP
  PATH=/usr/bin:/bin:/usr/sbin:/sbin\${PATH:+:$PATH} LC_ALL=C TZ=UTC0
  export PATH LC_ALL TZ
  uid=$(id -u) || return 1
  why=
  temporary=\${TMPDIR:-/tmp}
  for base in "\${XDG_CACHE_HOME:+$XDG_CACHE_HOME/${program}}" /var/cache/${program} \\
    "\${HOME:+$HOME/.cache/${program}}" "$temporary/${program}-$uid"; do
    case $base in
      /*) prepare "$base" && printf '%s\\n' "$dir" && return 0 ;;
    esac
  done
  # A directory of a name nobody could have taken; it is not found again, so that each start needs a new one.
  if base=$(mktemp -d "$temporary/${program}.XXXXXX" 2>/dev/null); then
    prepare "$base" && printf '%s\\n' "$dir" && return 0
    rm -rf "$base"
  fi
  complain "no directory to unpack it into: set XDG_CACHE_HOME to one that only you can write to. Tried:$why"
  return 1
}

# Compiled code is cached beside the program: whoever writes there decides what is run.
DENO_DIR=$(locate "$0" </dev/null)/deno_dir || exit 1
export DENO_DIR DENO_NO_UPDATE_CHECK=1
exec "\${DENO_DIR%/*}/${executable}" ${
    args.map((argument) => `"${argument.replaceAll("$dir", "${DENO_DIR%/*}")}"`).join(" ")
  } "$@"
exit 126
`;
}
