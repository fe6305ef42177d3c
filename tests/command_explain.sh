#!/usr/bin/env bash
# command_explain.sh WEFT: weft explain as its users see it: whole, by keys on a terminal, in colour and without. Numbers are worked out by hand; those of
# batch normalization are in demos/04_batchnorm.c, for eps = 0. Ends with "N passed, N failed".
set -u
weft=$1
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/command_checks.sh"
export LC_ALL=C
unset COLUMNS NO_COLOR

# prints LINES...: the lines stand in the output one below the other; blanks in a row count as one
prints() {
  local wanted
  wanted=$(printf '%s\n' "$@")
  check "prints: $*" awk -v wanted="$wanted" '
    BEGIN { n = split(wanted, line, "\n") }
    { gsub(/ +/, " "); sub(/^ /, ""); at = $0 == line[at + 1] ? at + 1 : $0 == line[1] ? 1 : 0; if (at == n) { found = 1; exit } }
    END { exit !found }' "$folder/out"
}
narrow() { check "lines within $1 columns" test "$(wc -L <"$folder/out")" -le "$1"; }

# --- whole: the notes of CS231n have these numbers ---
run 0 explain product
cat >"$folder/expected" <<'TEXT'
(x + y) * z
A sum passes on what arrives; a product swaps: each factor gets what arrives
times the other one.

  q = x + y
  f = q * z

Given

  x = -2
  y = 5
  z = -4

Forward: each node from those before it

  q = x + y = (-2) + 5 = 3
  f = q * z = 3 * (-4) = -12

Back

  The result is f, so df = 1. For each x, dx says how much f changes when x
  does a little.
  Each node sends to each operand what has arrived at itself, times its own
  derivative for that operand. Where several send, it adds up.
  df = 1

  f = q * z
    df = 1 arrives
    to q: the local derivative is z = -4
        dq = df * z = 1 * (-4) = -4
    to z: the local derivative is q = 3
        dz = df * q = 1 * 3 = 3

  q = x + y
    dq = -4 arrives
    to x: the local derivative is 1
        dx = dq = -4
    to y: the local derivative is 1
        dy = dq = -4

The gradients

  dx = -4
  dy = -4
  dz = 3
  Right: small moves of each number agree, within 2e-11.
TEXT
check "the whole text" diff "$folder/expected" "$folder/out"
silent err
run 0 explain 'q = x + y; f = q * z' x=-2 y=5 z=-4
check "an expression of one's own reads the same, without the title" bash -c "tail -n +5 '$folder/expected' | diff - '$folder/out'"
run 0 explain product --step
check "--step off a terminal prints whole" diff "$folder/expected" "$folder/out"

# --- a fork: = and then +=; x**3 y has 3 x**2 y = 36 ---
run 0 explain fork
prints 'b = x ** 2' 'db = 6 arrives' 'to x: the local derivative is 2 * x = 2 * 2 = 4' 'dx = db * (2 * x) = 6 * (2 * 2) = 24'
prints 'to x: the local derivative is y = 3' 'dx += da * y = 4 * 3 = 12' 'so far dx = 24 + 12 = 36'
run 0 explain 'x * x' x=-3
prints 'to x: the local derivative is x = -3' 'dx = dy * x = 1 * (-3) = -3' 'to x: the local derivative is x = -3' 'dx += dy * x = 1 * (-3) = -3' 'so far dx = -3 + (-3) = -6'

# --- arrays ---
run 0 explain batchnorm --ascii
narrow 80
prints 't3 = sum(h, axis=0) (3,)' 'at [0]: 1 + 5 + 1 + 5 = 12' '12 32 40 +o +@ +@'
prints 't7 = broadcast(mu) (4, 3) repeated' '3 8 10 +o +@ +@ in each of 4 rows'
prints 'xc = h - mu (4, 3)' 'at [0, 0]: 1 - 3 = -2' '-2 -7 2 -: -O +:'
prints 'to beta: repeated forward, so added up backward' 'dbeta = sum(dt26, axis=0) (3,)' 'at [0]: 1 + 0 + (-1) + 3 = 3' '3 4 4 +@ +@ +@'
prints 'to t24: the local derivative is hath' 'dt24 = dt25 * hath (4, 3)' 'at [0, 0]: 1 * (-1) = -1'
prints 'dgamma = sum(dt24, axis=0) (3,)' 'at [0]: (-1) + 0 + 1 + 3 = 3' '3 1.2 0.4 +@ +o +:'
prints 'to t18: the local derivative is -0.5 * t18 ** (-1.5)' 'dt18 = dt21 * (-0.5 * t18 ** (-1.5)) (3,)' 'at [0]: 12 * (-0.5 * 4 ** (-1.5)) = -0.75'
prints 'dxc += dt11 * (2 * xc) (4, 3)' 'at [0, 0]: (-0.1875) * (2 * (-2)) = 0.75'
prints 'to h: added up forward, so repeated backward' 'dh += broadcast(dt3) (4, 3)' '-0.75 -2 1 -o -@ +O in each of 4 rows' 'so far dh, the sum' \
  '1 -1.16 -0.98 +o -O -o' '-1.5 2.12 0.14 -O +@ +:'
