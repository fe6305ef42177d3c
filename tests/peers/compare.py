"""compare.py: evaluates graphs in PyTorch and NumPy, in f64, and compares them with what Weft gives. tests/peers/graphs.c writes a line of JSON for
each graph and reads a line of answer:

    ok E S E S E S E S       it agrees: elements compared, and those within a sharp bound, for value, gradient, jvp and hvp
    wrong WORDS              it does not: the first element that is off
    raised WORDS             an exception here

Two more lines: {"catalogue": [...]}, answered by the ops that have no counterpart here or by the name of one that should; and {"break": OP, "how": H},
from which on PyTorch's function for that op is wrong on purpose.

The tolerance is the bound that comes with each element (tests/bounded.h). The judge of tests/plain.c allows each op its roundings, whatever the order
of a sum, and an undecided comparison either outcome; it does so for the nodes as they were recorded, which are those that PyTorch runs, and for the
rewritten ones, which Weft runs. The sum of the two errors is doubled, since the judge rounds as well, and since PyTorch's formula for the derivative of
an op may have another rounding or two than ours: -g*((a/b)/b) where ours is -g*y/b. Where the bound is infinite nothing is compared. Where it is zero,
the same ops give a whole number or the like in any order, but another formula with a division in it may not: derivatives get FEW roundings of the
largest element. Of the ten million elements of 10000 graphs the one that came closest was off by half of its bound."""
import json
import sys
from types import SimpleNamespace

try:
    import numpy
    import torch

    import ops
except ImportError as error:
    print("skipped: %s" % error, flush=True)
    sys.exit(77)

FEW = 4 * sys.float_info.epsilon
SHARP = 1e-8  # as in tests/judge.c
QUANTITIES = ("value", "gradient", "jvp", "hvp")


class Wrong(Exception):
    pass


class Broken:
    op, mistake = "", None


# --- evaluating ---

def leaf_values(node):
    return numpy.array(node.values, numpy.int64 if node.dtype == "i64" else numpy.float64).reshape(node.shape)


def read_nodes(line):
    nodes = []
    for entry in line["nodes"]:
        entry.setdefault("dtype", "f64")
        entry.setdefault("axes", [])
        nodes.append(SimpleNamespace(**entry))
    return nodes


def check_shape(node, y):
    if tuple(y.shape) != tuple(node.shape):
        raise Wrong("%s is of shape %s here and %s in Weft" % (node.op, tuple(y.shape), tuple(node.shape)))
    return y


def evaluate_numpy(nodes):
    at = []
    with numpy.errstate(all="ignore"):
        for node in nodes:
            if hasattr(node, "values"):
                at.append(leaf_values(node))
            elif node.op == "part":  # a further output, which only derivatives read
                at.append(None)
            else:
                at.append(numpy.asarray(check_shape(node, ops.OPS[node.op][1](node, *(at[k] for k in node.x)))))
    return at


def evaluate_torch(nodes, leaves):
    at = []
    for number, node in enumerate(nodes):
        if hasattr(node, "values"):
            at.append(torch.from_numpy(leaf_values(node)).requires_grad_(number in leaves))
        elif node.op == "part":
            at.append(None)
        else:
            y = check_shape(node, ops.OPS[node.op][0](node, *(at[k] for k in node.x)))
            at.append(Broken.mistake(y) if node.op == Broken.op else y)
    return at


# --- derivatives ---

def vjp(y, dy, x):
    """Sum of dy[k] . dy[k]/dx, for each x; zeros where no path leads from x to y. It can be differentiated again."""
    reached = [(a, da) for a, da in zip(y, dy) if a.requires_grad]
    if not reached:
        return [torch.zeros_like(a) for a in x]
    dx = torch.autograd.grad([a for a, _ in reached], x, [da for _, da in reached], create_graph=True, allow_unused=True)
    return [torch.zeros_like(a) if da is None else da for a, da in zip(x, dx)]


def derivatives(line, y, x):
    def shaped(name, like):
        return [torch.tensor(values, dtype=torch.float64).reshape(a.shape) for values, a in zip(line[name], like)]

    w, dx = shaped("w", y), shaped("dx", x)
    u = [torch.ones_like(a, requires_grad=True) for a in y]  # the Jacobian is linear in u, so any u does
    gradient = vjp(y, w, x)
    return {"value": y, "gradient": gradient, "jvp": vjp(vjp(y, u, x), dx, u), "hvp": vjp(gradient, dx, x)}


# --- comparing ---

def compare(quantity, side, expected, got, bound):
    """Counts of one quantity: elements compared, and of these the sharp ones."""
    elements = sharp = 0
    for k, (theirs, ours, e) in enumerate(zip(expected, got, bound)):
        ours, e = numpy.array(ours, numpy.float64), numpy.array(e, numpy.float64)
        theirs = numpy.asarray(theirs, numpy.float64).reshape(-1)
        decided = numpy.isfinite(e)
        largest = max(numpy.abs(ours[decided]).max(initial=0), 1e-3)
        tolerance = e + (0 if quantity == "value" else FEW * largest)
        with numpy.errstate(invalid="ignore"):
            off = decided & ~(numpy.abs(theirs - ours) <= tolerance)
        elements += decided.size
        sharp += int((decided & (tolerance <= SHARP * largest)).sum())
        if off.any():
            i = int(numpy.argmax(off))
            raise Wrong("%s %d, element %d: Weft %.17g, %s %.17g, within %.3g" % (quantity, k, i, ours[i], side, theirs[i], tolerance[i]))
    return elements, sharp


def answer_graph(line):
    nodes = read_nodes(line)
    values = evaluate_numpy(nodes)
    compare("value", "NumPy", [values[k] for k in line["results"]], line["value"]["weft"], line["value"]["bound"])
    at = evaluate_torch(nodes, set(line["leaves"]))
    found = derivatives(line, [at[k] for k in line["results"]], [at[k] for k in line["leaves"]])
    counts = []
    for quantity in QUANTITIES:
        arrays = [a.detach().clone().numpy() for a in found[quantity]]  # a clone, since sgn's derivative is a zero tensor without memory
        if quantity == "value" or line["leaves"]:
            counts += compare(quantity, "PyTorch", arrays, line[quantity]["weft"], line[quantity]["bound"])
        else:
            counts += [0, 0]
    return "ok " + " ".join(map(str, counts))


# --- the other lines ---

def answer_catalogue(names):
    for name in names:
        if name not in ops.OPS and name not in ops.WITHOUT:
            return "wrong tests/peers/ops.py has no line for the op " + name
    return "ok " + " ".join(name for name in names if name in ops.WITHOUT)


def answer_break(op, how):
    if op and (op not in ops.OPS or how not in ops.MISTAKES):
        return "none: %s of %s is not among %s of the ops" % (how, op, ", ".join(ops.MISTAKES))
    if op in ops.FLAT and how != "value":
        return "none: %s has no derivative" % op
    Broken.op, Broken.mistake = op, ops.MISTAKES.get(how)
    return "ok"


def answer(text):
    line = json.loads(text)
    if "catalogue" in line:
        return answer_catalogue(line["catalogue"])
    if "break" in line:
        return answer_break(line["break"], line["how"])
    try:
        return answer_graph(line)
    except Wrong as wrong:
        return "wrong %s" % wrong
    except Exception as error:
        return "raised %s: %s" % (type(error).__name__, " ".join(str(error).split()))


def main():
    torch.set_num_threads(1)
    for text in sys.stdin:
        print(answer(text)[:480], flush=True)


if __name__ == "__main__":
    main()
