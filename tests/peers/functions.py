"""functions.py PROGRAM [--sizes small|large]: functions by the name they have in PyTorch, on fixed cases: values, and gradients of sum(w*y) for random w.

In f64 Weft is held to PyTorch within 1e-12 of the largest element of each array; elementwise functions within 1e-12 of each element. In f32 both are held to
PyTorch's f64 on the same f32 numbers, and Weft's error must be at most twice PyTorch's own, or half an ulp of the largest element, which rounding the result
costs anyway. An offset is added to the data: sums and differences then lose what a careful formula keeps. In f64 an offset costs 1e-16 of itself wherever
a mean is rounded, on both sides, so the tolerance there is 1e-12 + 4 * offset * 2**-53 for data of standard deviation 1.

PROGRAM is tests/peers/functions of a build. functions_table.py has a line for each function; batch normalization over several steps, and optimizers, are
lines of the tables at the end of this file."""
import argparse
import os
import subprocess
import sys
import tempfile
import zlib

import numpy
import torch

from functions_table import DIFFERENCES, ELEMENTWISE, EPS, EXACT, TABLE, batch_norm, batch_norm_relu, channels, data

WITHIN = 1e-12
HALF_ULP = 2.0 ** -24

# the shape of the data, and its offset
SMALL = [((64, 10), 0), ((6, 8, 4, 3), 0), ((4096, 16), 0), ((4096, 16), 1e4)]
LARGE = [((100000, 8), 0), ((100000, 8), 1e4), ((1000000, 4), 0), ((1000000, 4), 1e4), ((64, 4096), 1e4), ((32, 16, 28, 28), 1e4)]
SIZES = {"small": SMALL, "large": SMALL + LARGE}


def draw(kind, shape, offset, random):
    if kind == "labels":
        return random.integers(0, 4, shape)
    if kind == "probabilities":
        p = random.uniform(0.1, 1, shape)
        return p / p.sum(1, keepdims=True)
    if kind == "data":
        return random.standard_normal(shape) + offset
    return random.uniform(0.5, 1.5, shape) if kind == "vector" else random.standard_normal(shape) / shape[0] ** 0.5


