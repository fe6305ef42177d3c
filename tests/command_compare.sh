#!/usr/bin/env bash
# command_compare.sh WEFT [with-mpfr]: weft compare of two expressions as its users see it. Ends with "N passed, N failed".
set -u
weft=$1 mpfr=${2-}
. "$(dirname "${BASH_SOURCE[0]}")/command_checks.sh"

norm=(--shape h=N,D --shape gamma=D --shape beta=D)
hhat='((h - mean(h, 0)) * (var(h, 0) + 1e-5)**(-1/2))'
slope='gamma * (var(h, 0) + 1e-5)**(-1/2)'

# --- they agree ---
run 0 compare 'batchnorm(h, gamma, beta)' "gamma * $hhat + beta" "${norm[@]}"
says '^agree: they agree in 60 trials'
silent err
check "no colour away from a terminal" bash -c "! grep -q $'\033' '$folder/out'"
run 0 compare 'batchnorm(h, gamma, beta)' 'batchnorm(h, gamma, beta)' "${norm[@]}" --trials 20 --gradient h="$slope * (dy - mean(dy, 0) - $hhat * mean(dy * $hhat, 0))" \
  --gradient gamma="sum(dy * $hhat, 0)" --gradient beta='sum(dy, 0)'
run 0 compare 'softmax_cross_entropy(z, label)' 'fused_softmax_cross_entropy(z, label)' --shape z=N,D --shape label=N --index label=D
run 0 compare 'log(x)' 'log1p(x - 1)' --shape x=N --range x=0.5:3
run 0 compare 'x * c' 'c * x' --shape x= --shape c= --constant c --json
says '"agreement":	"agree"'
run 0 compare 'layernorm(h, gamma, beta)' 'fused_layernorm(h, gamma, beta)' "${norm[@]}" --trials 5 --size N=64,D=32 --seconds 0.01
says '^f32, at N = 64, D = 32'
says '^second .* KiB'

# --- the truth of f64: whole numbers near 2**20, whose squares f64 rounds where their variance is 4/3 ---
variance=('mean(h*h, 0) - mean(h, 0)**2' 'var(h, 0)' --shape h=N --range h=1048574:1048578 --trials 1 --size N=1000 --dtype f64 --seconds 0.001 --first-order)
run 0 compare "${variance[@]}" --truth f64
says 'against f64 of the first$'
says '^y +[^ ]+ +0 +[0-9.]+e\+'
if [ "$mpfr" = with-mpfr ]; then
  run 0 compare "${variance[@]}"
  says 'against mpfr of the first$'
  says '^y +[^ ]+ +[0-9.]+e\+'
  run 0 compare "${variance[@]}" --truth mpfr --json
  says '"truth":	"mpfr"'
else
  run 2 compare "${variance[@]}" --truth mpfr
  complains 'built without MPFR'
fi
run 2 compare "${variance[@]}" --truth exact
complains 'it must be f64 or mpfr'

# --- they do not ---
run 1 compare 'x**2' 'x*x' --shape x=N --gradient x='x*dy'
says '^differ: dx, element 0: "first" gives .*; at N = 1, x = 1$'
run 1 compare 'batchnorm(h, gamma, beta)' 'batchnorm(h, gamma, beta)' "${norm[@]}" --gradient h="$slope * (dy - mean(dy, 0))" --gradient gamma="sum(dy * $hhat, 0)" \
  --gradient beta='sum(dy, 0)' --json
says '"result":	"dh"'
run 1 compare "sum($hhat)" "sum($hhat)" --shape h=N,D --gradient h='0 * h * dy'
says '^silent: .*the gradient of h is 0 in every trial'
run 1 compare 'x @ y' 'x * y' --shape x=N,D --shape y=N,D
says '"first" fails and the other does not: '

# --- bad use ---
run 2 compare 'x' --shape x=N
complains '^usage: weft compare'
run 2 compare 'x' 'x' --shape xN
complains 'it must be NAME='
run 2 compare 'x' 'x' --shape x=N --range y=0:1
complains 'no --shape has that name'
run 2 compare 'x' 'x' --shape x=N --range x=2:1
run 2 compare 'x' 'x' --shape x=N --range x=2
complains 'LOW:HIGH'
run 2 compare 'x' 'x' --shape 'x=N D'
complains 'commas'
run 2 compare 'x' 'x' --shape x=N --size M=3
complains 'no shape has'
run 2 compare 'x' 'x' --shape x=N --size N
complains 'it must be N='
run 2 compare 'x' 'x' --shape x=N --size N=99999999999
run 2 compare 'x' 'x' --shape x=N --trials 0
run 2 compare 'x' 'y' --shape x=N
complains '"y" is not known'
complains '\^'
run 2 compare 'x' '(x' --shape x=N
run 2 compare 'x' 'x' --shape x=N --gradient x='dz'
complains '"dz" is not known'
run 2 compare 'x @ y' 'x @ y' --shape x=N,2 --shape y=3,N
says '^refused: '
run 2 compare 'sum(broadcast_to(x, (10**5, 10**5)))' 'x' --shape x=
complains '--work'
run 2 compare 'x' 'x' $(for k in 1 2 3 4 5 6 7 8 9; do echo "--shape x$k=N"; done)
complains 'more than 8 inputs'
# --- the page ---
run 0 compare 'x * x' 'x**2' --shape x=N,D --gradient x='2 * x * dy' --size N=64,D=8 --seconds 0.001 --html "$folder/page.html" --trials 5
page=$folder/page.html
check "the page is whole" bash -c "head -n 1 '$page' | grep -q '^<!DOCTYPE html>' && tail -n 1 '$page' | grep -q '^</html>'"
check "it has three plots and two graphs" test "$(grep -o '<svg' "$page" | wc -l) $(grep -o 'class="graph"' "$page" | wc -l)" = '5 2'
check "it needs nothing else" bash -c "! grep -qE '<script|<link|src=|url\(|@import' '$page'"
check "the gradient by hand is on it" grep -q '2 \* x \* dy' "$page"
if command -v xmllint >/dev/null; then
  check "its tags fit one another" bash -c "sed 's/<meta[^>]*>//g; s/<br>//g; s/&ndash;/-/g' '$page' | tail -n +2 | xmllint --noout -"
fi
run 1 compare 'x**2' 'x*x' --gradient x='x*dy' --shape x=N # whatever comes first
says 'N = 1, x = 1'
run 1 compare 'x < 1' 'x > 1' --shape 'x=N' --size N=4 --seconds 0.001 --html "$folder/<&>.html"
check "what is typed is escaped" grep -q 'x &lt; 1' "$folder/<&>.html"
run 2 compare 'x' 'x' --shape x=N --html "$folder/page.html"
complains 'give --size too'
run 2 compare 'x' 'x' --shape x=N --size N=4 --seconds 0.001 --trials 1 --html "$folder/none/page.html"
complains 'cannot write'
run 0 compare --help
says 'weft compare batchnorm'
says "weft compare 'EXPR' 'EXPR'"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
