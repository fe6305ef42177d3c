#!/usr/bin/env bash
# command_eval.sh WEFT [with-zip]: weft eval, weft check and weft ops as their users see them. Values are worked out by hand, and by NumPy where there
# is one. Ends with "N passed, N failed".
set -u
weft=$1 zip=${2-}
. "$(dirname "${BASH_SOURCE[0]}")/command_checks.sh"

# npy FILE DTYPE SHAPE BYTES: a version 1.0 file of little-endian numbers, given as bytes for printf
npy() {
  local header
  header=$(printf '%-117s' "{'descr': '$2', 'fortran_order': False, 'shape': $3, }")
  { printf '\x93NUMPY\x01\x00v\x00%s\n' "$header"; printf "$4"; } >"$1"
}

npy "$folder/x.npy" '<f4' '(2, 2)' '\x00\x00\x80\x3f\x00\x00\x80\xbf\x00\x00\x00\x40\x00\x00\x40\x40' # 1 -1; 2 3
npy "$folder/label.npy" '<i8' '(2,)' '\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00' # 1 0

# --- eval: values ---
run 0 eval 'sum(x * x)' --in x=3 --grad x
says '^value \(\) f64 9$'
says '^grad_x \(\) f64 6$'
silent err
check "no colour away from a terminal" bash -c "! grep -q $'\033' '$folder/out'"
run 0 eval 'sum(x, axis=0)' --in x="$folder/x.npy"
says '^value \(2,\) f32 \[3, 2\]$'
run 0 eval '2 * x' --in x=3 --dtype f32
says '^value \(\) f32 6$'
run 0 eval '2 * x' --in x="$folder/x.npy" --dtype f64
says '^value \(2, 2\) f64$'
says '^\[\[2, -2\]$'
says '^ \[4, 6\]\]$'
run 0 eval 'x * y' --in x="$folder/x.npy" --in y=2 # a number is f64, and so is all then
says 'f64'
run 0 eval 'gather(x, label)' --in x="$folder/x.npy" --in label="$folder/label.npy" --grad x
says '^\[\[2, 3\]$'
run 0 eval '1/2 + 2**-1'
says '^value \(\) f64 1$'
run 0 eval 'h = x + 1; h * h' --in x=2
says '^value \(\) f64 9$'
run 0 eval --in x=2 -- '-x'
says 'f64 -2$'
run 0 eval 'x' --in 'x=(300,)'
says '\.\.\.,'
check "normal numbers are the same each time" test "$("$weft" eval x --in 'x=(3,)')" = "$("$weft" eval x --seed 1 --in 'x=(3,)')"
check "and others for another seed" test "$("$weft" eval x --in 'x=(3,)')" != "$("$weft" eval x --in 'x=(3,)' --seed 2)"

# --- eval: derivatives. f = x*x*y at (3, 5): df = (2xy, x*x) = (30, 9); along (2, 7): 60 + 63; H (2, 7) = (2y*2 + 2x*7, 2x*2) = (62, 12) ---
f='x * x * y' at='--in x=3 --in y=5'
run 0 eval "$f" $at --grad x,y --jvp x=2 --jvp y=7 --hvp x=2 --hvp y=7
says '^value \(\) f64 45$'
says '^grad_x \(\) f64 30$'
says '^grad_y \(\) f64 9$'
says '^jvp \(\) f64 123$'
says '^hvp_x \(\) f64 62$'
says '^hvp_y \(\) f64 12$'
run 0 eval "$f" $at --hvp x=2
says '^hvp_x \(\) f64 20$' # 2y*2
check "no hvp_y" bash -c "! grep -q hvp_y '$folder/out'"
run 0 eval "$f" $at --grad x --grad y --cotangent 10
says '^grad_x \(\) f64 300$'
run 0 eval "$f" $at --grad x,x --cotangent w=10
says '^grad_x \(\) f64 300$'
check "each gradient once" test "$(grep -c grad_x "$folder/out")" -eq 1
# h = x*x at 3 with cotangent 10: 10*2*3; and with 1 at the result 7h: 60 + 7*2*3
run 0 eval 'h = x * x; 7 * h' --in x=3 --grad x --cotangent h=10
says '^grad_x \(\) f64 60$'
run 0 eval 'h = x * x; 7 * h' --in x=3 --grad x --cotangent h=10 --cotangent 1
says '^grad_x \(\) f64 102$'
run 0 eval 'fused_batchnorm(h, g, b)' --in 'h=(8,3)' --in 'g=(3)' --in 'b=(3,)' --jvp 'h=(8,3)' --hvp 'g=(3)' --grad h,g,b
silent err

