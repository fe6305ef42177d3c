"""ops.py: what each op of the catalogue is in PyTorch and in NumPy, a line for each.

A line has two functions of the node and its operands; the node has shape, the dtype's name, and the members that tests/peers/attributes.c writes.
The formulas are those that weft.h states. Where the function of PyTorch that goes by the name computes something else, the line says what is
taken in its place. At kinks and ties Weft has PyTorch's conventions, so nothing is left out there: abs and relu have derivative 0 at 0, maximum and
minimum share a tie evenly between two operands, max and min among all elements that tie."""
import math

import numpy
import torch
import torch.nn.functional as F

# Ops without a counterpart, and why. Where they are in a graph their values are taken as they are.
WITHOUT = {
    "fused_batchnorm_backward": "it is in derivatives only, which each side derives by itself",
    "fused_batchnorm_relu_backward": "likewise",
    "fused_batchnorm_evaluation_backward": "likewise",
    "fused_layernorm_backward": "likewise",
    "fused_groupnorm_backward": "likewise",
    "fused_rmsnorm_backward": "likewise",
    "fused_l2_normalize_backward": "likewise",
    "fused_softmax_backward": "likewise",
    "fused_log_softmax_backward": "likewise",
    "fused_softmax_cross_entropy_backward": "likewise",
    "fused_gelu_backward": "likewise",
    "uniform": "its random numbers are those of another generator",
    "normal": "likewise",
}


def is_torch(x):
    return isinstance(x, torch.Tensor)


def scalar(x):
    """Of an operand that repeats one constant."""
    return x.reshape(-1)[0].item() if x.numel() else 0.0


# --- shapes and axes ---

def fold(torch_fold, numpy_fold):
    """Over several axes at once. PyTorch takes an empty set of axes for all of them."""
    def over_torch(node, x):
        return torch_fold(x, node.axes, node.keepdims) if node.axes else x.clone()

    def over_numpy(node, x):
        return numpy_fold(x, axis=tuple(node.axes), keepdims=node.keepdims)
    return over_torch, over_numpy


def prod_torch(node, x):
    """By halves. torch.prod's derivative divides the product by the element, with roundings that the product of the others has not."""
    for axis in node.axes:
        while x.shape[axis] > 1:
            half = x.shape[axis] // 2
            rest = x.narrow(axis, 2 * half, x.shape[axis] - 2 * half)
            x = torch.cat([x.narrow(axis, 0, half) * x.narrow(axis, half, half), rest], axis)
        if not x.shape[axis]:
            x = x.new_ones([1 if k == axis else n for k, n in enumerate(x.shape)])
    return x.reshape(node.shape)


def first(node, x):
    """x at index 0 of the axes."""
    at = [slice(None)] * len(x.shape)
    for axis in node.axes:
        at[axis] = slice(0, 1) if node.keepdims else 0
    return x[tuple(at)]


def slice_torch(node, x):
    """PyTorch's slices know no negative step."""
    for axis in range(x.dim()):
        x = x.index_select(axis, node.start[axis] + node.step[axis] * torch.arange(node.shape[axis]))
    return x


def slice_numpy(node, x):
    for axis in range(x.ndim):
        x = numpy.take(x, node.start[axis] + node.step[axis] * numpy.arange(node.shape[axis]), axis)
    return x


def padded(node, x):
    """y[before + i (apart + 1)] = x[i], zeros elsewhere."""
    y = x.new_zeros(node.shape) if is_torch(x) else numpy.zeros(node.shape, x.dtype)
    at = tuple(slice(before, before + max(n - 1, 0) * (apart + 1) + (n > 0), apart + 1)
               for before, apart, n in zip(node.before, node.apart, x.shape))
    y[at] = x
    return y


def cast_torch(node, x):
    return x.to({"f32": torch.float32, "f64": torch.float64, "i64": torch.int64}[node.dtype])


def cast_numpy(node, x):
    return x.astype({"f32": numpy.float32, "f64": numpy.float64, "i64": numpy.int64}[node.dtype])


# --- indices ---

def axis_of(node):
    return node.axes[0] if node.axes else 0


def scatter_add_torch(node, x, index):
    return x.new_zeros(node.shape).index_add(axis_of(node), index, x)


def scatter_add_numpy(node, x, index):
    y = numpy.zeros(node.shape, x.dtype)
    numpy.add.at(y, (slice(None),) * axis_of(node) + (index,), x)
    return y


