# command_checks.sh: for scripts that try the weft command, $weft: runs it, looks at what it says, and counts in $passed and $failed.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0

check() { # WHAT CONDITION...: runs the condition
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $what"
    cut -c1-160 "$folder/out" "$folder/err" | sed 's/^/  /' | head -n 40
  fi
}

run() { # EXPECTED-STATUS ARGUMENT...: output in $folder/out and $folder/err
  local expected=$1 status=0
  shift
  "$weft" "$@" >"$folder/out" 2>"$folder/err" </dev/null || status=$?
  check "exit $expected of weft $*, got $status" test "$status" -eq "$expected"
}

says() { check "stdout says $1" grep -qE -- "$1" "$folder/out"; }
complains() { check "stderr says $1" grep -qE -- "$1" "$folder/err"; }
silent() { check "nothing on std$1" test ! -s "$folder/$1"; }
