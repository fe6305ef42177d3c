#!/usr/bin/env bash
# add_op.sh ROOT [COMPILER]: adds an op to a copy of the tree at ROOT, exactly by the five steps of CONTRIBUTING.md: sinc, one file and a line each in the
# catalogue, the header and the tests. Then the tests that go by the catalogue hold it to everything, and an expression can call it. Without the line
# in the tests they must fail. Ends with "N passed, N failed".
set -u
root=$1 compiler=${2:-cc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0

check() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@" >"$folder/log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $what"
    tail -n 20 "$folder/log" | cut -c1-300 | sed 's/^/  /'
  fi
}

not() { ! "$@"; }

# line_after TEXT FILE LINE: puts LINE behind the one that begins with TEXT.
line_after() {
  awk -v text="$1" -v line="$3" '{ print } index($0, text) == 1 && !done { print line; done = 1 }' "$2" >"$folder/edited" && cat "$folder/edited" >"$2"
}

mkdir "$folder/tree"
cp -r "$root"/{engine,ops,demos,tests,meson.build,meson_options.txt} "$folder/tree"
cp -r "$folder/tree" "$folder/before"
cd "$folder/tree" || exit 1

# --- step 1: the file ---
cat >ops/primitive/sinc.c <<'C'
/* sinc.c: the cardinal sine, as the C library computes the sine. Whole turns are taken off first, so that nothing overflows. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(sinc, a == 0 ? (T)1 : sin((T)3.141592653589793 * fmod(a, (T)2)) / ((T)3.141592653589793 * a))

/* d(sinc a)/da = (cos(pi a) - sinc a) / a; next to 0, where that cancels, -pi**2 a/3 + pi**4 a**3/30 - pi**6 a**5/840, within 3e-16 of it. */
static weft_node sinc_partial(weft_node y, const weft_node *x, int operand)
{
    (void)operand;
    weft_node a = x[0], half = weft_scalar_like(a, 0.5), near = weft_less(weft_abs(a), weft_full_like(a, 0x1p-8));
    weft_node small = weft_where(near, a, weft_full_like(a, 0)), large = weft_where(near, weft_full_like(a, 1), a), square = weft_square(small);
    weft_node inner = weft_sub(weft_scalar_like(a, 3.246969701133414), weft_mul(square, weft_scalar_like(a, 1.144510944732505)));
    weft_node series = weft_mul(small, weft_sub(weft_mul(square, inner), weft_scalar_like(a, 3.289868133696453)));
    weft_node turns = weft_floor(weft_add(weft_mul(a, half), half));
    weft_node angle = weft_mul(weft_scalar_like(a, 3.141592653589793), weft_sub(a, weft_div(turns, half)));
    return weft_where(near, series, weft_div(weft_sub(weft_cos(angle), y), large));
}

const weft_op weft_op_sinc = {
    .name = "sinc", .formula = "y = sin(pi a) / (pi a)", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 30,
    WEFT_KERNELS(sinc), .partial = sinc_partial,
};

weft_node weft_sinc(weft_node a)
{
    return weft_elementwise(&weft_op_sinc, &a, 1);
}
C

# --- step 2: the catalogue ---
line_after 'OP(cos)' ops/ops.def 'OP(sinc)'

# --- step 3: the header ---
line_after 'weft_node weft_cos(' engine/weft.h 'weft_node weft_sinc(weft_node a);                 /* y = sin(pi a) / (pi a), and 1 at 0 */'

build() {
  [ -e build/build.ninja ] || CC=$compiler meson setup build --buildtype=plain -Doptimization=0 -Dwerror=true || return 1
  ninja -C build -j2 demos/weft tests/test_{ops,ops_modes,ops_arrays,ops_special,conventions,random_graphs,parse}
}
export WEFT_TEST_CACHE=$folder/cache CK_DEFAULT_TIMEOUT=60
mkdir -m 700 "$WEFT_TEST_CACHE"
check "the op builds" build
check "test_ops misses samples of it" not build/tests/test_ops

# --- step 4: the tests ---
line_after 'UNARY(cos,' tests/elementwise.def \
  'UNARY(sinc, a == 0 ? 1 : sinl(3.14159265358979323846L * a) / (3.14159265358979323846L * a), NORMAL, STEEP(1.371L, 2), 1) /* 0.4362 pi, near 0.66 */'
# torch.sinc has no second derivative at 0
line_after '    "cos":' tests/peers/ops.py \
  '    "sinc": both(lambda m, a: m.where(a == 0, 1 - (math.pi * a) ** 2 / 6, m.sinc(m.where(a == 0, 1 + a, a)))),'
check "the tests build" build

# --- step 5: run them ---
for program in ops ops_modes ops_arrays ops_special conventions parse; do
  check "test_$program" build/tests/test_$program
done
check "test_random_graphs" build/tests/test_random_graphs --graphs 300 --compiled 0
check "the layout" bash tests/layering.sh "$folder/tree"
expect() { # EXPECTED ARGUMENT...: what weft eval prints
  local expected=$1 printed
  shift
  printed=$(build/demos/weft eval "$@") && echo "$printed" && [ "$printed" = "$expected" ]
}
check "weft eval, sinc(1/2) = 2/pi" expect 'value () f64 0.63661977' 'sinc(x)' --in x=0.5
check "weft ops" bash -c 'build/demos/weft ops sinc | grep "sin(pi a)"'

# --- what it took ---
cd "$folder" || exit 1
diff -rq before tree -x build >changed
check "one new file" test "$(grep -c '^Only in tree' changed)" -eq 1
check "a line each in four others" test "$(grep -c '^Files' changed) $(diff -r before tree -x build -x sinc.c | grep -c '^[<>]')" = "4 4"
check "and CONTRIBUTING.md names each of them" bash -c 'for file in ops/primitive ops/ops.def engine/weft.h tests/elementwise.def tests/peers/ops.py; do
  grep -qF "$file" "$1" || exit 1
done' - "$root/CONTRIBUTING.md"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