def scatter_add_elements_numpy(node, x, index):
    y = numpy.zeros(node.shape, x.dtype)
    at = list(numpy.indices(index.shape))
    at[axis_of(node)] = index
    numpy.add.at(y, tuple(at), x)
    return y


def take_torch(node, x, index):
    return x[(slice(None),) * axis_of(node) + (index,)]


# --- normalization ---

def batchnorm(total, sqrt, node, h, gamma, beta):
    """The formula, and its derivative by PyTorch. torch.batch_norm itself is in functions.py: it computes h*(gamma*rstd) + (beta - mu*gamma*rstd), whose
    roundings grow with the size of mu over sigma, and those of the formula do not."""
    axes = (0,) + tuple(range(2, h.ndim))
    channels = (1, -1) + (1,) * (h.ndim - 2)
    n = max(math.prod(h.shape[axis] for axis in axes), 1)
    centred = h - total(h, axes) / n
    rstd = 1 / sqrt(total(centred * centred, axes) / n + node.eps)
    return gamma.reshape(channels) * (centred * rstd) + beta.reshape(channels)


def batchnorm_torch(node, h, *x):
    """A copy of h, so that what flows back from its two users is added up before anything else: it cancels where a channel has one element."""
    return batchnorm(lambda a, axes: torch.sum(a, axes, True), torch.sqrt, node, h.clone(), *x)


def batchnorm_numpy(node, *x):
    return batchnorm(lambda a, axes: numpy.sum(a, axes, keepdims=True), numpy.sqrt, node, *x)


def evaluated(m, node, h, gamma, beta, mean, variance):
    channels = (-1,) + (1,) * (h.ndim - 2)
    if node.frozen and m is torch:
        gamma, beta = gamma.detach(), beta.detach()
    centred = h - mean.reshape(channels)
    y = gamma.reshape(channels) * (centred / m.sqrt(variance + node.eps).reshape(channels)) + beta.reshape(channels)
    return y if not node.relu else torch.relu(y) if m is torch else numpy.maximum(y, 0)


def row_mean(x):
    """Along the last axis, which stays. Of nothing it is 0."""
    return x.sum(-1).reshape(x.shape[:-1] + (1,)) / max(x.shape[-1], 1)


def layernorm(m, node, x, gamma, beta):
    """Of PyTorch's x a copy, for batchnorm_torch()'s reason: what flows back cancels in a row of one element."""
    centred = x - row_mean(x)
    return gamma * (centred / m.sqrt(row_mean(centred * centred) + node.eps)) + beta


def rmsnorm(m, node, x, gamma):
    return gamma * (x / m.sqrt(row_mean(x * x) + node.eps))


