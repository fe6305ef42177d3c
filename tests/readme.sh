#!/usr/bin/env bash
# readme.sh ROOT LIBRARY [LINKER FLAG...]: the first C example of README.md compiles exactly as printed and prints what README.md says.
# The compiler is $CC, or cc.
set -eu
[ $# -ge 2 ] || { echo "usage: readme.sh ROOT LIBRARY [LINKER FLAG...]" >&2; exit 2; }
root=$1 library=$2
shift 2
passed=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# block LANGUAGE: the text of the first C block, or of the first block in LANGUAGE behind it.
block() {
  awk -v language="$1" '
    /^```/ {
      if (inside) exit
      if ($0 == "```c") after = 1
      inside = after && $0 == "```" language
      next
    }
    inside' "$root/README.md"
}

# holds WHAT COMMAND...: counts whether the command succeeds.
holds() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $what"
  fi
}

block c >"$scratch/example.c"
block text >"$scratch/expected.txt"
holds "README.md has a C example" test -s "$scratch/example.c"
holds "README.md shows its output" test -s "$scratch/expected.txt"
# shellcheck disable=SC2086 # CC may carry options
holds "the example compiles without a warning" \
  ${CC:-cc} -std=c11 -Wall -Wextra -Werror -I "$root/engine" "$scratch/example.c" -o "$scratch/example" "$library" "$@"
if [ -x "$scratch/example" ]; then
  "$scratch/example" >"$scratch/output.txt" && status=0 || status=$?
  holds "the example exits with 0, not $status" test $status -eq 0
  holds "the example prints what README.md shows" diff "$scratch/expected.txt" "$scratch/output.txt"
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
