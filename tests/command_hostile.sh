#!/usr/bin/env bash
# command_hostile.sh WEFT [with-zip] [bounded]: what strangers may give to weft eval, check, ops, compare, prove, derive, why, audit, explain and trace: text that asks for more than any machine has, files
# that lie about what is in them. Each gives one message and exit status 2, within seconds. bounded: and within 6 GiB of addresses, which a sanitized
# build has no use of. Ends with "N passed, N failed".
set -u
weft=$1
. "$(dirname "${BASH_SOURCE[0]}")/command_checks.sh"
zip=no
for word in "${@:2}"; do
  case $word in
    with-zip) zip=yes ;;
    bounded) ulimit -v $((6 << 20)) ;;
  esac
done

# refused ARGUMENT...: exit status 2 in time, with one message, which begins as messages do and has no control characters
refused() {
  local status=0
  timeout 20 "$weft" "$@" >"$folder/out" 2>"$folder/err" </dev/null || status=$?
  check "exit 2 of weft ${*:0:200}, got $status" test "$status" -eq 2
  complains '^weft: (eval|check|ops|compare|prove|derive|why|audit|explain|trace): '
  check "one message" test "$(grep -c '^weft: ' "$folder/err")" -eq 1
  check "no control characters" bash -c "! LC_ALL=C grep -q $'[\001-\010\013-\037\177]' '$folder/err'"
  silent out
}

# npy FILE HEADER BYTES-OF-ZEROS
npy() { { printf '\x93NUMPY\x01\x00v\x00%-117s\n' "$2"; head -c "$3" /dev/zero; } >"$1"; }
npy "$folder/label.npy" "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }" 16
npy "$folder/one.npy" "{'descr': '<i8', 'fortran_order': False, 'shape': (), }" 8
repeat() { TEXT=$2 awk -v n="$1" 'BEGIN { while (n-- > 0) printf "%s", ENVIRON["TEXT"] }'; }

# --- a little text that asks for much ---
label="--in label=$folder/label.npy" one="--in one=$folder/one.npy"
refused eval 'broadcast_to(x, (10**9, 10**9))' --in x=1
complains 'about 1e\+18 additions|needs 6.94 EiB|would not fit'
refused eval 'broadcast_to(x, (10**5, 10**5))' --in x=1
complains 'needs 74.5 GiB beside .*--memory allows 4 GiB; try --memory 75G'
refused eval 'broadcast_to(x, (10**10, 10**10))' --in x=1
complains 'would not fit in memory'
refused eval 'reshape(x, (0, 10**15, 10**15))' --in 'x=(0)'
complains 'would not fit in memory'
refused eval 'sum(exp(x + y))' --in 'x=(10**6,1)' --in 'y=(1,10)' # the shapes of --in are no expressions
refused eval 'sum(exp(x + y))' --in 'x=(200000,1)' --in 'y=(1,200000)'
complains 'takes about 8.8e\+11 additions, and --work allows 1e\+11; --work '
refused eval "y = x$(repeat 60 ';y=concat((y,y))')" --in 'x=(3)'
complains 'line 1, column 937: concat "y" .*would not fit in memory'
refused eval "y = x$(repeat 33 ';y=concat((y,y))')" --in 'x=(3)'
refused eval "y = x$(repeat 6 ';y=y[:,None]*y[None];y=reshape(y,-1)')" --in 'x=(10)'
refused eval 'one_hot(label, 10**9)' $label
complains 'try --memory'
refused eval 'one_hot(label, 2**62)' $label
complains '"classes" of one_hot must be a whole number of at most 15 digits'
refused eval 'one_hot(label, -1)' $label
complains 'classes must not be negative'
refused eval 'scatter_add(x, label, 2**31-1)' $label --in 'x=(2,2)'
complains 'try --memory'
refused eval 'scatter_add(x, label, -1)' $label --in 'x=(2,2)'
refused eval 'scatter_add_elements(x, label, 0, -1)' $label --in 'x=(2)'
complains 'length must not be negative'
refused eval 'groupnorm(x, x[0,:,0], x[0,:,0], -2)' --in 'x=(2,4,3)'
complains 'groups must not be negative'
refused eval 'pad(x, (10**15,), (10**15,))' --in 'x=(2)'
refused eval 'pad(x, (10**9,), (0,))' --in 'x=(2)'
complains 'try --memory 8G'
refused eval 'pad(x, (10**15, 10**15), (0, 0))' --in 'x=(2,2)'
complains 'would not fit in memory'
refused eval 'uniform(one, one, (10**9, 1000))' $one
refused eval 'uniform(one, one, (3,), stream=-5)' $one
complains 'stream must not be negative'
refused eval 'dropout(x, one, one, 0.5, stream=-1)' $one --in 'x=(3)'
refused eval 'x @ x' --in 'x=(5000,5000)' --work 1e9
refused eval 'x @ x' --in 'x=(3000,3000)' --memory 100M
complains '--memory allows 100 MiB'
refused eval x --in 'x=(4000000)' --memory 10M
refused eval x --in 'x=(4000000)' --json --memory 100M # numbers as text are longer than numbers
refused eval x --in x=1 --memory 5x
refused eval x --in x=1 --memory 0
refused eval x --in x=1 --work none
run 0 eval 'sum(exp(x + broadcast_to(x, (20, 10**6))))' --in x=0 --work 1e9 --memory 500M
says '^value \(\) f64 20000000$'
run 0 eval x --memory 1M --in 'x=(3)' # wherever the option stands
refused eval x --in 'x=(300000)' --memory 1M
refused check 'sum(x * x)' --shape x=1000000
complains '--work'
refused check 'sum(exp(broadcast_to(x, (10**5, 10**5))))' --shape x=1
refused ops "$(repeat 100000 a)"
refused ops $'\e[2J'

