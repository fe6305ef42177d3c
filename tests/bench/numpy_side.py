"""numpy_side.py: NumPy as a worker of tests/bench/peers: the closed form of batch normalization into given buffers, and the float64 reference
by which the results of every worker are judged: "verify ITEM LAYOUT DIMS PATH" answers the largest error, relative to the largest entry."""
import sys

import numpy as np

import side


def aligned(shape, dtype=np.float32):
    """Touched memory at a multiple of 64 bytes, as the other workers have it."""
    count = int(np.prod(shape))
    raw = np.zeros(count * np.dtype(dtype).itemsize + 64, np.uint8)
    raw.fill(0)
    start = -raw.ctypes.data % 64
    return raw[start:start + count * np.dtype(dtype).itemsize].view(dtype).reshape(shape)


def filled(request, stream):
    """h or dy: (N*S, C), or (N, C, S) for nchw."""
    a = aligned((request.n, request.c, request.s) if request.layout == "nchw" else (request.rows, request.c))
    request.fill(a.ctypes.data, stream)
    return a


def vector(count, stream, low_high=None):
    a = aligned(count)
    side.fill_vector(a.ctypes.data, count, stream, low_high)
    return a


class Inputs:
    def __init__(self, request):
        self.h, self.dy, self.copy = filled(request, side.H), filled(request, side.DY), filled(request, side.H)
        self.gamma, self.beta = vector(request.c, side.GAMMA), vector(request.c, side.BETA)
        self.h_address, self.copy_address, self.bytes = self.h.ctypes.data, self.copy.ctypes.data, self.h.nbytes


def make_work(request, inputs):
    h, dy = inputs.h, inputs.dy
    planes = request.layout == "nchw"
    axes, column = ((0, 2), (1, -1, 1)) if planes else (0, (1, -1))
    gamma, beta = inputs.gamma.reshape(column), inputs.beta.reshape(column)
    hhat, y, dh = aligned(h.shape), aligned(h.shape), aligned(h.shape)
    mask, g = (aligned(h.shape, np.bool_), aligned(h.shape)) if request.relu else (None, dy)
    mu, sigma2, dgamma, dbeta = (aligned(gamma.shape) for _ in range(4))
    count = np.float32(request.rows)

    def run():
        np.mean(h, axis=axes, keepdims=True, out=mu)
        np.subtract(h, mu, out=hhat)
        np.multiply(hhat, hhat, out=y)
        np.mean(y, axis=axes, keepdims=True, out=sigma2)
        rstd = (sigma2 + np.float32(side.EPS)) ** np.float32(-0.5)
        np.multiply(hhat, rstd, out=hhat)
        np.multiply(hhat, gamma, out=y)
        np.add(y, beta, out=y)
        if request.relu:
            np.greater(y, 0, out=mask)
            np.maximum(y, 0, out=y)
            np.multiply(dy, mask, out=g)
        np.sum(g, axis=axes, keepdims=True, out=dbeta)
        np.multiply(g, hhat, out=dh)
        np.sum(dh, axis=axes, keepdims=True, out=dgamma)
        np.multiply(hhat, dgamma / count, out=dh)  # dh = gamma rstd (g - dbeta/N - hhat dgamma/N)
        np.subtract(g, dh, out=dh)
        np.subtract(dh, dbeta / count, out=dh)
        np.multiply(dh, gamma * rstd, out=dh)

    def collect():
        run()
        for a in (y, dh):
            yield np.ascontiguousarray(a[:, request.columns].swapaxes(1, 2) if planes else a[:, request.columns]).tobytes()
        for a in (dgamma, dbeta):
            yield a.reshape(-1)[request.columns].tobytes()
    return side.Work(run, collect)


# --- The reference, in float64 ---

class Reference:
    """Keeps the latest one: all the workers are judged by it in turn."""
    key = None

    def of(self, request):
        key = (request.item, request.dim)
        if self.key != key:
            self.key, self.value = key, (mlp_reference if request.mlp else batchnorm_reference)(request)
        return self.value


