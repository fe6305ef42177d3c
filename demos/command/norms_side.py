"""norms_side.py THREADS: PyTorch at the work of `weft bench norms`, for peer.c: says "ready VERSION", then answers "NAME PASS N D REPEATS" with seconds.

Arrays are (N, D) in f32, with numbers of the ranges that the command draws. forward is without a record; forward+backward takes the gradients of
all operands by torch.autograd.grad. PyTorch 1.13 has no RMS normalization, and its F.normalize bounds the norm where Weft adds an eps to the square:
those two are written out. What is returned is allocated by each run, as PyTorch's users have it."""
import os
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(1)

EPS = 1e-5
NORMS = {
    "layernorm": (lambda x, gamma, beta: F.layer_norm(x, x.shape[1:], gamma, beta, EPS), 3),
    "groupnorm": (lambda x, gamma, beta: F.group_norm(x, 1 if x.shape[1] % 4 else 4, gamma, beta, EPS), 3),
    "rmsnorm": (lambda x, gamma: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS) * gamma, 2),
    "softmax": (lambda x: torch.softmax(x, -1), 1),
    "log_softmax": (lambda x: torch.log_softmax(x, -1), 1),
    "l2_normalize": (lambda x: x * torch.rsqrt((x * x).sum(-1, keepdim=True) + EPS), 1),
    "gelu": (F.gelu, 1),
    "softmax_cross_entropy": (None, 1),
}


def uniform(shape, low, high):
    return low + (high - low) * torch.rand(shape)


def work_of(name, step, n, d):
    """A function of nothing that does it once."""
    norm, operands = NORMS[name]
    x = [uniform((n, d), -2, 2), uniform(d, 0.5, 1.5), uniform(d, -0.5, 0.5)][:operands]
    dy = uniform((n, d), -0.5, 0.5)
    if norm is None:
        label = torch.arange(n) * 7919 % d
        norm, dy = lambda z: F.cross_entropy(z, label), dy[0, 0]
    if step == "forward":
        def forward():
            with torch.no_grad():
                norm(*x)
        return forward
    for leaf in x:
        leaf.requires_grad_()
    return lambda: torch.autograd.grad(norm(*x), x, dy)


def serve():
    made, work = None, None
    for line in sys.stdin:
        name, step, n, d, repeats = line.split()
        if made != (name, step, n, d):
            made, work = (name, step, n, d), work_of(name, step, int(n), int(d))
            work()
        start = time.perf_counter()
        for _ in range(int(repeats)):
            work()
        print(time.perf_counter() - start, flush=True)


torch.set_num_threads(int(sys.argv[1]) or os.cpu_count() or 1)
print("ready", torch.__version__, flush=True)
serve()