def draw_operand(low, high, random, n=6000):
    """A third from the range, a third of all sizes in it, a third near 0 and 1, where functions have zeros and branches."""
    even = random.uniform(low, high, n // 3)
    sizes = 10 ** random.uniform(-12, numpy.log10(max(abs(low), high)), n // 3) * numpy.where(random.random(n // 3) < 0.5, -1 if low < 0 else 1, 1)
    near = random.choice([0.0, 1.0], n // 3) + random.uniform(-1, 1, n // 3) * 10 ** random.uniform(-4, 0, n // 3)
    x = random.permutation(numpy.concatenate([even, sizes, near]))
    return numpy.where((x > low) & (x < high), x, low + (high - low) * random.random(n))


def single(a):
    """The same numbers in both types."""
    return a if a.dtype == numpy.int64 else a.astype(numpy.float32).astype(numpy.float64)


def in_torch(function, inputs, w, dtype):
    x = [torch.from_numpy(a) if a.dtype == numpy.int64 else torch.from_numpy(a.astype(dtype)).requires_grad_() for a in inputs]
    y = function(*x)
    floats = [a for a in x if a.requires_grad]
    gradients = torch.autograd.grad(y, floats, torch.from_numpy(numpy.asarray(w, dtype)))
    return [a.detach().numpy() for a in (y, *gradients)]


def in_weft(program, text, inputs, w, dtype, names=None):
    """text: an expression, or words: a function of PROGRAM and its numbers. names: of the files of the results; else the value and the gradients."""
    words = [text] if "x0" in text else text.split()
    if names is None:
        names = ["y"] + ["dx%d" % i for i, a in enumerate(inputs) if a.dtype != numpy.int64]
    with tempfile.TemporaryDirectory() as folder:
        numpy.save(os.path.join(folder, "w.npy"), numpy.asarray(w, dtype))
        for i, a in enumerate(inputs):
            numpy.save(os.path.join(folder, "x%d.npy" % i), a if a.dtype == numpy.int64 else a.astype(dtype))
        subprocess.run([program, words[0], folder, *words[1:]], check=True)
        return [numpy.load(os.path.join(folder, n + ".npy")) for n in names]


def distance(a, b, w):
    """Of the largest element of b."""
    return float(numpy.abs(a.astype(numpy.float64) - b).max() / max(numpy.abs(b).max(), numpy.finfo(numpy.float64).tiny))


def distance_each(a, b, w):
    """The largest of the distances of the elements, each of itself; what f32 cannot hold, or not with all its digits, is left out."""
    there = numpy.isfinite(b) & (numpy.abs(b) < 3e38) & ((numpy.abs(b) > 2e-38) | (b == 0))
    off = numpy.abs(a.astype(numpy.float64) - b)[there]
    return float(numpy.max(off / numpy.maximum(numpy.abs(b[there]), 2e-38), initial=0))


def distance_each_of_1(a, b, w):
    """Of the derivative or of 1, whichever is more; w: what it is multiplied by."""
    return float(numpy.max(numpy.abs(a.astype(numpy.float64) - b) / numpy.maximum(numpy.abs(b), numpy.abs(w)), initial=0))


class Table:
    """Prints rows and counts them; a silent one counts only."""
    passed = failed = 0

    def __init__(self, silent=False):
        self.silent = silent

    def head(self):
        print("%-38s %-15s %6s %-9s %9s   %9s %9s %6s" % ("", "", "", "", "f64", "f32", "", ""))
        print("%-38s %-15s %6s %-9s %9s   %9s %9s %6s" % ("function", "shape", "offset", "", "- PyTorch", "Weft", "PyTorch", "ratio"))

    def row(self, name, shape, offset, array, f64, weft32, torch32):
        good = f64 <= WITHIN + 4 * offset * 2.0 ** -53 and weft32 <= max(2 * torch32, HALF_ULP)
        self.passed += good
        self.failed += not good
        if self.silent:
            return
        print("%-38s %-15s %6g %-9s %9.1e   %9.1e %9.1e %6.2f%s" % (name, "x".join(map(str, shape)), offset, array, f64, weft32, torch32,
                                                                    weft32 / torch32 if torch32 else numpy.nan if weft32 else 1,
                                                                    "" if good else "  failed"), flush=True)

    def rows(self, name, shape, offset, arrays, weft64, torch64, weft32, torch32, far=distance, far_gradient=None, w=None):
        assert len(weft64) == len(torch64), "%s: %d arrays, and %d from PyTorch" % (name, len(weft64), len(torch64))
        for array, a64, b64, a32, b32 in zip(arrays, weft64, torch64, weft32, torch32):
            measure = far_gradient if far_gradient and array != "y" else far
            self.row(name, shape, offset, array, measure(a64, b64, w), measure(a32, b64, w), measure(b32, b64, w))


class Worst(Table):
    """The largest errors of several draws as one row: of an array of a few numbers either side is at times right by chance."""

    def __init__(self, table):
        self.table, self.worst = table, {}

    def row(self, name, shape, offset, array, *errors):
        key = (name, shape, offset, array)
        self.worst[key] = [max(a, b) for a, b in zip(errors, self.worst.get(key, errors))]

    def tell(self):
        for key, errors in self.worst.items():
            self.table.row(*key, *errors)


def judge(table, program, function, texts, inputs, shape, offset, random, **measure):
    """Both number types, value and gradients."""
    like = function(*(torch.from_numpy(a) for a in inputs))
    w = single(random.standard_normal(tuple(like.shape)))
    torch64 = in_torch(EXACT.get(function, function), inputs, w, numpy.float64)
    torch32 = in_torch(function, inputs, w, numpy.float32)
    arrays = ["y"] + ["dx%d" % i for i, a in enumerate(inputs) if a.dtype != numpy.int64]
    for text in texts:
        weft64, weft32 = (in_weft(program, text, inputs, w, dtype) for dtype in (numpy.float64, numpy.float32))
        table.rows(text, shape, offset, arrays, weft64, torch64, weft32, torch32, w=w, **measure)


def seeded(*words):
    return numpy.random.default_rng(zlib.crc32(repr(words).encode()))


def judge_line(table, program, line, shape, offset):
    function, texts, makers, takes = line
    if not takes(shape) or not fits(texts[0], shape, offset):
        return
    random = seeded(texts[0], shape, offset)
    few = min(numpy.prod(make(shape)[1]) for make in makers) < 100
    worst = Worst(table)
    for _ in range(1 if not few else 6 if numpy.prod(shape) < 100000 else 2):
        inputs = [single(draw(*make(shape), offset, random)) for make in makers]
        judge(worst, program, function, texts, inputs, shape, offset, random, far=distance_each if texts[0].startswith("prod") else distance)
    worst.tell()


def judge_elementwise(table, program, line):
    function, text, ranges = line
    random = seeded(text)
    inputs = [single(draw_operand(low, high, random)) for low, high in ranges]
    judge(table, program, function, [text], inputs, inputs[0].shape, 0, random, far=distance_each,
          far_gradient=distance_each_of_1 if function in DIFFERENCES else None)


def fits(text, shape, offset):
    """Behind an offset, rows of a few elements have at times a deviation far below 1, and f64 too loses its digits; exponentials and products of 1e4 are
    nothing to compare."""
    few = text.startswith("layernorm") and shape[-1] < 16 or text.startswith("groupnorm") and len(shape) == 2
    return not offset or not (few or text.startswith("prod"))


# --- batch normalization over several steps: layout, the axis of the channels ---

LAYOUTS = [((64, 100), 1), ((8, 60, 20), 1), ((8, 60, 5, 4), 1), ((8, 5, 4, 60), -1), ((4, 60, 3, 4, 5), 1)]
STEPS = 4


def training_steps(dtype, h, gamma, beta, w, axis, momentum, biased):
    """Of the last step y and gradients; the running statistics; the evaluation of the last batch with them."""
    modules = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}
    module = modules[h.ndim - 1](len(gamma), eps=EPS, momentum=None if momentum < 0 else momentum, dtype=dtype)
    module.weight.data, module.bias.data = (torch.from_numpy(a).to(dtype) for a in (gamma, beta))
    count = h[0].size / len(gamma)
    for step in h:
        x = torch.from_numpy(step).to(dtype).requires_grad_()
        y = module(x.movedim(axis, 1)).movedim(1, axis)
    gradients = torch.autograd.grad(y, (x, module.weight, module.bias), torch.from_numpy(w).to(dtype))
    if biased:  # the statistics are averages, of 1 at the beginning, and each follows the unbiased variance with one factor
        kept = 0 if momentum < 0 else (1 - momentum) ** len(h)
        module.running_var.copy_(kept + (module.running_var - kept) * (count - 1) / count)
    module.eval()
    evaluated = module(x.movedim(axis, 1)).movedim(1, axis)
    return [a.detach().numpy() for a in (y, *gradients, module.running_mean, module.running_var, evaluated)]


def judge_training(table, program, shape, axis, momentum, biased):
    random = seeded("training", shape, momentum, biased)
    h, w = (single(random.standard_normal(s) * 2 + 3) for s in ((STEPS,) + shape, shape))
    gamma, beta = (single(random.uniform(0.5, 1.5, shape[axis])) for _ in range(2))
    torch64, torch32 = (training_steps(dtype, h, gamma, beta, w, axis, momentum, biased) for dtype in (torch.float64, torch.float32))
    text, names = "batchnorm_steps %d %r %d" % (axis, momentum, biased), ["y", "dx0", "dx1", "dx2", "mean", "variance", "evaluated"]
    weft64, weft32 = (in_weft(program, text, [h, gamma, beta], w, dtype, names) for dtype in (numpy.float64, numpy.float32))
    table.rows(text, shape, 0, names, weft64, torch64, weft32, torch32)


# --- optimizers ---

OPTIMIZERS = [
    ("descend 0.1", lambda p: torch.optim.SGD(p, 0.1)),
    ("sgd 0.1 0.9", lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
    ("adam 0.01", lambda p: torch.optim.Adam(p, 0.01)),
    ("adamw 0.01 0.05", lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.05)),
]


def optimizer_steps(dtype, make, w, gradients):
    parameter = torch.nn.Parameter(torch.from_numpy(w).to(dtype).clone())
    optimizer = make([parameter])
    for gradient in gradients:
        parameter.grad = torch.from_numpy(gradient).to(dtype)
        optimizer.step()
    return [parameter.detach().numpy()]


def judge_optimizer(table, program, text, make, steps):
    random = seeded(text, steps)
    w, gradients = single(random.standard_normal((20, 30))), single(random.standard_normal((steps, 20, 30)) * random.uniform(0.01, 10, (20, 30)))
    torch64, torch32 = (optimizer_steps(dtype, make, w, gradients) for dtype in (torch.float64, torch.float32))
    weft64, weft32 = (in_weft(program, text, [w, gradients], w, dtype, ["y"]) for dtype in (numpy.float64, numpy.float32))
    table.rows("%s, %d steps" % (text, steps), w.shape, 0, ["y"], weft64, torch64, weft32, torch32)


# --- mistakes on purpose ---

def off_by_little(*arguments):
    return batch_norm(*arguments) * (1 + 1e-11)


def judge_mistakes(table, program):
    """The table must refuse Weft's batchnorm where PyTorch is off by 1e-11, or has a ReLU that Weft lacks."""
    for wrong in (off_by_little, batch_norm_relu):
        silent = Table(silent=True)
        judge_line(silent, program, (wrong, ["batchnorm(x0, x1, x2, eps=1e-5)"], [data, channels, channels], lambda shape: True), (64, 10), 0)
        good = silent.passed == 0 and silent.failed == 4
        table.passed += good
        table.failed += not good
        print("%s: %d of 4 arrays are taken for Weft's batchnorm" % (wrong.__name__, silent.passed))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--sizes", choices=SIZES, default="small")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    table = Table()
    table.head()
    for line in ELEMENTWISE:
        judge_elementwise(table, asked.program, line)
    for line in TABLE:
        for shape, offset in SIZES[asked.sizes]:
            judge_line(table, asked.program, line, shape, offset)
    for shape, axis in LAYOUTS:
        for momentum, biased in ((0.1, 0), (-1, 0), (0.25, 1)):
            judge_training(table, asked.program, shape, axis, momentum, biased)
    for text, make in OPTIMIZERS:
        for steps in (1, 7) if asked.sizes == "small" else (1, 7, 300):
            judge_optimizer(table, asked.program, text, make, steps)
    judge_mistakes(table, asked.program)
    print("%d passed, %d failed" % (table.passed, table.failed))
    return table.failed > 0


if __name__ == "__main__":
    sys.exit(main())
