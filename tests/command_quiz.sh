#!/usr/bin/env bash
# command_quiz.sh WEFT: weft quiz as its users see it: it asks, counts, writes sheets, and judges code. Ends with "N passed, N failed".
set -u
weft=$1
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/command_checks.sh"

answers() { # STATUS ANSWERS ARGUMENT...: the answers, a line each, typed into it
  local expected=$1 typed=$2 status=0
  shift 2
  printf "$typed" | "$weft" quiz "$@" >"$folder/out" 2>"$folder/err" || status=$?
  check "exit $expected of weft quiz $*, got $status" test "$status" -eq "$expected"
}

# --- asking ---
answers 0 '?\n?\n?\n?\n' --seed 7 --questions 4
says '^1 of 4: shapes$'
says '^2 of 4: values$'
says '^3 of 4: sums$'
says '^4 of 4: paths$'
says '^0 of 4 right\.$'
silent err
cp "$folder/out" "$folder/first"
answers 0 '?\n?\n?\n?\n' --seed 7 --questions 4
check "the same seed asks the same" cmp -s "$folder/out" "$folder/first"
answers 0 '?\n?\n?\n?\n' --seed 8 --questions 4
check "another asks something else" bash -c "! cmp -s '$folder/out' '$folder/first'"
answers 0 '(5, 1)\n16.0\nA\nb\n' --seed 7 --questions 4 # df/dy of (x + y)**2 at 5, 3 is 16; the fourth is right as it stands, a
says '^Right: \(5, 1\)$'
says '^Right: 16$'
says '^It is a\) nothing was: it is right$'
says '^3 of 4 right\.$'
answers 0 '5x1\n32/2\na)\n  a  \n' --seed 7 --questions 4
says '^4 of 4 right\.$'
answers 0 'five\n5 1\nq\n' --seed 7
says '^Type a shape, as 4,3 or \(\) for one number'
says '^1 of 1 right\.$'
answers 0 '' values --seed 1
says '^1 of 8: values$'
says '^0 of 0 right\.$'
answers 0 "$(printf '%0300d' 0)\n?\n" shapes --seed 1 --questions 1
says '^0 of 1 right\.$'
check "no colour off a terminal" bash -c "! grep -q $'\033' '$folder/out'"

# --- what it says is so, by weft eval and weft check ---
if command -v python3 >"$folder/null"; then
  python3 "$here/quiz_answers.py" "$weft" 25 >"$folder/out" 2>"$folder/err"
  check "$(tail -n 1 "$folder/out") of the answers" grep -qE '^[1-9][0-9]{2,} passed, 0 failed$' "$folder/out"
fi

# --- on paper ---
run 0 quiz --seed 7 --questions 4 --worksheet "$folder/sheet.txt" --key "$folder/key.txt"
silent out
cp "$folder/sheet.txt" "$folder/out"
says '^Name: _+$'
says '^   Answer: _+$'
check "no answer on the sheet" bash -c "! grep -q '16' '$folder/sheet.txt'"
cp "$folder/key.txt" "$folder/out"
says '^   Answer: \(5, 1\)$'
says '^   Answer: 16$'
says '^   Answer: a\) nothing is: it is right$'
run 0 quiz --seed 7 --worksheet -
says '^Derivatives: questions \(seed 7\)$'
run 0 quiz --seed 3 --questions 60 --worksheet "$folder/sheet.tex" --key "$folder/key.tex"
check "a whole document" bash -c "head -n 1 '$folder/key.tex' | grep -q documentclass && tail -n 1 '$folder/key.tex' | grep -q 'end{document}'"
check "what TeX reads as a command is escaped" bash -c "! sed 's/\\\\\\\\[a-z]*//g' '$folder/key.tex' | grep -q '[^\\\\\\\\][_%#]'"
if command -v pdflatex >"$folder/null"; then
  for name in sheet key; do
    check "$name.tex compiles" bash -c "cd '$folder' && pdflatex -halt-on-error -interaction=batchmode $name.tex >$name.out"
    check "no line of $name.tex is too long" bash -c "! grep -q '^Overfull .hbox' '$folder/$name.log'"
  done
fi
run 2 quiz --seed 7 --worksheet "$folder/none/sheet.txt"
complains 'cannot write .*none/sheet.txt: No such file'

# --- code ---
cat >"$folder/good.c" <<'C'
#include <math.h>
#include <stddef.h>
void my_batchnorm_backward(size_t n, size_t d, double eps, const double *h, const double *gamma, const double *dy, double *dh, double *dgamma,
                           double *dbeta)
{
    for (size_t j = 0; j < d; j++) {
        double mu = 0, sigma2 = 0;
        for (size_t i = 0; i < n; i++)
            mu += h[i * d + j] / n;
        for (size_t i = 0; i < n; i++)
            sigma2 += (h[i * d + j] - mu) * (h[i * d + j] - mu) / n;
        double r = 1 / sqrt(sigma2 + eps);
        dbeta[j] = dgamma[j] = 0;
        for (size_t i = 0; i < n; i++) {
            dbeta[j] += dy[i * d + j];
            dgamma[j] += dy[i * d + j] * (h[i * d + j] - mu) * r;
        }
        for (size_t i = 0; i < n; i++)
            dh[i * d + j] = gamma[j] * r / n * (n * dy[i * d + j] - dbeta[j] - (h[i * d + j] - mu) * r * dgamma[j]);
    }
}
C
run 0 quiz code "$folder/good.c"
says '^3 of 3 right$'
broken() { # WHAT-IT-SAYS SED-EXPRESSION: good.c with a mistake
  sed "$2" "$folder/good.c" >"$folder/broken.c"
  check "$2 changes it" bash -c "! cmp -s '$folder/good.c' '$folder/broken.c'"
  run 1 quiz code "$folder/broken.c"
  says "$1"
}
broken '^dh: .*mu' 's/ - dbeta\[j\]//'
broken '^dh: .*sigma2' 's/ - (h\[i \* d + j\] - mu) \* r \* dgamma\[j\]//'
broken '^dh: .*gamma' 's/= gamma\[j\] \* r/= r/'
broken '^dgamma: ' 's/dgamma\[j\] += /dgamma[j] = /'
broken '^dbeta: .*half|^dbeta: .*2' 's/dbeta\[j\] += dy/dbeta[j] += 2 * dy/'
broken '^dh: it is not written, or NaN$' 's/            dh\[i \* d + j\] = .*/            ;/'
broken '^With 4 rows and 6 columns:$' 's/i \* d + j/i * 3 + j/g'
broken 'crash' 's/double mu = 0/*(volatile int *)8 = 1; double mu = 0/'
run 0 quiz code --write "$folder/mine.c"
check "the start is there" grep -q my_batchnorm_backward "$folder/mine.c"
run 1 quiz code "$folder/mine.c"
says '^dbeta: dbeta is zero everywhere'
says '^0 of 3 right$'
run 2 quiz code --write "$folder/mine.c"
complains 'it is there already'
echo 'void my_batchnorm_backward(' >"$folder/broken.c"
run 2 quiz code "$folder/broken.c"
complains 'does not compile'
run 1 quiz code "$folder/mine.c" --json
says '"score":	0'
run 2 quiz code "$folder/none.c"
complains 'weft quiz code --write'

# --- bad use ---
run 2 quiz derivatives
complains 'the topics are shapes, values, sums, paths and code'
run 2 quiz shapes values
run 2 quiz --questions 0
complains '--questions 0'
run 2 quiz --seed -1
run 2 quiz --write x.c
complains '--write goes with code'
run 2 quiz code
run 0 quiz --help
says 'examples:'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