def groupnorm(m, node, x, gamma, beta):
    """A layernorm of what a sample's group has, without its gamma and beta: those belong to channels."""
    rows = x.reshape((x.shape[0], node.groups, math.prod(x.shape[1:]) // node.groups))
    channels = (-1,) + (1,) * (x.ndim - 2)
    return layernorm(m, node, rows, 1, 0).reshape(x.shape) * gamma.reshape(channels) + beta.reshape(channels)


def l2_normalize_torch(node, x):
    return x * torch.rsqrt(torch.sum(x * x, node.axis, True) + node.eps)


def l2_normalize_numpy(node, x):
    return x / numpy.sqrt(numpy.sum(x * x, axis=node.axis, keepdims=True) + node.eps)


def softmax_numpy(z, axis):
    e = numpy.exp(z - numpy.max(z, axis=axis, keepdims=True))
    return e / numpy.sum(e, axis=axis, keepdims=True)


def log_softmax_numpy(z, axis):
    shifted = z - numpy.max(z, axis=axis, keepdims=True)
    return shifted - numpy.log(numpy.sum(numpy.exp(shifted), axis=axis, keepdims=True))


def cross_entropy_numpy(z, label):
    shifted = z - numpy.max(z, axis=1, keepdims=True)
    return numpy.mean(numpy.log(numpy.sum(numpy.exp(shifted), axis=1)) - shifted[numpy.arange(len(label)), label])


# --- powers ---

def pow_torch(a, b):
    """torch.pow, but for elements of exponent 0. There its derivative by the base is the constant 0 and says nothing of the exponent, so that the
    mixed second derivative comes out as 0 in place of 1/a; of e ** (b ln a) it is right. Bases that are not positive are torch.pow's."""
    by_logarithm = (b == 0) & (a > 0)
    return torch.where(by_logarithm, torch.exp(b * torch.log(torch.where(by_logarithm, a, torch.ones_like(a)))), a ** b)


# --- elu ---

def elu_torch(node, a, b):
    """F.elu has e**a - 1, which loses the digits of a small a, and at 0 a second derivative of 0 beside a derivative from the left."""
    return torch.where(a > 0, a, b * torch.expm1(torch.where(a > 0, torch.zeros_like(a), a)))


# --- softplus ---

def softplus_torch(a):
    """F.softplus is a itself from 20 on, and so off by 2e-9; torch.logaddexp(a, 0) is off by two million roundings at -14."""
    zero, above = torch.zeros_like(a), a > 0
    return torch.where(above, a + torch.log1p(torch.exp(-torch.where(above, a, zero))), torch.log1p(torch.exp(torch.where(above, zero, a))))


# --- the table ---

def both(function):
    """One text for both: operators, or a function that they call by the same name."""
    return lambda node, *x: function(torch, *x), lambda node, *x: function(numpy, *x)


def one(torch_function, numpy_function):
    return lambda node, *x: torch_function(*x), lambda node, *x: numpy_function(*x)


def mask(compare):
    return lambda node, *x: compare(*x).to(torch.float64), lambda node, *x: compare(*x).astype(numpy.float64)


def sigmoid_numpy(x):
    return 1 / (1 + numpy.exp(-x))


erf_numpy = numpy.vectorize(math.erf, otypes=[numpy.float64])

# The numbers and the masks that nothing flows back through; what else is here has a derivative.
FLAT = {"sign", "floor", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "argmax", "argmin", "one_hot", "stop_gradient",
        "cast"}  # graphs of f64 cast to i64 and back

OPS = {
    "add": both(lambda m, a, b: a + b),
    "sub": both(lambda m, a, b: a - b),
    "mul": both(lambda m, a, b: a * b),
    "div": both(lambda m, a, b: a / b),
    "neg": both(lambda m, a: -a),
    "reciprocal": both(lambda m, a: m.reciprocal(a)),
    "pow": one(pow_torch, lambda a, b: a ** b),
    "square": both(lambda m, a: m.square(a)),
    "sqrt": both(lambda m, a: m.sqrt(a)),
    "rsqrt": one(torch.rsqrt, lambda a: 1 / numpy.sqrt(a)),
    "exp": both(lambda m, a: m.exp(a)),
    "expm1": both(lambda m, a: m.expm1(a)),
    "log": both(lambda m, a: m.log(a)),
    "log1p": both(lambda m, a: m.log1p(a)),
    "sin": both(lambda m, a: m.sin(a)),
    "cos": both(lambda m, a: m.cos(a)),
    "tanh": both(lambda m, a: m.tanh(a)),
    "sigmoid": one(torch.sigmoid, sigmoid_numpy),
    "softplus": one(softplus_torch, lambda a: numpy.logaddexp(a, 0)),
    "erf": one(torch.erf, erf_numpy),
    "gelu": one(F.gelu, lambda a: 0.5 * a * (1 + erf_numpy(a / math.sqrt(2)))),
    "silu": one(F.silu, lambda a: a * sigmoid_numpy(a)),
    "relu": one(torch.relu, lambda a: numpy.maximum(a, 0)),
    "leaky_relu": (lambda node, a, b: F.leaky_relu(a, scalar(b)), lambda node, a, b: numpy.where(a > 0, a, b * a)),
    "elu": (elu_torch, lambda node, a, b: numpy.where(a > 0, a, b * numpy.expm1(numpy.minimum(a, 0)))),
    "clip": (lambda node, a, b, c: torch.clamp(a, scalar(b), scalar(c)), lambda node, a, b, c: numpy.clip(a, b, c)),
    "abs": both(lambda m, a: m.abs(a)),
    "sign": both(lambda m, a: m.sign(a)),
    "floor": both(lambda m, a: m.floor(a)),
    "maximum": both(lambda m, a, b: m.maximum(a, b)),
    "minimum": both(lambda m, a, b: m.minimum(a, b)),
    "greater": mask(lambda a, b: a > b),
    "greater_equal": mask(lambda a, b: a >= b),
    "less": mask(lambda a, b: a < b),
    "less_equal": mask(lambda a, b: a <= b),
    "equal": mask(lambda a, b: a == b),
    "not_equal": mask(lambda a, b: a != b),
    "where": both(lambda m, c, a, b: m.where(c != 0, a, b)),
    "sum": fold(torch.sum, numpy.sum),
    "max": fold(torch.amax, numpy.amax),
    "min": fold(torch.amin, numpy.amin),
    "prod": (prod_torch, lambda node, x: numpy.prod(x, axis=tuple(node.axes), keepdims=node.keepdims)),
    "argmax": (lambda node, x: torch.argmax(x, axis_of(node), node.keepdims), lambda node, x: numpy.argmax(x, axis_of(node), keepdims=node.keepdims)),
    "argmin": (lambda node, x: torch.argmin(x, axis_of(node), node.keepdims), lambda node, x: numpy.argmin(x, axis_of(node), keepdims=node.keepdims)),
    "cumsum": (lambda node, x: torch.cumsum(x, axis_of(node)), lambda node, x: numpy.cumsum(x, axis_of(node))),
    "broadcast": (lambda node, x: x.expand(node.shape), lambda node, x: numpy.broadcast_to(x, node.shape)),
    "reshape": (lambda node, x: x.reshape(node.shape), lambda node, x: x.reshape(node.shape)),
    "transpose": (lambda node, x: x.permute(node.order[:x.dim()]), lambda node, x: x.transpose(node.order[:x.ndim])),
    "first": (first, first),
    "slice": (slice_torch, slice_numpy),
    "pad": (padded, padded),
    "concat": (lambda node, *x: torch.cat(x, node.axis), lambda node, *x: numpy.concatenate(x, node.axis)),
    "cast": (cast_torch, cast_numpy),
    "stop_gradient": one(torch.Tensor.detach, lambda x: x),
    "matmul": both(lambda m, a, b: m.matmul(a, b)),
    "take": (take_torch, lambda node, x, index: numpy.take(x, index, axis_of(node))),
    "scatter_add": (scatter_add_torch, scatter_add_numpy),
    "gather_elements": (lambda node, x, index: torch.gather(x, axis_of(node), index),
                        lambda node, x, index: numpy.take_along_axis(x, index, axis_of(node))),
    "scatter_add_elements": (lambda node, x, index: x.new_zeros(node.shape).scatter_add(axis_of(node), index, x), scatter_add_elements_numpy),
    "one_hot": (lambda node, index: F.one_hot(index, node.shape[-1]).to(torch.float64), lambda node, index: numpy.eye(node.shape[-1])[index]),
    "fused_batchnorm": (batchnorm_torch, batchnorm_numpy),
    "fused_batchnorm_evaluation": (lambda node, *x: evaluated(torch, node, *x), lambda node, *x: evaluated(numpy, node, *x)),
    "fused_layernorm": (lambda node, x, *rest: layernorm(torch, node, x.clone(), *rest), lambda node, *x: layernorm(numpy, node, *x)),
    "fused_groupnorm": (lambda node, *x: groupnorm(torch, node, *x), lambda node, *x: groupnorm(numpy, node, *x)),
    "fused_rmsnorm": (lambda node, *x: rmsnorm(torch, node, *x), lambda node, *x: rmsnorm(numpy, node, *x)),
    "fused_l2_normalize": (l2_normalize_torch, l2_normalize_numpy),
    "fused_softmax": (lambda node, z: torch.softmax(z, node.axis), lambda node, z: softmax_numpy(z, node.axis)),
    "fused_log_softmax": (lambda node, z: torch.log_softmax(z, node.axis), lambda node, z: log_softmax_numpy(z, node.axis)),
    "fused_gelu": one(F.gelu, lambda a: 0.5 * a * (1 + erf_numpy(a / math.sqrt(2)))),
    "fused_softmax_cross_entropy": one(F.cross_entropy, cross_entropy_numpy),
    "fused_batchnorm_relu": (lambda node, *x: torch.relu(batchnorm_torch(node, *x)), lambda node, *x: numpy.maximum(batchnorm_numpy(node, *x), 0)),
}


# --- mistakes on purpose ---

def wrong_value(y):
    if y.dtype == torch.int64:
        return torch.where(y > 0, y - 1, y)
    return y * (1 + 2.0 ** -20)


def wrong_gradient(y):
    """The value, with a derivative of the other sign."""
    return 2 * y.detach() - y


def wrong_curvature(y):
    """The value and the derivative, with a second derivative that is off by its square."""
    return y + 0.5 * (y - y.detach()) ** 2


MISTAKES = {"value": wrong_value, "gradient": wrong_gradient, "curvature": wrong_curvature}
