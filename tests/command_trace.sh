#!/usr/bin/env bash
# command_trace.sh WEFT: weft trace as its users see it, the presets, and arrays that are typed. Ends with "N passed, N failed".
set -u
weft=$1
. "$(dirname "${BASH_SOURCE[0]}")/command_checks.sh"

# holds PYTHON: true of the document d and its nodes by label
holds() {
  command -v python3 >"$folder/null" || return 0
  check "of the trace: $1" python3 - "$folder/out" "$1" <<'PYTHON'
import json, sys
d = json.load(open(sys.argv[1]))
node = {n["label"]: n for n in d["nodes"]}
by_id = {n["id"]: n for n in d["nodes"]}
def value(label): return node[label]["value"]["values"]
def adjoint(label): return node[label]["adjoint"]["values"]
def close(a, b, off=1e-4): return len(a) == len(b) and all(abs(x - y) <= off for x, y in zip(a, b))
def sums_up():  # flows add up to adjoints
    total = {d["output"]: d["cotangent"]["values"]}
    for step in d["walk"]:
        for e in step["edges"]:
            if e["flow"] is None: continue
            so_far = total.get(e["operand"])
            if e["first"] != (so_far is None): return False
            total[e["operand"]] = e["flow"]["values"] if so_far is None else [a + b for a, b in zip(so_far, e["flow"]["values"])]
    return all((n["adjoint"] is None) == (n["id"] not in total) and (n["adjoint"] is None or n["adjoint"]["values"] == total[n["id"]]) for n in d["nodes"])
def links_hold():  # of broadcasts and sums
    for n in d["nodes"]:
        if n["op"] == "broadcast":
            x, takes = by_id[n["operands"][0]]["value"]["values"], n["links"][0]["takes"]
            if [x[i] for i in takes] != n["value"]["values"]: return False
        if n["op"] == "sum":
            x, folds, y = by_id[n["operands"][0]]["value"]["values"], n["links"][0]["folds"], [0.0] * len(n["value"]["values"])
            for i, to in enumerate(folds): y[to] += x[i]
            if not close(y, n["value"]["values"], 1e-12): return False
    return True
sys.exit(not eval(sys.argv[2]))
PYTHON
}

# --- an expression ---
run 0 trace 'q = x + y; f = q * z' x=-2 y=5 z=-4 # the notes of CS231n: dx = dy = -4, dz = 3
holds 'd["schema"] == 1 and d["kind"] == "weft trace" and d["expression"] == "q = x + y; f = q * z"'
holds 'value("f") == [-12] and adjoint("x") == [-4] and adjoint("y") == [-4] and adjoint("z") == [3]'
holds 'sums_up()'
holds 'all(c["verdict"] == "right" and len(c["sweep"]) == 11 for c in d["check"]["x"]) and len(d["check"]["x"]) == 3'
holds 'd["program"]["loops"] == 1 and "computes" in d["program"]["listing"]'
holds 'list(d) == ["schema", "kind", "expression", "inputs", "nodes", "output", "cotangent", "wrt", "walk", "derivation", "check", "program"]'
silent err
cp "$folder/out" "$folder/first"
run 0 trace 'q = x + y; f = q * z' x=-2 y=5 z=-4
check "the same bytes again" cmp "$folder/first" "$folder/out"
run 0 trace 'q = x + y; f = q * z' --in x=-2 --in y=5 z=-4 --out "$folder/file.json"
silent out
check "the same in a file" cmp "$folder/first" "$folder/file.json"
run 0 trace 'x * y' x=2 y=3 # y is taken: the result is f
holds 'by_id[d["output"]]["label"] == "f"'
# a sum of normalised values is sum(beta) alone, whatever h and gamma are; here its terms add up to 0
run 0 trace batchnorm --cotangent '[[1,1,1],[1,1,1],[1,1,1],[1,1,1]]' --no-derivation
holds '[c["verdict"] for c in d["check"]["x"]] == ["zero by construction", "zero by construction", "right"]'

# on paper: dx = 2 x dy
run 0 trace 'x * x' 'x=[1,2]'
holds 'by_id[d["output"]]["index"] == "y_i = x_i²" and d["derivation"]["lines"][-1]["right"] == "2 dy_i x_i"'
holds 'all("index" not in e for e in d["walk"][0]["edges"])' # two edges, each of half of it
run 0 trace 'sum(cumsum(x))' 'x=[1,2]' # which is not written in indices
holds 'list(d["derivation"]) == ["message"] and "cumsum" in d["derivation"]["message"]'
run 0 trace 'x * x' 'x=[1,2]' --no-check --no-derivation
holds 'd["cotangent"]["values"] == [1, 1] and adjoint("x") == [2, 4] and "check" not in d and "derivation" not in d'
run 0 trace 'e = exp(x); e * w' 'x=[0,0]' 'w=[3,4]' --wrt e,w --cotangent '[1,-1]'
holds 'adjoint("e") == [3, -4] and adjoint("w") == [1, -1] and node["x"]["silence"] == "constant"'
holds '[c["node"] for c in d["check"]["x"]] == [node["w"]["id"]] and "e is not checked" in d["check"]["message"]'
run 0 trace 'softmax(z)' 'z=[1,2,3]'
holds 'd["check"]["x"][0]["verdict"] == "zero by construction"'
run 0 trace 'sum(x)' 'x=(50,2)' --elements 99
holds 'node["x"]["value"].keys() == {"shape", "min", "max", "mean", "rms", "not_finite"} and node["y"]["links"] == ["any"]'
run 0 trace 'x * 0.1' x=3 --dtype f32
holds 'node["x"]["dtype"] == "f32" and value("y") == [0.300000012] and d["check"]["x"] == []'

