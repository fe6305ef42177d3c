"""functions_table.py: what functions.py compares, a line each: PyTorch's function, Weft's as expressions (or as tests/peers/functions knows it), and inputs.

The f64 of PyTorch is what is true, but where PyTorch's own function loses digits of f64: EXACT has the formula that stands in its place, and how far off it
is. In f32 it stays the measure that it is."""
import math

import torch
import torch.nn.functional as F

EPS = 1e-5


# --- inputs: what each stands for, and its shape given that of the data ---

def data(shape):
    return "data", shape


def channels(shape):
    return "vector", shape[1:2]


def rows(shape):
    return "vector", shape[:1]


def features(shape):
    return "vector", shape[-1:]


def labels(shape):
    return "labels", shape[:1] + shape[2:]


def probabilities(shape):
    return "probabilities", shape


def square(shape):
    return "matrix", (shape[-1], shape[-1])


def keys(shape):
    return "matrix", (24, shape[-1])


def mask(shape):
    return "matrix", (shape[0], 24)


# --- functions of PyTorch by the names that it has for them, and formulas where it has none ---

def batch_norm(h, gamma, beta):
    return F.batch_norm(h, None, None, gamma, beta, training=True, eps=EPS)


def batch_norm_relu(*x):
    return F.relu(batch_norm(*x))


def instance_norm(x, gamma, beta):
    return F.instance_norm(x, None, None, gamma, beta, use_input_stats=True, eps=EPS)


def rms_norm(x, gamma):
    """As users of PyTorch 1.13 write it: torch.nn.functional.rms_norm came with 2.4."""
    return gamma * x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS)


def l2_normalize(x):
    """eps is under the root; F.normalize has it elsewhere."""
    return x * torch.rsqrt((x * x).sum(0, keepdim=True) + EPS)


def normalize(x):
    """Without an eps that counts, F.normalize is the same."""
    return F.normalize(x, dim=0, eps=1e-300)


def weight_norm(v, g):
    """What torch.nn.utils.weight_norm() computes."""
    return torch._weight_norm(v, g.reshape((-1,) + (1,) * (v.dim() - 1)), 0)


def attention(q, k, v):
    """torch.nn.functional.scaled_dot_product_attention came with 2.0."""
    return F.softmax(q @ k.t() / math.sqrt(q.shape[-1]), -1) @ v


def masked_attention(q, k, v, m):
    return F.softmax(q @ k.t() / math.sqrt(q.shape[-1]) + m, -1) @ v


def folded(x, w, b, gamma, beta, mean, variance):
    """As torch.nn.utils.fusion.fuse_linear_bn_weights() folds, which makes parameters of the result and so has no derivative."""
    scale = gamma * torch.rsqrt(variance + EPS)
    return F.linear(x, w.t() * scale.unsqueeze(-1), (b - mean) * scale + beta)


MOST = 2.0


def clip_grad_norm(a, b):
    """PyTorch divides by norm + 1e-6, Weft by norm; that factor is taken back where the norm is beyond MOST."""
    norm = torch.sqrt((a * a).sum() + (b * b).sum())
    factor = (norm + 1e-6) / norm if norm + 1e-6 > MOST else 1
    stand_ins = [torch.nn.Parameter(torch.zeros_like(x)) for x in (a, b)]
    for stand_in, x in zip(stand_ins, (a, b)):
        stand_in.grad = x.detach().clone()
    of_torch = torch.nn.utils.clip_grad_norm_(stand_ins, MOST)
    clipped = [x * (MOST / torch.clamp(norm, min=MOST)) for x in (a, b)]  # the same, with a derivative
    if a.dtype == torch.float64:  # torch.norm() is off by 1.9e-3 for 4e6 numbers of f32 behind an offset of 1e4, and the root of a sum by 1.2e-8
        for stand_in, x in zip(stand_ins, clipped):
            assert torch.allclose(stand_in.grad * factor, x, rtol=1e-12, atol=0)
        assert torch.allclose(of_torch, norm, rtol=1e-12, atol=0)
    return torch.cat([clipped[0].reshape(-1), clipped[1].reshape(-1), norm.reshape(1)])


def reduced(function, how):
    def of(*x):
        return function(*x, reduction=how)
    of.__name__ = function.__name__ + "_" + how
    return of


def any_shape(shape):
    return True


def matrix(shape):
    return len(shape) == 2


def wide(shape):
    """Not of 4 columns and a million rows: dgamma is 4 contractions there of 4 sums each that mostly cancel. PyTorch's sums are off by 3 to 5 times as much
    as Weft's, dx1 says, and yet one draw of dgamma or dvariance was off by a third as much."""
    return len(shape) == 2 and shape[1] >= 8


def planes(shape):
    return len(shape) > 2


def in_fours(shape):
    """With more than one value a group, which else would be its own mean."""
    return shape[1] % 4 == 0 and (len(shape) > 2 or shape[1] > 4)


