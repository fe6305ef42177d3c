"""torch_side.py: PyTorch as a worker of tests/bench/peers, 1.13 and later.

native            the ATen kernels called directly: native_batch_norm and its backward, without autograd's overhead; ReLU in place
native-autograd   torch.nn.functional.batch_norm, then torch.autograd.grad
staged            mu, sigma2, hhat and y by tensor operations, then torch.autograd.grad
mlp: eager steps with torch.optim.SGD, the batch normalization native or staged; SGD's loop or its foreach form, whichever is faster

On the CPU these kernels take no out= and allocate what they return; the driver runs this worker once with a heap that keeps freed memory and
once with the default malloc, where large results are mapped and faulted in anew each time."""
import ctypes
import os
import sys

import torch
import torch.nn.functional as F

import side

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
aten = torch.ops.aten


def variants(item, layout):
    return dict.fromkeys(("native", "staged") if item == "mlp" else ("native", "native-autograd", "staged"), "")


def filled(request, stream):
    """(N, C), (N, C, H, W), or that with channels last in memory."""
    a = torch.empty((request.n, request.c) if request.mlp else request.dim)
    if request.layout == "nhwc":
        a = a.contiguous(memory_format=torch.channels_last)
    request.fill(a.data_ptr(), stream)
    return a


def vector(count, stream, low_high=None):
    a = torch.empty(count)
    side.fill_vector(a.data_ptr(), count, stream, low_high)
    return a


class Inputs:
    def __init__(self, request):
        self.h, self.dy, self.copy = filled(request, side.H), filled(request, side.DY), filled(request, side.H)
        self.gamma, self.beta = vector(request.c, side.GAMMA), vector(request.c, side.BETA)
        self.h_address, self.copy_address, self.bytes = self.h.data_ptr(), self.copy.data_ptr(), 4 * self.h.numel()


def raw(tensor):
    tensor = tensor.detach().contiguous()
    return ctypes.string_at(tensor.data_ptr(), 4 * tensor.numel())


def staged(h, gamma, beta):
    axes = [0] + list(range(2, h.dim()))
    column = [1, -1] + [1] * (h.dim() - 2)
    mu = h.mean(axes, keepdim=True)
    centred = h - mu
    sigma2 = (centred * centred).mean(axes, keepdim=True)
    hhat = centred * (sigma2 + side.EPS) ** -0.5
    return gamma.view(column) * hhat + beta.view(column)


def native(h, gamma, beta):
    return F.batch_norm(h, None, None, gamma, beta, True, 0.1, side.EPS)


def direct(inputs, relu):
    h, dy, gamma, beta = inputs.h, inputs.dy, inputs.gamma, inputs.beta

    def run():
        y, mean, rstd = torch.native_batch_norm(h, gamma, beta, None, None, True, 0.1, side.EPS)
        if relu:
            y.relu_()
        g = aten.threshold_backward(dy, y, 0) if relu else dy
        return (y,) + tuple(aten.native_batch_norm_backward(g, h, gamma, None, None, mean, rstd, True, side.EPS, [True, True, True]))
    return run


def recorded(inputs, relu, normalise):
    leaves = [a.detach().requires_grad_() for a in (inputs.h, inputs.gamma, inputs.beta)]

    def run():
        y = normalise(*leaves)
        if relu:
            y = F.relu(y, inplace=True)
        dh, dgamma, dbeta = torch.autograd.grad(y, leaves, inputs.dy)
        return y, dh, dgamma, dbeta
    return run


def make_batchnorm(request, inputs):
    if request.variant == "native":
        run = direct(inputs, request.relu)
    else:
        run = recorded(inputs, request.relu, staged if request.variant == "staged" else native)

    def collect():
        y, dh, dgamma, dbeta = run()
        for a in (y, dh):
            a = a.detach()[:, request.columns]
            yield raw(a.permute(0, 2, 3, 1) if a.dim() == 4 else a)
        yield raw(dgamma[request.columns])
        yield raw(dbeta[request.columns])
    return side.Work(run, collect)


def make_network(request, foreach):
    batch, wide, hidden, classes = request.dim
    shapes = ((side.W1, (wide, hidden)), (side.B1, (hidden,)), (side.GAMMA, (hidden,)), (side.BETA, (hidden,)), (side.W2, (hidden, classes)),
              (side.B2, (classes,)))
    x = vector(batch * wide, side.X).view(batch, wide)
    label = vector(batch, side.LABEL, (0, classes)).long()
    normalise = staged if request.variant == "staged" else native

    def fresh(rate):
        w = [vector(torch.Size(shape).numel(), stream).view(shape).requires_grad_() for stream, shape in shapes]
        w1, b1, gamma, beta, w2, b2 = w
        sgd = torch.optim.SGD(w, lr=rate, momentum=side.MOMENTUM, foreach=foreach)

        def step():
            sgd.zero_grad(set_to_none=True)
            y = F.relu(normalise(torch.addmm(b1, x, w1), gamma, beta), inplace=True)
            loss = F.cross_entropy(torch.addmm(b2, y, w2), label)
            loss.backward()
            sgd.step()
            return loss
        return w, step

    def collect():
        w, step = fresh(side.CHECK_RATE)
        step()
        loss = step()
        return [raw(a) for a in w] + [raw(loss)]
    return side.Work(fresh(side.RATE)[1], collect, "foreach" if foreach else "loop")


def make_work(request, inputs):
    if not request.mlp:
        return make_batchnorm(request, inputs)
    both = [make_network(request, foreach) for foreach in (False, True)]
    times = [[side.seconds_of(work.run, 50) for _ in range(5)][1:] for work in both]
    return both[0] if min(times[0]) <= min(times[1]) else both[1]


if __name__ == "__main__":
    if sys.argv[2:] == ["version"]:
        print("PyTorch", torch.__version__)
    else:
        side.serve(variants, Inputs, make_work)
