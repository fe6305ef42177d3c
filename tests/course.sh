#!/usr/bin/env bash
# course.sh PROGRAM...: each of the lessons exits with 0, which means that its own claims hold, and prints what is listed for it here.
# Numbers are listed where a reader can work them out on paper; the comment beside them says how. Rounding errors, times and node counts
# are the engine's business and are not listed. Blanks in a row count as one.
set -u
[ $# -eq 8 ] || { echo "usage: course.sh 01_chain_rule 02_fork 03_broadcast 04_batchnorm 05_staged_and_fused 06_second_derivative 07_own_fused_op 08_trace_your_own" >&2; exit 2; }
passed=0 failed=0

# result WHAT STATUS: counts one check.
result() {
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $1"
  fi
}

# run PROGRAM: sets name and output, and checks the exit status, the width and that a second run prints the same.
run() {
  local status
  name=$(basename "$1") name=${name%.exe}
  output=$("$1") && status=0 || status=$?
  result "$name exits with 0, not $status" "$status"
  [ "$output" = "$("$1")" ]
  result "$name prints the same again" $?
  [ "$(wc -L <<<"$output")" -le 100 ]
  result "$name keeps its lines within 100 columns" $?
  ! grep -q 'FAILS\|[^a-z]nan\|[^a-z]inf' <<<"$output"
  result "$name prints no failed claim, NaN or infinity" $?
  output=$(tr -s ' ' <<<"$output")
}

# says LINES...: the lines stand in the output one below the other. They are matched from their first character that is not blank.
says() {
  local wanted line
  wanted=$(for line in "$@"; do tr -s ' ' <<<"$line"; done)
  awk -v wanted="$wanted" '
    BEGIN { n = split(wanted, line, "\n") }
    { sub(/^ /, ""); at = $0 == line[at + 1] ? at + 1 : $0 == line[1] ? 1 : 0; if (at == n) { found = 1; exit } }
    END { exit !found }' <<<"$output"
  result "$name prints: $*" $?
}

chain_rule() {
  # L = s**2, s = p + z, p = xy at (2, 3, -4): p = 6, s = 2, L = 4; dL/ds = 2s = 4
  says 'L s ** 2 4 not computed yet'
  says 'L = s ** 2, dL = 1' 'to s the local derivative is 2 * s = 4, so 1 * (2 * s) = 4 arrives'
  says 'p = x * y, dp = 4' 'to x the local derivative is y = 3, so ds * y = 12 arrives' \
    'to y the local derivative is x = 2, so ds * x = 8 arrives' 'z = input, dz = 4' 'y = input, dy = 8' 'x = input, dx = 12'
  # 1/(1 + exp(-1)) = 0.731059, and 0.731059 * (1 - 0.731059) = 0.196612, twice which is 0.393224
  says 'L 1 / q 0.731059 not computed yet'
  says 'm = -s, dm = -0.196612' 'to s the local derivative is -1, so -dm = 0.196612 arrives'
  says 'b = input, db = 0.196612' 'x = input, dx = 0.196612' 'w = input, dw = 0.393224'
}

fork() {
  # L = a b, a = xy = 6, b = x**2 = 4: through a da y = b y = 12, through b db 2x = a 2x = 24; together 3 x**2 y = 36
  says 'through b, its operand 0 db * (2 * x) = 24' 'through a, its operand 0 da * y = 12' \
    'added up by the tape db * (2 * x) + da * y = 36'
  says '%13 dx: f64 () = add %11 %12 # adds up d %0'
  says '[holds] the gradient check refuses the overwritten gradient and passes the sum'
  says '[holds] a second backward walk gives 36, not 72: nothing needs to be set to zero first'
}

broadcast() {
  says '2.0000 10.0000 -10.0000 in each of 4 rows'
  # columns of dy*hhat: -1 + 0 + 1 + 3; 0 - 0.4 + 0.2 + 1.4; 0.4 + 1.4 + 0 - 1.4
  says 'dgamma = sum(dy * hhat, axis=0) (3) added up over the rows' '3.0000 1.2000 0.4000'
  says '%6 dgamma: f64 (3) = sum %5 axes=0 # d %3[0]'
  says 'dgamma = dy * hhat, the sum forgotten: WRONG' \
    'the gradient must have the shape (3) of gamma: the sum over axis 0 is missing (the' \
    'derivative of a broadcast is a sum); summed over it, it is right'
  says 'dgamma = mean(dy * hhat, axis=0): WRONG'
  says 'dgamma = sum(dy * y, axis=0), another operand: WRONG'
  says 'dgamma = sum(dy * hhat, axis=0): RIGHT'
}

batchnorm() {
  # means 12/4, 32/4, 40/4; variances 16/4, 100/4, 400/4; hhat = centred / (2, 5, 10)
  says 'mu = sum(h, axis=0) / 4 (3)' '3.0000 8.0000 10.0000'
  says 'sigma2 = sum(squared, axis=0) / 4 (3)' '4.0000 25.0000 100.0000'
  says 'hhat = centred * rstd (4, 3)' '-1.0000 -1.4000 0.2000' '1.0000 -0.2000 1.4000' '-1.0000 0.2000 -0.2000' '1.0000 1.4000 -1.4000'
  # -1/2 rstd**3 drstd: -0.5*0.125*12, -0.5*0.008*60, -0.5*0.001*(-40)
  says 'dsigma2 = drstd * (-0.5 * (sigma2 + 0) ** (-1.5)) (3)' '-0.7500 -0.2400 0.0200'
  # minus the columns of dy*gamma*rstd, which is dy * (1, 2, -1): 3, 8, -4
  says 'dmu = sum(-dcentred, axis=0) (3)' '-3.0000 -8.0000 4.0000'
  # gamma*rstd * (dy - mean(dy) - hhat*mean(dy*hhat)), first row: 1 - 0.75 + 0.75; 2(0 - 1 + 1.4*0.3); -(2 - 1 - 0.2*0.1)
  says 'dh = dcentred + dmu * 0.25 (4, 3)' '1.0000 -1.1600 -0.9800' '-1.5000 2.1200 0.1400' '-1.0000 -0.1200 0.9800' '1.5000 -0.8400 -0.1400'
  says '[holds] the three paths add up to dh' '[holds] the edge from sigma2 to mu carries zero, up to rounding' \
    '[holds] every column of dh adds up to zero, up to rounding'
}

staged_and_fused() {
  says '%27 batchnorm/y: f64 (64, 8) = add %25 %26'
  says '%4: f64 (64, 8) = fused_batchnorm %0 %1 %2 eps=1e-05'
  says '[holds] in f64 the three gradients agree to 1e-12' '[holds] in f32 each of them is within 1e-4 of f64' \
    '[holds] the fused graph has fewer nodes'
  says 'this loss has no gradient here by construction: it does not respond to h, though'
  says '[holds] the check refuses sum(y) as a loss: it proves nothing'
}

second_derivative() {
  # x**3 = 8, 3x**2 = 12, 6x = 12, 6, 0 at x = 2: value is the second column, the third counts nodes
  local k=0 value
  for value in 8 12 12 6 0; do
    grep -q "^ y${k#0} $value [0-9]* " <<<"$output"
    result "$name prints derivative $k of x**3 at 2 as $value" $?
    k=$((k + 1))
  done
  # dh is that of lesson 4, where it is worked out; H h = -dh since dh shrinks as 1/h along h
  says 'H v for v = h' '-1.0000 1.1600 0.9800' '1.5000 -2.1200 -0.1400' '1.0000 0.1200 -0.9800' '-1.5000 0.8400 0.1400'
  says '[holds] H h = -dh' '[holds] H 1 = 0' '[holds] the gradient check passes H h, staged and fused' \
    '[holds] staged and fused give the same H h'
}

own_fused_op() {
  # of one number s = 1 and eps = 1e-5 the gradient is dy r - dy r**3 s**2 = dy r 1e-5 / (1 + 1e-5), against dy r
  says '"the formula" and "a gradient that forgets r":' 'da, element 0: "the formula" gives 7.05049044e-06, "a gradient that forgets r"' \
    'gives 0.705056095; at N = 1, D = 1, a = 0, b = 1, gamma = 1'
  says '[holds] the forgotten path is found, in da' '[holds] on one number' \
    '[holds] kernel and formula agree, along directions and in second derivatives too' '[holds] the gradient by hand is proved, as a formula'
}

trace_your_own() {
  says 'Forward' '' 'x = x' 'w = w' 'b = b' 't = t' 't4 = x @ w' 't5 = broadcast(b)' 'z = t4 + b' 'a = relu(z)' 'error = a - t' 't9 = error * error' \
    'loss = sum(t9)'
  says 'loss -> t9 dt9 = broadcast(dloss)' 't9 -> error derror = dt9 * error' 't9 -> error derror += dt9 * error' 'error -> a da = derror' \
    'a -> z dz = da * greater(z, 0)' 'z -> t4 dt4 = dz' 'z -> t5 dt5 = dz' 't5 -> b db = sum(dt5, axis=0)' 't4 -> x dx = dt4 @ transpose(w)' \
    't4 -> w dw = transpose(x) @ dt4'
  local folder
  folder=$(mktemp -d)
  "$program" "$folder/trace.json" | grep -qF "$folder/trace.json is written"
  result "$name writes a trace" $?
  head -n 1 "$folder/trace.json" | grep -qF '{"schema":1,"kind":"weft trace",'
  result "$name's trace begins as traces do" $?
  rm -r "$folder"
}

for program in "$@"; do
  run "$program"
  case $name in
    01_chain_rule) chain_rule ;;
    02_fork) fork ;;
    03_broadcast) broadcast ;;
    04_batchnorm) batchnorm ;;
    05_staged_and_fused) staged_and_fused ;;
    06_second_derivative) second_derivative ;;
    07_own_fused_op) own_fused_op ;;
    08_trace_your_own) trace_your_own ;;
    *) result "$name is no lesson of the course" 1 ;;
  esac
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
