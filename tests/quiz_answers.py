"""quiz_answers.py WEFT SEEDS: answers of `weft quiz`, found again by `weft eval` and `weft check --claimed`. Ends with "N passed, N failed"."""
import json
import subprocess
import sys

weft, seeds = sys.argv[1], int(sys.argv[2])
passed = failed = 0
said = {  # what the diagnosis must say of each choice of "paths"
    "the path through mu": ["mu"], "the path through sigma2": ["sigma2"], "both paths, through mu and through sigma2": ["mu", "sigma2"],
    "the factor gamma": ["gamma"], "the path through s": ["s"], "the path through n": ["n"], "the way around f, x itself": ["x -> y"], "the mask of relu": ["relu"],
    "what z does to the other elements of its row, by way of s": [],
}


def run(*words):
    return subprocess.run([weft, *words], capture_output=True, text=True)


def check(good, what, question):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"failed: {what}: {json.dumps(question)}")


def arrays(question):
    words = []
    for a in question["arrays"]:
        shape = ",".join(map(str, a["shape"]))
        words += ["--in", f"{a['name']}={a['value']}" if "value" in a else f"{a['name']}=({shape}{',' if len(a['shape']) == 1 else ''})" if shape else f"{a['name']}=1.5"]
    return words


def judged(question, claim):
    return run("check", question["expression"], *arrays(question), "--wrt", question["wrt"], "--claimed", f"{question['wrt']}={named(question, claim)}")


def named(question, claim):  # a claim may read what the expression names: its lines come before
    return "; ".join([*question["expression"].split("\n"), claim])


def shape_question(q):
    if "wrt" in q:
        wanted = next(a["shape"] for a in q["arrays"] if a["name"] == q["wrt"])
    else:
        wanted = json.loads(run("eval", q["expression"], *arrays(q), "--json").stdout)["results"][0]["shape"]
    check(q["answer"] == wanted, f"the shape is {wanted}", q)


def value_question(q):
    words = ["--grad", q["wrt"]] if "wrt" in q else []
    result = json.loads(run("eval", q["expression"], *arrays(q), "--dtype", "f64", "--json", *words).stdout)
    found = result["results"][1 if words else 0]
    check(abs(found["values"][0] - q["answer"]) < 1e-9, f"it is {found['values']}", q)


def sum_question(q):
    shape = next(a["shape"] for a in q["arrays"] if a["name"] == q["wrt"])
    keep = ", keepdims=1" if 1 in shape else ""
    mended = {"nothing is: it is right": "{}", "a sum over axis 0": "sum({}, 0)", "a sum over axis 1": "sum({}, 1" + keep + ")", "a sum over all axes": "sum({})",
              "it must be repeated along axis 0": "({}) + 0*" + q["wrt"]}
    for i, choice in enumerate(q["choices"]):  # the right one makes the gradient right, and no other does
        status = judged(q, mended[choice].format(q["claimed"])).returncode
        if i == q["answer"] or not q["answer_text"].endswith("right"):  # where nothing is missing, one more sum may do no harm
            check((status == 0) == (i == q["answer"]), f"{choice}: exit {status}", q)


def path_question(q):
    result = judged(q, q["claimed"])
    answer = q["choices"][q["answer"]]
    check((result.returncode == 0) == answer.startswith("nothing"), f"exit {result.returncode}: {result.stdout}{result.stderr}", q)
    for word in said.get(answer, []):
        check(word in result.stdout, f"{word} is not in {result.stdout}", q)


kinds = {"shapes": shape_question, "values": value_question, "sums": sum_question, "paths": path_question}
for seed in range(1, seeds + 1):
    for question in json.loads(run("quiz", "--seed", str(seed), "--questions", "20", "--json").stdout)["questions"]:
        kinds[question["topic"]](question)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