says '^  Right: small moves'
check "no byte beyond ASCII" bash -c "! LC_ALL=C grep -q $'[\200-\377]' '$folder/out'"
check "no colour off a terminal" bash -c "! grep -q $'\033' '$folder/out'"
cp "$folder/out" "$folder/ascii"
run 0 explain batchnorm
check "a locale without UTF-8 gets ASCII" cmp "$folder/ascii" "$folder/out"
if locale -a 2>"$folder/null" | grep -qi '^c\.utf-*8$'; then
  LC_ALL=C.UTF-8 run 0 explain batchnorm
  check "blocks and signs" grep -qF ' -2        -7         2   -░ -▓ +░' "$folder/out"
  sed 's/·/./g; s/░/:/g; s/▒/o/g; s/▓/O/g; s/█/@/g' "$folder/out" >"$folder/replaced"
  check "else the same as with --ascii" cmp "$folder/ascii" "$folder/replaced"
fi
COLUMNS=60 run 0 explain batchnorm --ascii
narrow 60
run 0 explain batchnorm --json
cp "$folder/out" "$folder/json"
run 0 trace batchnorm
check "--json is the trace" cmp "$folder/json" "$folder/out"
for name in neuron broadcast mean batchnorm-relu layernorm softmax-cross-entropy; do
  run 0 explain "$name"
  narrow 80
  says '^  Right: '
  check "no numbers that are none" bash -c "! grep -qE '[^a-z]nan|[^a-z]inf' '$folder/out'"
done
run 0 explain mean
prints 'to t1: the local derivative is 0.333333' 'dt1 = dm * 0.333333 (2,)' 'at [0]: 3 * 0.333333 = 1' '1 -2 +O -@'
run 0 explain 'x @ w' 'x=[[1,2]]' 'w=[[3,5],[4,6]]'
prints 'to x' 'dx = dy @ transpose(w) (1, 2)' '8 10 +@ +@'
says 'dy is all ones'
run 0 explain 'sum(x * 2)' 'x=(50,40)'
says '^ *2000 numbers from -?[0-9.]+ to [0-9.]+, mean'
says 'Not checked by differences: there are many elements'
run 0 explain 'x * y' x=2 y=3 --dtype f32
says 'these are taken in f64'
run 0 explain 'sum(softmax(z))' 'z=[1,2,3]'
says 'no gradient here by construction|does not respond'
run 0 explain 'sum(stop_gradient(x) * y)' x=2 y=3
says '^  no dx: every way to it is cut by a derivative that is 0 by definition$'
run 1 explain 'relu(x)' x=0 # at the kink the derivative is 0 and differences give one half
run 0 explain '2 * 3'
run 0 explain --presets
says '^batchnorm +batch normalization, node by node$'

# --- on a terminal ---
on_terminal() { # EXPECTED-STATUS KEYS ARGUMENT...
  local expected=$1 keys=$2 status=0
  shift 2
  TERM=xterm python3 "$here/pseudo_terminal.py" "$keys" "$weft" "$@" >"$folder/out" 2>"$folder/err" || status=$?
  check "exit $expected of weft $* and keys $keys, got $status" test "$status" -eq "$expected"
}
steps() { check "steps $1" test "$(grep -oaE '^step [0-9]+' "$folder/out" | tr -dc '0-9\n' | tr '\n' ' ')" = "$1 "; }
if command -v python3 >"$folder/null"; then
  on_terminal 0 'n, ,\e[C,b,\e[D,b,b,b,q' explain product --step
  steps '1 2 3 4 3 2 1 1 1'
  on_terminal 0 $'j7\n,n,j2\n,j999\n,j0\n,jx,x,q' explain product --step
  steps '1 7 7 2 7 7 7'
  on_terminal 0 'n' explain product --json --step
  says '"kind":"weft trace"'
  on_terminal 143 'n,SIGTERM' explain product --step
  on_terminal 130 'n,SIGINT' explain product --step
  on_terminal 130 $'n,\x03' explain product --step # Ctrl-C
  on_terminal 129 'n,SIGHUP' explain product --step
  on_terminal 0 $'n,\x04' explain product --step # Ctrl-D
  on_terminal 0 'n,SIGTSTP,SIGCONT,n,q' explain product --step
  steps '1 2 2 3'
  on_terminal 0 '' explain product
  check "bold and green on a terminal" grep -qaF $'\033[32mRight\033[0m' "$folder/out"
  on_terminal 0 '' explain batchnorm
  check "blue above 0, red below, and a sign" bash -c "grep -qaF $'\033[34m+:\033[0m' '$folder/out' && grep -qaF $'\033[31m-O\033[0m' '$folder/out'"
  NO_COLOR=1 on_terminal 0 '' explain batchnorm
  check "no colour with NO_COLOR" bash -c "! grep -qa $'\033' '$folder/out'"
fi

# --- bad use ---
run 2 explain
complains 'usage: weft explain'
run 2 explain 'x * y' x=1
complains 'not known'
run 2 explain nothing
complains 'not known'
complains '^  It is no example either; --presets lists those\.$'
run 2 explain 'argmax(x, 0)' 'x=[1,2]'
complains 'y holds integers'
run 2 explain 'log(x' x=1
run 2 explain x x=1 --steps
run 0 explain --help
says 'usage: weft explain'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
