#!/usr/bin/env bash
# command_why.sh WEFT [with-mpfr]: weft why and weft audit as their users see them. Which node is to blame is worked out by hand. Ends with "N passed, N failed".
set -u
weft=$1 mpfr=${2-}
. "$(dirname "${BASH_SOURCE[0]}")/command_checks.sh"

parses() {
  if command -v python3 >"$folder/null"; then
    check "JSON that parses" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$folder/out"
  fi
}

# --- nan ---
run 1 why nan 'root = sqrt(x); exp(root) + y' --in x=-2 --in y=1
says '^made$'
says 'sqrt "root" made the first NaN'
says 'from %[0-9]+ input "x" = -2'
says '1 of 1 elements'
silent err
run 1 why nan 'sum(exp(x) - exp(x))' --in x=1000 --dtype f32
says 'exp made the first Inf.*"x" = 1000'
says 'became NaN in %[0-9]+ sub'
run 0 why nan 'exp(x)' --in 'x=(4,3)'
says '^nothing$'
says 'all 12 elements are finite'
run 1 why nan 'log(x)' --in x=0 --json
parses
says '"reason":	"made"'
says '"value":	"-Infinity"'
says '"op":	"log"'
says '"verdict":	false'

# --- zero ---
run 1 why zero 'sum(softmax(z))' --in 'z=(2,3)'
says '^z: cancels$'
says '6 of 6 elements of the gradient are zero'
says 'zero by construction'
run 1 why zero 'relu(x) * y' --in x=-1 --in y=2
says '^x: flat$'
says 'relu: its derivative is 0 where its operand is not above 0; .* = -1; so at 1 of 1 elements: it is dead'
says '^y: times zero$'
run 0 why zero 'relu(x) * y' --in x=1 --in y=2 --wrt x
says '^x: nothing$'
check "y was not asked for" bash -c "! grep -q '^y' '$folder/out'"
run 1 why zero 'exp(y)' --in x=1 --in y=2 --wrt x
says '^x: no path$'
run 1 why zero 'stop_gradient(x) * y' --in x=1 --in y=2
says '^x: stopped$'
says 'first %[0-9]+ stop_gradient'
says '^y: nothing$'
run 1 why zero 'x * 1e-30 * 1e-30' --in x=1 --dtype f32
says '^x: underflow$'
run 1 why zero 'relu(x)' --in x=-1 --json
parses
says '"wrt":	"x"'
says '"reason":	"flat"'
says '"op":	"relu"'

# --- audit: x + 1 rounds x away, and the sum is to blame; log1p has nothing to lose ---
run 0 audit 'log(1 + x)' --in x=1e-5 --fused 'log1p(x)'
says '^log\(1 \+ x\)$'
check "the sum is the worst" bash -c "sed -n 4p '$folder/out' | grep -qE '^%[0-9]+ add +0\.'"
says '^staged +1\.49[0-9]*e\+04' # 1 + 1e-5f is off by 1.36e-8, and an ulp at 1e-5 is 9.09e-13
says '^fused +0\.'
silent err
run 0 audit 'log(1 + x)' --in x=1e-5 --rows 1
says '^\.\.\. and [1-9] more$'
run 0 audit 'x * x' --in x=3 --json
parses
says '"command":	"audit"'
says '"largest":	0,'
run 2 audit '1 + 2'
complains 'record the graph in f32'
run 2 audit 'x' --in x=1 --fused 'y'
complains 'not known'
run 2 audit 'x' --in 'x=(3,)' --fused 'sum(x)'
complains 'shape and dtype'
run 2 audit 'x' --in x=1 --memory 10
run 2 audit
run 2 audit 'x' --in x=1 --dtype f16
complains 'it must be f32 or f64'
run 2 audit 'x' --in x=1 --truth f32
complains 'it must be f64 or mpfr'
run 2 audit 'x' --in x=1 --dtype f64 --truth f64
complains 'record the graph in f32'
if [ "$mpfr" = with-mpfr ]; then
  run 0 audit 'log(1 + x)' --in x=1e-5 --dtype f64
  says 'in ulp of f64, against mpfr$'
  says '^staged +3\.867e\+04' # 1 + 1e-5 is off by 6.55e-17, and an ulp at 1e-5 is 2**-69
  run 0 audit 'log(1 + x)' --in x=1e-5 --truth mpfr --json
  parses
  says '"truth":	"mpfr"'
  says '"dtype":	"f32"'
else
  run 2 audit 'x' --in x=1 --truth mpfr
  complains 'built without MPFR'
fi
run 0 audit --help
says 'usage: weft audit'

# --- bad use ---
run 2 why
complains 'must be nan or zero'
run 2 why inf 'x' --in x=1
complains '"inf" is no question'
run 2 why nan
complains 'there is no expression'
run 2 why zero '1'
complains 'nothing to differentiate'
run 2 why zero 'x' --in x=1 --wrt y
run 2 why nan 'y' --in x=1
complains 'not known'
run 2 why nan 'x' --in x=1 --dtype f16
complains 'f32 or f64'
run 2 why nan 'broadcast_to(x, (1000000, 1000000))' --in x=1
silent out
run 0 why --help
says 'usage: weft why'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