# --- the same of commands that run an expression many times ---
huge='sum(exp(broadcast_to(x, (10**6, 10**6))))'
refused derive "$huge" --in x=1
refused derive "y = x$(repeat 60 ';y=concat((y,y))')" --in 'x=(3)'
refused derive "y = x$(repeat 40 ';y=(y+1)*(y+2)')" --in x=1 --work 1e7
refused derive "y = x$(repeat 5000 ';y=exp(y)*y')" --in x=1
complains 'derive a part of the expression'
run 0 derive "x$(repeat 3000 ' + 1')" --in x=1
refused derive 'cumsum(x, 0)' --in 'x=(3)'
refused derive 'x' --in 'x=(10**6,10**6)'
refused why nan "$huge" --in x=1
refused why zero "$huge" --in x=1
refused audit "$huge" --in x=1
refused audit 'x' --in x=1 --fused "$huge"
refused check 'x * x' --in x=1 --claimed "x=$huge"
refused trace "$huge" x=1
refused explain "$huge" x=1
refused explain $'\e[2J'
refused trace 'x @ x' 'x=(16,16)' --work 1e6
refused compare "$huge" 'x' --shape x=
refused compare 'x' "$huge" --shape x=
refused compare 'x * x' 'x * x' --shape x= --gradient "x=$huge"
refused prove "$huge" 'x' --shape x=
refused prove 'x' 'x' --shape 'x=10**9'
refused prove 'x * x' "2 * x * $huge" --shape x= --gradient x
refused compare 'x' 'x' --shape x=100000,100000
refused compare 'x' 'x' --shape x=N --size N=99999999
refused compare 'x' "$(repeat 200 '(')x$(repeat 200 ')')" --shape x=N