# PyTorch's, Weft's, inputs, the shapes that it is for
TABLE = [
    (batch_norm, ["batchnorm(x0, x1, x2, eps=1e-5)", "fused_batchnorm(x0, x1, x2, eps=1e-5)"], [data, channels, channels], any_shape),
    (batch_norm_relu, ["relu(batchnorm(x0, x1, x2, 1e-5))", "fused_batchnorm_relu(x0, x1, x2, eps=1e-5)"], [data, channels, channels], any_shape),
    (folded, ["batchnorm_folded 1e-5"], [data, square, features, features, features, features, features], wide),
    (lambda x, g, b: F.layer_norm(x, x.shape[-1:], g, b, EPS), ["layernorm(x0, x1, x2)"], [data, features, features], any_shape),
    (lambda x, g, b: F.group_norm(x, 4, g, b, EPS), ["groupnorm(x0, x1, x2, groups=4)"], [data, channels, channels], in_fours),
    (instance_norm, ["instancenorm(x0, x1, x2)"], [data, channels, channels], planes),
    (rms_norm, ["rmsnorm(x0, x1, 1e-5)"], [data, features], any_shape),
    (l2_normalize, ["l2_normalize(x0, axis=0, eps=1e-5)"], [data], any_shape),
    (normalize, ["l2_normalize(x0, axis=0, eps=0)"], [data], any_shape),
    (weight_norm, ["weightnorm 0"], [data, rows], any_shape),
    (clip_grad_norm, ["clip_by_norm 2"], [data, square], any_shape),
    (lambda z: F.softmax(z, 1), ["softmax(x0, axis=1)"], [data], any_shape),
    (lambda z: F.log_softmax(z, 1), ["log_softmax(x0, axis=1)"], [data], any_shape),
    (lambda z: torch.logsumexp(z, 1), ["logsumexp(x0, axis=1)"], [data], any_shape),
    (lambda z: torch.logsumexp(z, (0, 1), keepdim=True), ["logsumexp(x0, axis=(0, 1), keepdims=1)"], [data], any_shape),
    (reduced(F.cross_entropy, "mean"), ["cross_entropy(x0, x1)"], [data, labels], any_shape),
    (reduced(F.cross_entropy, "mean"), ["softmax_cross_entropy(x0, x1)"], [data, labels], matrix),
    (reduced(F.cross_entropy, "sum"), ["cross_entropy(x0, x1, 'sum')"], [data, labels], any_shape),
    (reduced(F.cross_entropy, "none"), ["cross_entropy(x0, x1, 'none')"], [data, labels], any_shape),
    (reduced(F.cross_entropy, "mean"), ["cross_entropy(x0, x1, 'mean')"], [data, probabilities], any_shape),
    (reduced(F.cross_entropy, "sum"), ["cross_entropy(x0, x1, 'sum')"], [data, probabilities], any_shape),
    (reduced(F.cross_entropy, "none"), ["cross_entropy(x0, x1, 'none')"], [data, probabilities], any_shape),
    (reduced(F.mse_loss, "mean"), ["mse(x0, x1)"], [data, data], any_shape),
    (reduced(F.mse_loss, "sum"), ["mse(x0, x1, 'sum')"], [data, data], any_shape),
    (reduced(F.mse_loss, "none"), ["mse(x0, x1, 'none')"], [data, data], any_shape),
    (attention, ["attention(x0, x1, x2)"], [data, keys, keys], matrix),
    (masked_attention, ["attention(x0, x1, x2, x3)"], [data, keys, keys, mask], matrix),
    (lambda x, w, b: F.linear(x, w.t(), b), ["affine(x0, x1, x2)", "x0 @ x1 + x2"], [data, square, features], matrix),
    (torch.matmul, ["x0 @ x1"], [data, square], any_shape),
    (lambda a, b: torch.matmul(a.transpose(-1, -2), b), ["transpose(x0, (1, 0)) @ x1"], [data, data], matrix),
    (lambda a, b: torch.matmul(a, b.transpose(-1, -2)), ["x0 @ transpose(x1, (0, 1, 3, 2))"], [data, data], lambda shape: len(shape) == 4),
    (lambda x: torch.sum(x, 0), ["sum(x0, axis=0)"], [data], any_shape),
    (lambda x: torch.sum(x), ["sum(x0)"], [data], any_shape),
    (lambda x: torch.mean(x, 0), ["mean(x0, axis=0)"], [data], any_shape),
    (lambda x: torch.mean(x), ["mean(x0)"], [data], any_shape),
    (lambda x: torch.cumsum(x, 0), ["cumsum(x0, axis=0)"], [data], any_shape),
    (lambda x: torch.cumsum(x, -1), ["cumsum(x0)"], [data], any_shape),
    (lambda x: torch.prod(x, 1), ["prod(x0, axis=1)"], [data], any_shape),
    (lambda x: torch.amax(x, 0), ["max(x0, axis=0)"], [data], any_shape),
    (lambda x: torch.amin(x, -1), ["min(x0, axis=-1)"], [data], any_shape),
    (lambda x: torch.var(x, 0, unbiased=False), ["variance(x0, axis=0)"], [data], any_shape),
    (lambda x: torch.var(x, (0, 1), unbiased=True), ["variance(x0, axis=(0, 1), correction=1)"], [data], any_shape),
    (lambda x: torch.std(x, 0, unbiased=False), ["std(x0, axis=0)"], [data], any_shape),
    (lambda x: torch.std(x, 0, unbiased=True), ["std(x0, axis=0, correction=1)"], [data], any_shape),
]