# --- presets: numbers worked out by hand; those of batch normalization are in demos/04_batchnorm.c, for eps = 0 ---
run 0 trace --presets
check "nine presets" test "$(wc -l <"$folder/out")" -eq 9
names=$(awk '{ print $1 }' "$folder/out")
for name in $names; do
  run 0 trace "$name"
  holds 'sums_up() and links_hold()'
  holds 'all(c["verdict"] == "right" for c in d["check"]["x"]) and len(d["check"]["x"]) == len(d["wrt"])'
  holds 'all(any(v != 0 for v in by_id[w]["adjoint"]["values"]) for w in d["wrt"])'
  holds '"paths" not in d or close([sum(c) for c in zip(*(p["value"]["values"] for p in d["paths"]["parts"]))], by_id[d["paths"]["x"]]["adjoint"]["values"], 1e-12)'
done
run 0 trace neuron # notes of CS231n: f = 0.73, df/dw0 = -0.2, dx0 = 0.39, dw1 = -0.39, dx1 = -0.59, db = 0.2
holds 'close(value("a"), [0.73], 0.005) and close(adjoint("w0") + adjoint("x0") + adjoint("w1") + adjoint("x1") + adjoint("b"), [-0.2, 0.39, -0.39, -0.59, 0.2], 0.005)'
run 0 trace fork # x**3 y: 3 x**2 y = 36, x**3 = 8
holds 'adjoint("x") == [36] and adjoint("y") == [8]'
run 0 trace broadcast # columns of dy x: 1 + 12, 0 - 5, 6 + 6; of dy: 4, -1, 3
holds 'adjoint("w") == [13, -5, 12] and adjoint("b") == [4, -1, 3] and adjoint("x") == [1, 0, 4, 3, 1, 2]'
run 0 trace mean # 3/3 and -6/3
holds 'close(adjoint("x"), [1, -2, 1, -2, 1, -2], 1e-15)'
run 0 trace batchnorm
holds 'close(adjoint("h"), [1, -1.16, -0.98, -1.5, 2.12, 0.14, -1, -0.12, 0.98, 1.5, -0.84, -0.14], 1e-5)'
holds 'close(adjoint("gamma"), [3, 1.2, 0.4], 1e-5) and close(adjoint("beta"), [3, 4, 4], 1e-14)'
holds '[p["label"] for p in d["paths"]["parts"]] == ["dh_direct", "dh_by_mu", "dh_by_sigma2"]'
holds 'close(d["paths"]["parts"][0]["value"]["values"], [1, 0, -2, 0, 4, -1, -1, 2, 0, 3, 2, -1], 1e-5)' # dy gamma / (2, 5, 10)
holds 'close(d["paths"]["parts"][1]["value"]["values"], [-0.75, -2, 1] * 4, 1e-5)' # minus its mean
holds 'd["paths"]["parts"][0]["closed"].startswith("dy * (gamma")'
run 0 trace softmax-cross-entropy # (p - t) / 2
holds 'close(adjoint("z"), [(p - t) / 2 for p, t in zip(value("p"), value("t"))], 1e-15)'
run 0 trace batchnorm 'h=[[1,2,3],[3,2,1],[0,1,5],[1,1,1]]' --wrt gamma --through xc # what is typed counts more
holds 'value("h")[:3] == [1, 2, 3] and d["wrt"] == [node["gamma"]["id"]] and d["paths"]["through"] == [node["xc"]["id"]]'

# --- arrays that are typed, in every command ---
run 0 eval 'sum(x * x)' 'x=[[1, 2], [3, 4.5]]'
says '^value \(\) f64 34\.25$'
run 0 eval x --in 'x=[]'
says '^value \(0,\) f64 \[\]$'
run 0 check 'x * x' --in 'x=[1e-3,-2]'
run 1 why zero 'relu(x)' 'x=[-1,-2]'

# --- bad use ---
run 2 trace
run 2 trace 'x'
complains 'not known'
run 2 trace 'x' x=1 y
complains 'no NAME=WHAT'
run 2 trace 'x' x=1 --wrt y
complains '^weft: trace: --wrt y: neither an array'
run 2 trace 'x * x' x=1 --through v
complains '^weft: trace: --through v: neither an array'
run 2 trace 'x * x' 'x=[1,2]' --cotangent '[1,2,3]'
complains 'its shape is \(3,\), and that of the result is \(2,\)'
run 2 trace 'x * x' 'x=[1,2]' --cotangent 1 --cotangent 2
run 2 trace 'argmax(x, 0)' 'x=[1,2]'
complains 'y holds integers'
run 2 trace x x=1 --out "$folder/none/x.json"
complains 'No such file'
run 2 trace x x=1 --dtype f16
run 2 trace x x=1 --elements 0
run 2 trace x x=1 x=2
complains 'given twice'
run 0 trace --help
says 'usage: weft trace'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
