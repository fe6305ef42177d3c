#!/usr/bin/env bash
# emit.sh WEFT EMITTED: C that `weft emit` writes, as its users have it. It compiles without a warning under each compiler that is here, gives
# the interpreter's results within rounding (tests/emitted.c says how near), and touches no byte beyond the sizes that it states.
# Ends with "N passed, N failed".
set -u
weft=$1 emitted=$2
sources=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0

check() { # WHAT COMMAND...: runs the command; it must succeed and say nothing
  local what=$1
  shift
  if "$@" >"$folder/log" 2>&1 && [ ! -s "$folder/log" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $what"
    cut -c1-200 "$folder/log" | sed 's/^/  /' | head -n 20
  fi
}

not() { ! "$@"; }

warnings='-std=c99 -Wall -Wextra'
compilers=()
for compiler in gcc clang tcc; do
  if command -v "$compiler" >/dev/null; then
    compilers+=("$compiler $warnings -O2")
  else
    echo "skipped: $compiler is not installed" >&2
  fi
done
[ ${#compilers[@]} -gt 0 ] || compilers=("cc $warnings -O2")
pedantic='-Wpedantic -Wshadow -Wconversion -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes'
sanitized="${compilers[0]} -g -fsanitize=address,undefined -fno-sanitize-recover"
echo 'int main(void) { return 0; }' >"$folder/empty.c"
$sanitized -o "$folder/empty" "$folder/empty.c" 2>"$folder/log" && "$folder/empty" && compilers+=("$sanitized")

# definitions FUNCTION PREFIX DTYPE N D: what the driver is compiled with.
definitions() {
  local capitals=${2^^} type=float length="($4*$5)" inputs=INPUTS_1
  [ "$3" = f32 ] || type=double
  case $1 in
    batchnorm | layernorm) inputs=INPUTS_3 ;;
    rmsnorm) inputs=INPUTS_2 ;;
    mean) inputs=INPUTS_MEAN length=$5 ;;
    variance | std) length=$5 ;;
    logsumexp) length=$4 ;;
  esac
  echo "-DHEADER=\"$2.h\" -DFORWARD=$2_forward -DGRADIENT=$2_gradient -DWORKSPACE_FORWARD=${capitals}_FORWARD_WORKSPACE" \
    "-DWORKSPACE_GRADIENT=${capitals}_GRADIENT_WORKSPACE -DT=$type -DN=$4 -DD=$5 -DLENGTH_Y=$length -D$inputs"
}

# try FUNCTION DTYPE N D
try() {
  local name=$1_$2 compiler defined what="$1 $2 ($3, $4)"
  check "weft emit $what" bash -c '"$@" >/dev/null' - "$weft" emit "$1" --dtype "$2" --size "$3,$4" --name "$name" -o "$folder"
  "$emitted" draw "$1" "$2" "$3" "$4" "$folder/in"
  defined=$(definitions "$1" "$name" "$2" "$3" "$4")
  for compiler in "${compilers[@]}"; do
    rm -f "$folder/driver" "$folder/out"
    check "$what compiles without a warning: $compiler" $compiler -c -o "$folder/$name.o" "$folder/$name.c"
    check "$what with its driver: $compiler" $compiler -I"$folder" $defined -o "$folder/driver" "$sources/emitted_driver.c" "$folder/$name.o" -lm
    check "$what runs: $compiler" "$folder/driver" "$folder/in" "$folder/out"
    check "$what gives the interpreter's results: $compiler" "$emitted" judge "$1" "$2" "$3" "$4" "$folder/in" "$folder/out"
  done
  for compiler in gcc clang; do
    ! command -v $compiler >/dev/null || check "$what: $compiler $pedantic" $compiler $warnings $pedantic -fsyntax-only "$folder/$name.c"
  done
}

for function in batchnorm layernorm rmsnorm softmax log_softmax logsumexp l2_normalize mean variance std; do
  for dtype in f32 f64; do
    try $function $dtype 7 5
    try $function $dtype 300 13
  done
done
# rows longer than a run, columns wider than a block of accumulators, and one of each
try softmax f32 3 1100
try layernorm f32 2 2100
try batchnorm f32 70 2100
try batchnorm f64 1 1
try layernorm f32 1 256
try softmax f64 16 64

# What judges is judged: a difference of a thousandth in one element is noticed.
defined=$(definitions softmax softmax_f64 f64 300 13)
"$emitted" draw softmax f64 300 13 "$folder/in"
${compilers[0]} -I"$folder" $defined -DSPOIL -o "$folder/driver" "$sources/emitted_driver.c" "$folder/softmax_f64.c" -lm
"$folder/driver" "$folder/in" "$folder/out"
check "a spoiled result is noticed" bash -c '! "$@" >/dev/null' - "$emitted" judge softmax f64 300 13 "$folder/in" "$folder/out"

# A C++ program can call it, and a .c holds nothing but its own functions.
if command -v c++ >/dev/null; then
  printf '#include "softmax_f64.h"\nint main() { softmax_f64_forward(0, 0, 0); }\n' >"$folder/user.cc"
  check "the header in C++" c++ -Wall -Wextra -fsyntax-only -I"$folder" "$folder/user.cc"
fi
check "two functions are visible, and no more" test "$(nm -g --defined-only "$folder/softmax_f64.o" | grep -c ' T ')" -eq 2
check "nothing is allocated" not grep -qE 'malloc|calloc|alloca' "$folder"/*_f32.c

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