# --- eval: files ---
run 0 eval 'x @ x' --in x="$folder/x.npy" --grad x --jvp x="$folder/x.npy" --hvp x="$folder/x.npy" --out "$folder/results"
silent err
for name in value grad_x jvp hvp_x; do
  check "$name.npy is there" test -s "$folder/results/$name.npy"
done
run 0 eval 'v' --in v="$folder/results/value.npy" # 1 - 2, -1 - 3; 2 + 6, -2 + 9
says '^\[\[-1, -4\]$'
says '^ \[8, 7\]\]$'
run 0 eval 'v - 2 * w' --in v="$folder/results/jvp.npy" --in w="$folder/results/value.npy" # d(x@x) along x is 2 x@x
says '^\[\[0, 0\]$'
run 2 eval 'x' --in x=1 --out "$folder/no/such"
complains 'No such file'
if [ "$zip" = with-zip ]; then
  run 0 eval 'x + 1' --in x="$folder/x.npy" --grad x --out "$folder/all.npz"
  run 0 eval 'grad_x + v' --in grad_x="$folder/all.npz" --in v="$folder/all.npz:value"
  says '^\[\[3, 1\]$'
  run 2 eval 'y' --in y="$folder/all.npz"
  complains 'several arrays: value, grad_x'
  run 2 eval 'y' --in y="$folder/all.npz:nothing"
  complains 'no array "nothing"'
  cp "$folder/x.npy" "$folder/false.npz"
  run 2 eval 'y' --in y="$folder/false.npz"
  complains 'no .npz archive'
  run 2 eval 'x' --in x=1 --out "$folder/no/such.npz"
else
  run 2 eval 'x' --in x=1 --out "$folder/all.npz"
  complains 'built without it'
fi

# --- eval: JSON ---
parses() {
  if command -v python3 >"$folder/null"; then
    check "JSON that parses" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$folder/out"
  fi
}
run 0 eval 'log(x)' --in x="$folder/x.npy" --grad x --json
parses
says '"schema":	1'
says '"name":	"grad_x"'
says '"NaN"'
run 0 eval 'x + 0.5' --in x="$folder/x.npy" --json
says '"values":	\[1.5, -0.5, 2.5, 3.5\]'
run 0 eval 'x' --in x="$folder/x.npy" --json --out "$folder/results"
says '"out":'
check "values are in the file" bash -c "! grep -q values '$folder/out'"

# --- eval: what is wrong is named ---
run 2 eval
complains 'no expression'
run 2 eval 'x' 'y' --in x=1
complains '"y" is a second one'
run 2 eval 'gama * 2' --in gamma=1
complains 'line 1, column 1: "gama" is not known; did you mean "gamma"\?'
complains '^  \^$'
run 2 eval 'x +' --in x=1
complains 'column 4'
run 2 eval 'x @ x' --in 'x=(2,3)'
complains 'inner axes'
run 2 eval 'x' --in x
complains 'NAME=FILE.npy'
run 2 eval 'x' --in 2=3
run 2 eval 'x' --in x=
run 2 eval 'x' --in 'x=(2'
complains 'a shape looks like'
run 2 eval 'x' --in 'x=(-2)'
run 2 eval 'x' --in 'x=(99999999,99999999)'
complains '2\*\*27'
run 2 eval 'x' --in x="$folder/none.npy"
complains 'none.npy.*No such file'
run 2 eval 'x' --in x=1 --in x=2
complains 'twice'
run 2 eval 'x' --in x=1 --grad y
complains '"y" is not among the arrays of --in: x'
run 2 eval 'x' --in x=1 --grad ''
run 2 eval 'gather(x, label)' --in x="$folder/x.npy" --in label="$folder/label.npy" --grad label
complains 'integers|indices|i64'
run 2 eval 'gather(x, label)' --in 'x=(1,2)' --in label="$folder/label.npy"
complains 'index\[0\] is 1'
run 2 eval 'x * x' --in 'x=(3)' --grad x --cotangent '(4)'
complains 'its shape is \(4,\), and that of the result is \(3,\)'
run 2 eval 'x * x' --in 'x=(3)' --jvp 'x=(4)'
complains 'that of x is \(3,\)'
run 2 eval 'x * x' --in 'x=(3)' --hvp 'y=(3)'
complains '"y" is not among'
run 2 eval 'x * x' --in x=1 --grad x --cotangent a=1 --cotangent b=1
complains 'has one already'
run 2 eval 'x' --in x=1 --dtype f16
complains 'f32 or f64'
run 2 eval 'x' --in x=1 --nonsense
run 2 eval 'x' --in x=1 --seed soon
run 0 eval --help
says 'examples:'