# --- deep and long; an argument of a command is at most 128 KiB on Linux ---
for text in '(' '[' '-' 'x**' 'exp(' 'x[' 'sum(x,axis=' '((x+' "'" '.' ',' $'\n(' '"' '#(' '\' $'\xff' $'\e[2J' 'x.T.' '1e' 'e1' '9' 'x='; do
  refused eval --in 'x=(2,2)' -- "$(repeat $((100000 / ${#text})) "$text")"
  refused check --shape x=2,2 -- "$(repeat $((100000 / ${#text})) "$text")"
done
refused eval "$(seq -f 'a%g=x;' -s '' 12000)" --in x=1
complains 'more than 1024 names'
refused eval "$(seq -f 'a%g+' -s '' 16000)" --in x=1
refused eval "x[$(repeat 50000 ':,')]" --in 'x=(2,2)'
refused eval "concat(($(repeat 60000 'x,')), axis=9)" --in 'x=(2,2)'
# what is deep as a graph is computed and differentiated without recursion
run 0 eval "y=x$(repeat 15000 ';y=y*x')" --in x=1 --grad x --jvp x=1 --hvp x=1
says '^grad_x \(\) f64 15001$'
run 0 eval "x$(repeat 60000 '+x')" --in x=1 --grad x
says '^grad_x \(\) f64 60001$'
power=x
for _ in $(seq 95); do power="($power)**x"; done
run 0 eval "$power" --in x=1 --grad x --hvp x=1
refused eval "$(repeat 10 '(')$power$(repeat 10 ')')" --in x=1
complains 'deeper than 100 levels'

# --- arrays that are typed ---
for text in '[' '[[' '[1' '[1,,2]' '[1 2]' '[,]' '[[1,2],[3]]' '[1,[2]]' '[[1],2]' '[1]]' '[1]x' '[x]' $'[\e[2J]' "$(repeat 9 '[')1$(repeat 9 ']')" "$(repeat 60000 '[')" \
  "[$(repeat 60000 '1,')" "[$(repeat 65537 '1')x]" "[$(repeat 40000 '[],')1]"; do
  refused eval x --in "x=$text"
done
refused trace x "x=[[1,2],[3]]"
complains 'its rows have different lengths'
run 0 eval 'sum(x)' --in "x=[$(repeat 60000 '1,')]"
says '^value \(\) f64 60000$'

# --- files ---
for header in "{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }" "{'descr': '<f8', 'fortran_order': True, 'shape': (4294967296, 4294967296), }" \
  "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }" "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }" \
  "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }" "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }" \
  "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }" "{'descr': '<c16', 'fortran_order': False, 'shape': (1,), }" "{{{{{{{{" ""; do
  npy "$folder/x.npy" "$header" 16
  refused eval x --in x="$folder/x.npy"
done
npy "$folder/x.npy" "{'descr': '>f8', 'fortran_order': True, 'shape': (2, 1), }" 16
run 0 eval x --in x="$folder/x.npy"
npy "$folder/large.npy" "{'descr': '<f8', 'fortran_order': False, 'shape': (2500000000,), }" 0
truncate -s 20000000128 "$folder/large.npy" # 20 GB that take no room on the disk
refused eval 'sum(x)' --in x="$folder/large.npy"
complains 'needs 18.6 GiB .*try --memory 19G'
truncate -s 20000000128 "$folder/large.npz"
refused eval 'sum(x)' --in x="$folder/large.npz"
for path in /dev/zero /dev/null "$folder" "$folder/none.npy" "$folder/none.npz" "$(repeat 5000 n).npy" "$(repeat 5000 n).npz" "$folder/label.npy:x"; do
  refused eval x --in x="$path"
done
ln -s loop.npy "$folder/loop.npy"
refused eval x --in x="$folder/loop.npy"
refused eval x --in x="$folder/label.npy" --in y="$folder/label.npy:x.npz"
refused eval x --in x=1 --out "$folder/label.npy"
refused eval x --in x=1 --out "$folder/label.npy/x.npz"

if [ $zip = yes ] && python3 -c 'import zlib' 2>"$folder/null"; then
  mkdir "$folder/archives"
  python3 "$(dirname "${BASH_SOURCE[0]}")/hostile_archives.py" "$folder/archives" >"$folder/list" 2>"$folder/err"
  check "there are archives" test "$(wc -l <"$folder/list")" -gt 40
  while read -r name says; do
    if [ "$says" = read ]; then
      run 0 eval x --in x="$folder/archives/$name.npz"
      says '^value \(2,\) f64 \[0, 0\]$'
    else
      refused eval x --in x="$folder/archives/$name.npz"
      [ "$says" = . ] || complains "$says"
    fi
  done <"$folder/list"
  check "nothing was written beside them" test "$(find "$folder" -name '*.npy' | wc -l)" -eq 5
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
