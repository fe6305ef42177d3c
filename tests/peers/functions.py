"""functions.py PROGRAM [--sizes small|large]: staged and fused functions by the name they have in PyTorch, on fixed cases, values and gradients of sum(w*y).

In f64 Weft is held to PyTorch within 1e-12 of the largest element of each array. In f32 both are held to PyTorch's f64 on the same f32 numbers, and
Weft's error must be at most twice PyTorch's own, or half an ulp of the largest element, which rounding the result costs anyway. An offset is added to the
data: sums and differences then lose what a careful formula keeps. In f64 an offset costs 1e-16 of itself wherever a mean is rounded, on both sides, so
the tolerance there is 1e-12 + 4 * offset * 2**-53 for data of standard deviation 1.

PROGRAM is tests/peers/functions of a build. Each line of the table below has PyTorch's function and the names under which PROGRAM has Weft's."""
import argparse
import os
import subprocess
import sys
import tempfile
import zlib

import numpy
import torch
import torch.nn.functional as F

EPS = 1e-5
WITHIN = 1e-12
HALF_ULP = 2.0 ** -24
NAMES = ["y", "dx0", "dx1", "dx2"]


# --- the functions as PyTorch has them; arguments: the inputs, eps or the like, the axis ---

def batch_norm(h, gamma, beta, eps, axis):
    return F.batch_norm(h, None, None, gamma, beta, training=True, eps=eps)


def batch_norm_relu(*arguments):
    return F.relu(batch_norm(*arguments))


def layer_norm(x, gamma, beta, eps, axis):
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


def rms_norm(x, gamma, eps, axis):
    """As users of PyTorch 1.13 write it: torch.nn.functional.rms_norm came with 2.4."""
    return gamma * x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps)


def l2_normalize(x, eps, axis):
    """eps is under the root; F.normalize has it elsewhere."""
    return x * torch.rsqrt((x * x).sum(axis, keepdim=True) + eps)


def softmax(z, number, axis):
    return F.softmax(z, axis)


def cross_entropy(z, label, number, axis):
    return F.cross_entropy(z, label)


def mean(x, number, axis):
    return torch.mean(x, axis)


def variance(x, number, axis):
    return torch.var(x, axis, unbiased=False)


def linear(x, w, b, number, axis):
    return F.linear(x, w.t(), b)


# --- inputs: what each stands for, and its shape given that of the first ---

def data(shape):
    return "data", shape


def channels(shape):
    return "vector", shape[1:2]


def features(shape):
    return "vector", shape[-1:]


def labels(shape):
    return "labels", shape[:1]


def square(shape):
    return "matrix", (shape[1], shape[1])


# PyTorch's, Weft's names, inputs, the axis
TABLE = [
    (batch_norm, ["batchnorm", "fused_batchnorm"], [data, channels, channels], 0),
    (batch_norm_relu, ["batchnorm_relu", "fused_batchnorm_relu"], [data, channels, channels], 0),
    (layer_norm, ["layernorm"], [data, features, features], 0),
    (rms_norm, ["rmsnorm"], [data, features], 0),
    (l2_normalize, ["l2_normalize"], [data], 0),
    (softmax, ["softmax"], [data], 1),
    (cross_entropy, ["softmax_cross_entropy"], [data, labels], 0),
    (mean, ["mean"], [data], 0),
    (variance, ["variance"], [data], 0),
    (linear, ["affine"], [data, square, features], 0),
]

# the shape of the data, and its offset
SMALL = [((64, 10), 0), ((6, 5, 4, 3), 0), ((4096, 16), 0), ((4096, 16), 1e4)]
LARGE = [((100000, 8), 0), ((100000, 8), 1e4), ((1000000, 4), 0), ((1000000, 4), 1e4), ((64, 4096), 1e4), ((32, 16, 28, 28), 1e4)]
SIZES = {"small": SMALL, "large": SMALL + LARGE}


def takes(torch_function, shape, offset):
    """Behind an offset, rows of a few elements have at times a deviation far below 1, and f64 too loses its digits."""
    if torch_function is layer_norm and offset and shape[-1] < 16:
        return False
    return len(shape) == 2 or torch_function not in (cross_entropy, linear)


def draw(kind, shape, offset, random):
    if kind == "labels":
        return random.integers(0, 4, shape)
    if kind == "data":
        return random.standard_normal(shape) + offset
    return random.uniform(0.5, 1.5, shape) if kind == "vector" else random.standard_normal(shape) / shape[0] ** 0.5


