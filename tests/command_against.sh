#!/usr/bin/env bash
# command_against.sh WEFT: weft compare NAME --against FILE.c: emitted C as it is, edited well, edited badly, and code that crashes, hangs, ends the
# process or does not compile. Ends with "N passed, N failed".
set -u
weft=$1
. "$(dirname "${BASH_SOURCE[0]}")/command_checks.sh"
export TMPDIR=$folder/tmp
mkdir "$TMPDIR"

# edit FILE FUNCTION TEXT: a copy of softmax.c with the text behind the opening brace of a function
edit() {
  awk -v name="void $2(" -v text="$3" '{ print } index($0, name) == 1 { inside = 1 } inside && /^\{/ { print text; inside = 0 }' "$folder/c/softmax.c" >"$folder/c/$1"
}
against() { # EXPECTED-STATUS FILE OPTION...
  local expected=$1 file=$2
  shift 2
  run "$expected" compare softmax --against "$folder/c/$file" --size 64,33 --seconds 0.001 "$@"
}

run 0 emit softmax --size 64,33 -o "$folder/c"
against 0 softmax.c
says '^softmax_forward +written'
says '^the same; the written one takes [0-9.]+ times as long$'
silent err
sed 's/short_power(double a) {/& return exp(a);/' "$folder/c/softmax.c" >"$folder/c/exp.c"
against 0 exp.c
sed 's/dp\[/1.5f * dp[/' "$folder/c/softmax.c" >"$folder/c/wrong.c"
against 1 wrong.c --json
says '"same":	true'
says '"same":	false'
edit half.c softmax_forward '    return;'
against 1 half.c # outputs stay NaN
says '^not the same'
edit stale.c softmax_forward '    static int calls; if (calls++) { p[0] = (float)calls; return; }'
against 1 stale.c
says 'it gives other numbers when it is called again'
edit loop.c softmax_forward '    for (volatile int on = 1; on;) { }'
against 1 loop.c --limit 0.5
says 'it did not end within 0.5 s'
edit crash.c softmax_forward '    p[64 * 33] = 1;' # one too far: 64 * 33 floats end where a page does
against 1 crash.c
says 'it crashed'
edit leave.c softmax_gradient '    void exit(int); exit(0);'
against 1 leave.c
says 'it ended the process'
edit bad.c softmax_forward '    oops;'
against 2 bad.c
complains 'does not compile'
complains 'oops'

run 0 emit layernorm --size 20,7 --dtype f64 --name ln -o "$folder/c"
run 0 compare layernorm --against "$folder/c/ln.c" --size 20,7 --dtype f64 --name ln --seconds 0
run 0 emit variance --no-gradient -o "$folder/c"
run 0 compare variance --against "$folder/c/variance.c" --no-gradient --seconds 0

run 2 compare softmax --against "$folder/none.c"
complains 'it must be a file of C'
run 2 compare softmin --against "$folder/c/softmax.c"
complains '"softmin" is not known'
run 2 compare softmax --against "$folder/c/softmax.c" --size 64
run 2 compare softmax --against "$folder/c/softmax.c" --limit 0
run 2 compare softmax --against "$folder/c/softmax.c" --size 100000,100000
complains 'more than 2\*\*27 elements'
run 0 compare --help
says '--against FILE.c'
check "nothing is left behind" test -z "$(ls "$TMPDIR")"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