# --- hostile text ends soon ---
deep=$(printf '(%.0s' $(seq 1 50000))
run 2 eval "$deep"
complains 'deeper than 100'
run 2 eval "$(printf '1e%.0s9' $(seq 1 300))"

# --- check ---
run 0 check 'batchnorm(h, gamma, beta)' --shape h=8,3 --shape gamma=3 --in 'beta=(3)' --seed 5
says '^h \(8, 3\): right$'
says '^gamma \(3,\): right$'
says 'largest difference'
says '^ +1e-05 +[0-9.e+-]+ +\| *\*'
silent err
run 0 check 'sum(exp(x) * y)' --shape x=3 --shape y=3 --wrt y --json
parses
says '"verdict":	"right"'
says '"sweep":'
check "y alone" bash -c "! grep -q '\"name\":	\"x\"' '$folder/out'"
run 0 check 'gather(x, label)' --in x="$folder/x.npy" --in label="$folder/label.npy"
says '^x \(2, 2\): right'
# the derivative of x * stop_gradient(x) leaves one x out, and differences do not
run 1 check 'x * stop_gradient(x)' --shape x=4
says '^x \(4,\): wrong$'
run 1 check 'x * stop_gradient(x)' --shape x=4 --json
parses
says '"verdict":	false'
run 1 check 'sum(batchnorm(h, gamma, beta))' --shape h=8,3 --shape gamma=3 --shape beta=3 --wrt h
says '^h \(8, 3\): empty$'
# claims: y = x / sum(x) has dx = dy/s - sum(dy*x)/s**2, s = sum(x)
claim='x / sum(x)'
run 0 check "$claim" --shape x=5 --claimed 'x=dy / sum(x) - sum(dy * x) / sum(x)**2'
says '^claimed for x \(5,\): right$'
run 1 check "$claim" --shape x=5 --claimed 'x=dy / sum(x)'
says '^claimed for x \(5,\): wrong$'
says 'dx equals the true gradient without the path x -> .*the derivative through the sum'
says 'claimed, .* in truth'
bn='batchnorm(h, gamma, beta)' shapes='--shape h=8,3 --shape gamma=3 --shape beta=3 --wrt gamma'
run 1 check "$bn" $shapes --claimed 'gamma=dy * (h - mean(h, 0)) / sqrt(var(h, 0) + 1e-5)' --claimed 'beta=mean(dy, 0)' --json
parses
says 'the sum over axis 0 is missing'
says 'a mean where a sum belongs'
says '"verdict":	false'
run 0 eval 'sum(x**2)' --in x="$folder/x.npy" --grad x --out "$folder/claimed"
run 0 check 'sum(x**2)' --in x="$folder/x.npy" --claimed x="$folder/claimed/grad_x.npy"
says '^claimed for x \(2, 2\): right$'
run 1 check 'mean(x**2)' --in x="$folder/x.npy" --claimed x="$folder/claimed/grad_x.npy"
says 'a sum where a mean belongs, N = 4'
run 2 check 'x**2' --in x="$folder/x.npy" --claimed x="$folder/claimed/grad_x.npy"
complains '--in dy='
run 0 check 'x**2' --in x="$folder/x.npy" --in dy="$folder/x.npy" --claimed 'x=2 * x * dy'
run 2 check 'x' --shape x=3 --claimed 'dy'
complains 'NAME=EXPR'
run 2 check 'x' --shape x=3 --claimed 'z=dy'
complains 'not among'
run 2 check 'x' --shape x=3 --claimed 'x=dz'
complains 'not known'
run 2 check 'x' --shape x=3 --claimed 'x=(1, 2)'
run 2 check 'x' --shape x=3 --claimed 'x=dy' --claimed 'x=dy'
complains 'given twice'
run 2 check 'x' --shape x=3 --claimed 'x=sum(dy)'
complains 'the claimed gradient is'
run 2 check 'x' --shape x=3 --claimed x=nowhere.npy
run 2 check 'y' --shape x=2
complains 'not known'
run 2 check '1'
complains 'nothing to differentiate'
run 2 check 'x' --shape x
complains 'NAME=4,3'
run 2 check 'x' --shape x=a
run 2 check 'x' --shape x=3 --wrt y
run 2 check 'x' --shape x=3 --step 7
run 2 check
run 2 check 'x' --shape x=3 --nonsense
run 0 check --help
says 'examples:'