def batchnorm_reference(request):
    """y, dh, dgamma, dbeta of the columns that are checked; and for ReLU y before it, |dy| and |hhat|."""
    flat = side.Request(request.item, "", "nd", "%d,%d" % (request.rows, request.c))
    h, dy = (filled(flat, k)[:, request.columns].astype(np.float64) for k in (side.H, side.DY))
    gamma, beta = (vector(request.c, k)[request.columns].astype(np.float64) for k in (side.GAMMA, side.BETA))
    rstd = (h.var(axis=0) + side.EPS) ** -0.5
    hhat = (h - h.mean(axis=0)) * rstd
    y, kink = gamma * hhat + beta, None
    if request.relu:
        kink = y, abs(dy), abs(hhat)
        dy, y = dy * (y > 0), np.maximum(y, 0)
    dgamma, dbeta = (dy * hhat).sum(axis=0), dy.sum(axis=0)
    return y, gamma * rstd * (dy - dbeta / len(h) - hhat * dgamma / len(h)), dgamma, dbeta, kink


def mlp_reference(request):
    """The change of every parameter in two steps, one vector, w1 b1 gamma beta w2 b2; the first values; the loss of the second step."""
    batch, wide, hidden, classes = request.dim
    x = vector(batch * wide, side.X).reshape(batch, wide).astype(np.float64)
    label = vector(batch, side.LABEL, (0, classes)).astype(int)
    sizes = ((side.W1, (wide, hidden)), (side.B1, (hidden,)), (side.GAMMA, (hidden,)), (side.BETA, (hidden,)), (side.W2, (hidden, classes)),
             (side.B2, (classes,)))
    w = [vector(int(np.prod(s)), k).reshape(s).astype(np.float64) for k, s in sizes]
    first, velocity = np.concatenate([a.reshape(-1) for a in w]), [np.zeros_like(a) for a in w]
    for _ in range(2):
        w1, b1, gamma, beta, w2, b2 = w
        h = x @ w1 + b1
        rstd = (h.var(axis=0) + side.EPS) ** -0.5
        hhat = (h - h.mean(axis=0)) * rstd
        y = gamma * hhat + beta
        r = np.maximum(y, 0)
        z = r @ w2 + b2
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(batch), label]).mean()
        dz = p.copy()
        dz[np.arange(batch), label] -= 1
        dz /= batch
        dy = (dz @ w2.T) * (y > 0)
        dgamma, dbeta = (dy * hhat).sum(axis=0), dy.sum(axis=0)
        dh = gamma * rstd * (dy - dbeta / batch - hhat * dgamma / batch)
        for k, dw in enumerate((x.T @ dh, dh.sum(axis=0), dgamma, dbeta, r.T @ dz, dz.sum(axis=0))):
            velocity[k] = side.MOMENTUM * velocity[k] + dw
            w[k] = w[k] - side.CHECK_RATE * velocity[k]
    return np.concatenate([a.reshape(-1) for a in w]) - first, first, loss


def error(got, expected, allowed=0):
    worst = np.max(np.maximum(np.abs(got - expected) - allowed, 0)) / np.max(np.abs(expected))
    return float(worst) if np.isfinite(worst) else float("inf")


reference = Reference()


def verify(item, layout, dims, path):
    request = side.Request(item, "", layout, dims)
    got = np.fromfile(path, np.float32).astype(np.float64)
    if request.mlp:
        change, first, loss = reference.of(request)
        return {"error_of": {"parameters": error(got[:-1] - first, change), "loss": error(got[-1:], np.array([loss]))}}
    y, dh, dgamma, dbeta, kink = reference.of(request)
    parts = np.split(got, np.cumsum([y.size, dh.size, dgamma.size]))
    got_y, got_dh = parts[0].reshape(y.shape), parts[1].reshape(dh.shape)
    allowed_dgamma = allowed_dbeta = 0
    if kink:  # where y is as near to the kink as this y errs, dy may pass or not: dh says nothing there, and the sums may differ by it
        before, abs_dy, abs_hhat = kink
        unsure = abs(before) <= 2 * np.max(np.abs(got_y - y))
        got_dh = np.where(unsure, dh, got_dh)
        allowed_dgamma, allowed_dbeta = (unsure * abs_dy * abs_hhat).sum(axis=0), (unsure * abs_dy).sum(axis=0)
    return {"error_of": {"y": error(got_y, y), "dh": error(got_dh, dh), "dgamma": error(parts[2], dgamma, allowed_dgamma),
                         "dbeta": error(parts[3], dbeta, allowed_dbeta)}}


if __name__ == "__main__":
    if sys.argv[2:] == ["version"]:
        print("NumPy", np.__version__)
    else:
        side.serve(lambda item, layout: {} if item == "mlp" else {"closed-form": ""}, Inputs, make_work, {"verify": verify})
