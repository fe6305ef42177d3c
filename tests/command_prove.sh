#!/usr/bin/env bash
# command_prove.sh WEFT: weft prove as its users see it. Ends with "N passed, N failed".
set -u
weft=$1
. "$(dirname "${BASH_SOURCE[0]}")/command_checks.sh"
parses() { check "JSON that parses" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$folder/out"; }

run 0 prove --help
says '^usage: weft prove'
# every example of the help does what it says: two equalities and a gradient
run 0 prove 'batchnorm(h, gamma, beta)' 'fused_batchnorm(h, gamma, beta)' --shape h=4,2 --shape gamma=2 --shape beta=2 --grad h,gamma,beta
says '^proved: equal at 40 random points'
silent err
check "no colour away from a terminal" bash -c "! grep -q $'\033' '$folder/out'"
run 0 prove 'softmax(z, 1)' 'p = softmax(z, 1); p * (dy - sum(dy * p, 1, keepdims=1))' --shape z=2,3 --gradient z
says '^proved'
run 0 prove 'sum((x - mean(x))**2)' 'sum(x**2) - 5*mean(x)**2' --shape x=5
says '^proved: equal at 2 random points'

# N-1 for N, the first time and in the gradient; the sum over a broadcast forgotten
run 1 prove 'sum((x - mean(x))**2)' 'sum(x**2) - 4*mean(x)**2' --shape x=5
says '^refuted'
says '^value, element 0: [-0-9.e]+ against [-0-9.e]+$'
run 1 prove 'var(x)' 'var(x) + stop_gradient(x)[0] * 0 + sum(x - stop_gradient(x))' --shape x=5 --grad x
says '^gradient for x, element [0-4]:'
run 0 prove 'var(x)' 'var(x) + sum(x - stop_gradient(x))' --shape x=5
run 1 prove 'sum(x + b, 0)' 'dy' --shape x=4,3 --shape b=3 --gradient b
run 0 prove 'sum(x + b, 0)' '4 * dy' --shape x=4,3 --shape b=3 --gradient b
run 1 prove 'x * k' 'x * 3' --shape x=2 --shape k=2
run 0 prove 'x * k' 'x * 3' --shape x=2 --in k=3
run 0 prove 'gather(x, i)' 'one_hot(i, 3) @ x' --shape x=3,2 --index i=4
run 1 prove 'gather(x, i)' 'x' --shape x=3,2 --index i=3

# true, and beyond it
run 1 prove 'exp(x + y)' 'exp(x) * exp(y)' --shape x=3 --shape y=3
says '^not proved: .* show no difference'
run 1 prove 'cast(x, dtype=i64)' 'cast(x, dtype=i64)' --shape x=3
says '^not proved: cast'

run 0 prove 'relu(x) - relu(-x)' 'x' --shape x=3 --points 7 --seed 3 --json
parses
says '"verdict":	"proved"'
says '"points":	7,'
says '"false_equal":	0.0078'
run 1 prove 'relu(x)' 'x' --shape x=3 --json
parses
says '"verdict":	"refuted"'
says '"of":	"value"'
says '"left":'

run 2 prove 'x' --shape x=3
complains 'two expressions'
run 2 prove 'x' 'x' 'x' --shape x=3
run 2 prove 'x' 'y' --shape x=3
complains 'not known'
run 2 prove 'x' 'sum(x)' --shape x=3
complains 'a\[0\] is \(3\) and b\[0\] is \(\)'
run 2 prove 'x' 'x' --shape x=3 --grad y
complains 'not among'
run 2 prove 'x' 'x' --shape x=3 --grad x --gradient x
complains 'goes without --grad'
run 2 prove 'x' 'x' --shape x=3 --gradient x,x
run 2 prove 'x' 'x' --shape x
complains 'NAME=4,3'
run 2 prove 'x' 'x' --index 'x=(3)'
run 2 prove 'x' 'x' --shape x=3 --points 0
run 2 prove 'x' 'broadcast_to(x, (10**6, 10**6))' --shape x=1
run 2 prove 'sum(broadcast_to(x, (10**6, 10**5)))' 'sum(x)' --shape x=1
complains '--work'
run 1 prove 'sum(broadcast_to(x, (10**4, 10**3)))' '10**7 * sum(x)' --shape x=1
says 'small shapes'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