# --- ops ---
run 0 ops
says '^softmax\(z \(N, C\), axis: int = -1\)'
says '^exp\(a\)   y = e \*\* a$'
run 0 ops exp mul
says '^  da = dy \* y$'
says '^  da = dy \* b$'
says '^  db = dy \* a$'
run 0 ops --all
check "every example holds" bash -c "! grep -qE 'line [0-9]+, column|^  example: [a-z_0-9]+\(\)' '$folder/out'"
run 0 ops --json
parses
says '"derivative":'
run 2 ops sotfmax
complains 'did you mean "softmax"'
run 2 ops --nonsense
run 0 ops --help
says 'examples:'

# --- NumPy and Python agree, where they are ---
if python3 -c 'import numpy' 2>"$folder/null"; then
  python3 - "$weft" "$folder" >"$folder/out" 2>"$folder/err" <<'PYTHON'
import random as chance, subprocess, sys
import numpy as np
from numpy import abs, broadcast_to, exp, log, max, maximum, mean, pi, power, reshape, sqrt, std, sum, transpose, var, where
weft, folder = sys.argv[1:]
np.seterr(all="ignore")
good = bad = 0

def softmax(z, axis=-1):
    p = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return p / np.sum(p, axis=axis, keepdims=True)

def evaluate(text, arrays):
    command = [weft, "eval", "--out", folder + "/numpy", "--dtype", "f64"]
    for name, x in arrays.items():
        np.save(f"{folder}/{name}_in.npy", x)
        command += ["--in", f"{name}={folder}/{name}_in.npy"]
    subprocess.run(command + ["--", text], check=True, stdout=subprocess.DEVNULL)
    return np.load(folder + "/numpy/value.npy")

def compare(text, arrays):
    global good, bad
    want = np.asarray(eval(text, globals(), dict(arrays)), float)
    got = evaluate(text, arrays)
    # sums in another order and powers as products: a few roundings of what is added up
    if want.shape == got.shape and np.allclose(got, want, rtol=1e-12, atol=1e-13, equal_nan=True):
        good += 1
    else:
        bad += 1
        print(f"{text}\n  is {got}\n  not {want}")

rng = np.random.default_rng(1)
arrays = {"x": rng.normal(size=(4, 3)), "y": rng.normal(size=(2, 4, 3)), "w": rng.normal(size=(3, 5)), "v": rng.uniform(0.5, 2, size=3)}
for text in ["x @ w", "x * v + y", "sum(y, axis=(0, 2))", "sum(y, (0, -1), keepdims=1)", "mean(y, axis=1)", "var(x, 0)", "std(y, axis=(1, 2), keepdims=True)",
             "max(y, axis=-1)", "softmax(y, axis=1)", "softmax(x)", "x.T @ x", "transpose(y, (2, 0, 1))", "reshape(y, (6, -1))", "broadcast_to(v, (4, 3))",
             "where(x > 0, x, -x)", "(x <= 0) + (x >= 0) * 2 + (x != x) * 4", "exp(x) - log(v) + sqrt(v) + abs(x)", "maximum(x, 0.5) ** 3", "v ** x", "power(v, -1/2)",
             "(x - mean(x, 0)) * (var(x, 0) + 1e-5) ** (-1/2) * v", "sum(x * x) ** .5 / 2 ** 2 ** -1 - pi", "-x ** 2 @ w", "x[1:, ::2]", "y[..., -1]", "y[0, :, None] * y[:, 1:, 0][0, 2]", "y[::-1, 3:0:-2, :2]", "x[:, -2:99].T[1]"]:
    compare(text, arrays)

chance.seed(1)
def draw(depth):
    kind = chance.randrange(9 if depth else 2)
    if kind == 0:
        return chance.choice("abc")
    if kind == 1:
        return chance.choice(["2", "0.5", "3.", "1e-1", ".25"])
    if kind == 2:
        return "(" + draw(depth - 1) + ")"
    if kind == 3:
        return chance.choice(["-", "+"]) + draw(depth - 1)
    return draw(depth - 1) + chance.choice(["+", " - ", "*", " / ", "**", " ** ", "-"]) + draw(depth - 1)

scalars = {"a": np.float64(1.25), "b": np.float64(0.75), "c": np.float64(2.0)}
texts = []
while len(texts) < 120: # those whose value is an ordinary number
    text = draw(4)
    try:
        value = eval(text, {}, scalars)
    except (ZeroDivisionError, OverflowError):
        continue
    if not isinstance(value, complex) and np.isfinite(value) and abs(value) < 1e6:
        texts.append(text)
for text in texts:
    compare(text, scalars)
print(good, bad)
sys.exit(bad != 0 or good < 140)
PYTHON
  status=$?
  check "NumPy and Python agree" test $status -eq 0
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