def in_torch(function, inputs, w, axis, dtype):
    x = [torch.from_numpy(a) if a.dtype == numpy.int64 else torch.from_numpy(a.astype(dtype)).requires_grad_() for a in inputs]
    y = function(*x, EPS, axis)
    floats = [a for a in x if a.requires_grad]
    gradients = torch.autograd.grad(y, floats, torch.from_numpy(numpy.asarray(w, dtype)))
    return [a.detach().numpy() for a in (y, *gradients)]


def in_weft(program, name, inputs, w, axis, dtype):
    with tempfile.TemporaryDirectory() as folder:
        numpy.save(os.path.join(folder, "w.npy"), numpy.asarray(w, dtype))
        for i, a in enumerate(inputs):
            numpy.save(os.path.join(folder, "x%d.npy" % i), a if a.dtype == numpy.int64 else a.astype(dtype))
        subprocess.run([program, name, folder, repr(EPS), str(axis)], check=True)
        return [numpy.load(path) for path in (os.path.join(folder, n + ".npy") for n in NAMES) if os.path.exists(path)]


def distance(a, b):
    """Of the largest element of b."""
    return float(numpy.abs(a.astype(numpy.float64) - b).max() / max(numpy.abs(b).max(), numpy.finfo(numpy.float64).tiny))


class Table:
    """Prints rows and counts them; a silent one counts only."""
    passed = failed = 0

    def __init__(self, silent=False):
        self.silent = silent

    def head(self):
        print("%-22s %-18s %7s %-4s %9s   %9s %9s %6s" % ("", "", "", "", "f64", "f32", "", ""))
        print("%-22s %-18s %7s %-4s %9s   %9s %9s %6s" % ("function", "shape", "offset", "", "- PyTorch", "Weft", "PyTorch", "ratio"))

    def row(self, name, shape, offset, array, f64, weft32, torch32):
        good = f64 <= WITHIN + 4 * offset * 2.0 ** -53 and weft32 <= max(2 * torch32, HALF_ULP)
        self.passed += good
        self.failed += not good
        if self.silent:
            return
        print("%-22s %-18s %7g %-4s %9.1e   %9.1e %9.1e %6.2f%s" % (name, "x".join(map(str, shape)), offset, array, f64, weft32, torch32,
                                                                   weft32 / torch32 if torch32 else numpy.nan if weft32 else 1,
                                                                   "" if good else "  failed"), flush=True)


def judge(table, program, line, shape, offset):
    function, names, makers, axis = line
    random = numpy.random.default_rng(zlib.crc32(repr((names[0], shape, offset)).encode()))
    inputs = [draw(*make(shape), offset, random) for make in makers]
    inputs = [a if a.dtype == numpy.int64 else a.astype(numpy.float32).astype(numpy.float64) for a in inputs]  # the same numbers in both types
    like = function(*(torch.from_numpy(a) for a in inputs), EPS, axis)
    w = random.standard_normal(tuple(like.shape))
    w = numpy.asarray(w, numpy.float32).astype(numpy.float64)
    torch64, torch32 = (in_torch(function, inputs, w, axis, dtype) for dtype in (numpy.float64, numpy.float32))
    for name in names:
        weft64, weft32 = (in_weft(program, name, inputs, w, axis, dtype) for dtype in (numpy.float64, numpy.float32))
        assert len(weft64) == len(torch64), "%s: %d arrays, and %d from PyTorch" % (name, len(weft64), len(torch64))
        for array, a64, b64, a32, b32 in zip(NAMES, weft64, torch64, weft32, torch32):
            table.row(name, shape, offset, array, distance(a64, b64), distance(a32, b64), distance(b32, b64))


def off_by_little(*arguments):
    return batch_norm(*arguments) * (1 + 1e-11)


def judge_mistakes(table, program):
    """The table must refuse Weft's batchnorm where PyTorch is off by 1e-11, or has a ReLU that Weft lacks."""
    for wrong in (off_by_little, batch_norm_relu):
        silent = Table(silent=True)
        judge(silent, program, (wrong, ["batchnorm"], [data, channels, channels], 0), (64, 10), 0)
        good = silent.passed == 0
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
    for line in TABLE:
        for shape, offset in SIZES[asked.sizes]:
            if takes(line[0], shape, offset):
                judge(table, asked.program, line, shape, offset)
    judge_mistakes(table, asked.program)
    print("%d passed, %d failed" % (table.passed, table.failed))
    return table.failed > 0


if __name__ == "__main__":
    sys.exit(main())