# --- elementwise: each element by itself, relative to itself ---

def gelu(a):
    """By erfc: 1 + erf() loses all digits of a below -8."""
    return a / 2 * torch.erfc(-a / math.sqrt(2))


def elu(a):
    """F.elu has e**a - 1, which loses the digits of a small a."""
    return torch.where(a > 0, a, torch.expm1(torch.where(a > 0, torch.zeros_like(a), a)))


def softplus(a):
    """F.softplus is a itself from 20 on, and so off by 2e-9 of it."""
    zero, above = torch.zeros_like(a), a > 0
    return torch.where(above, a + torch.log1p(torch.exp(-torch.where(above, a, zero))), torch.log1p(torch.exp(torch.where(above, zero, a))))


def as_mask(compare):
    return lambda *x: compare(*x).to(x[0].dtype) + 0 * x[0] * x[1]  # a derivative of 0, where PyTorch has none


# PyTorch's, Weft's, the operands' ranges. A third of the numbers are drawn from the range, a third are of all sizes in it, a third near 0 and 1.
ELEMENTWISE = [
    (torch.add, "x0 + x1", [(-1e6, 1e6)] * 2), (torch.sub, "x0 - x1", [(-1e6, 1e6)] * 2), (torch.mul, "x0 * x1", [(-1e9, 1e9)] * 2),
    (torch.div, "x0 / x1", [(-1e9, 1e9)] * 2), (torch.neg, "-x0", [(-1e30, 1e30)]), (torch.reciprocal, "reciprocal(x0)", [(-1e12, 1e12)]),
    (torch.pow, "x0 ** x1", [(1e-6, 20), (-8, 8)]), (torch.square, "square(x0)", [(-1e15, 1e15)]), (torch.sqrt, "sqrt(x0)", [(0, 1e30)]),
    (torch.rsqrt, "rsqrt(x0)", [(0, 1e20)]), (torch.exp, "exp(x0)", [(-85, 85)]), (torch.expm1, "expm1(x0)", [(-85, 85)]), (torch.log, "log(x0)", [(0, 1e30)]),
    (torch.log1p, "log1p(x0)", [(-0.999, 1e30)]), (torch.sin, "sin(x0)", [(-1e4, 1e4)]), (torch.cos, "cos(x0)", [(-1e4, 1e4)]),
    (torch.tanh, "tanh(x0)", [(-9, 9)]), (torch.sigmoid, "sigmoid(x0)", [(-85, 85)]), (F.softplus, "softplus(x0)", [(-85, 200)]),
    (torch.erf, "erf(x0)", [(-6, 6)]), (F.relu, "relu(x0)", [(-1e30, 1e30)]), (lambda a: F.leaky_relu(a, 0.25), "leaky_relu(x0, 0.25)", [(-1e30, 1e30)]),
    (F.elu, "elu(x0, 1)", [(-85, 1e3)]), (F.silu, "silu(x0)", [(-80, 1e3)]), (F.gelu, "gelu(x0)", [(-10, 1e3)]), (torch.abs, "abs(x0)", [(-1e30, 1e30)]),
    (torch.sign, "sign(x0)", [(-1e30, 1e30)]), (torch.floor, "floor(x0)", [(-1e9, 1e9)]), (torch.maximum, "maximum(x0, x1)", [(-9, 9)] * 2),
    (torch.minimum, "minimum(x0, x1)", [(-9, 9)] * 2), (lambda a: torch.clamp(a, -0.5, 1.5), "clip(x0, -0.5, 1.5)", [(-9, 9)]),
    (as_mask(torch.lt), "x0 < x1", [(-9, 9)] * 2), (as_mask(torch.le), "x0 <= x1", [(-9, 9)] * 2), (as_mask(torch.gt), "x0 > x1", [(-9, 9)] * 2),
    (as_mask(torch.ge), "x0 >= x1", [(-9, 9)] * 2), (as_mask(torch.eq), "x0 == x1", [(-9, 9)] * 2), (as_mask(torch.ne), "x0 != x1", [(-9, 9)] * 2),
    (lambda m, a, b: torch.where(m > 0, a, b) + 0 * m, "where(x0 > 0, x1, x2)", [(-9, 9)] * 3),
]

EXACT = {F.gelu: gelu, F.elu: elu, F.softplus: softplus}

# Derivatives that are differences of numbers near 1, here as in PyTorch: 1 - y**2, y + 1. Their errors are those of 1, however small they are themselves.
DIFFERENCES = {torch.tanh, torch.expm1, F.elu, F.gelu, F.silu}
