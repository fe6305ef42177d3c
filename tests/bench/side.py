"""side.py: the workers in Python, torch_side.py and numpy_side.py; side.h has the protocol. The inputs and the timed memcpy come from side.c,
loaded as a shared library whose path is the first argument, so that all workers have the same numbers and the same measure."""
import ctypes
import json
import math
import resource
import sys
import time

H, DY, GAMMA, BETA, W1, B1, W2, B2, X, LABEL = range(1, 11)  # the streams of side.h
EPS, MOMENTUM, CHECK_RATE, RATE = 1e-5, 0.9, 0.1, 0.001
RANGE = {H: (-0.75, 1.25), DY: (-0.5, 0.5), GAMMA: (0.5, 1.5), BETA: (-0.5, 0.5), W1: (-0.2, 0.2), B1: (-0.1, 0.1), W2: (-0.2, 0.2),
         B2: (-0.1, 0.1), X: (-1, 1)}
SHORTEST_SAMPLE, MOST_SAMPLES, FEWEST_SAMPLES, MOST_WARM_UPS, COLUMNS_CHECKED = 200e-6, 2000, 2, 10, 64

library = ctypes.CDLL(sys.argv[1])
library.side_fill.argtypes = [ctypes.c_void_p] + 3 * [ctypes.c_size_t] + [ctypes.c_int, ctypes.c_uint32, ctypes.c_float, ctypes.c_float]
library.side_fill.restype = None
library.side_copy_seconds.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
library.side_copy_seconds.restype = ctypes.c_double


class Request:
    def __init__(self, item, variant, layout, dims):
        self.item, self.variant, self.layout, self.dim = item, variant, layout, [int(d) for d in dims.split(",")]
        self.relu, self.mlp = item == "batchnorm_relu", item == "mlp"
        self.n, self.c = (self.dim[0], self.dim[2]) if self.mlp else (self.dim[0], self.dim[1])
        self.s = 1 if self.mlp or layout == "nd" else self.dim[2] * self.dim[3]
        self.rows, self.count = self.n * self.s, self.n * self.s * self.c
        self.columns = [k * self.c // min(self.c, COLUMNS_CHECKED) for k in range(min(self.c, COLUMNS_CHECKED))]

    def fill(self, address, stream):
        """An array of h's shape in this layout."""
        library.side_fill(address, self.n, self.s, self.c, self.layout == "nchw", stream, *RANGE[stream])


def fill_vector(address, count, stream, low_high=None):
    library.side_fill(address, 1, 1, count, 0, stream, *(low_high or RANGE[stream]))


class Work:
    """run() is timed; collect() gives the results as (bytes, ...), in the order of side.h; note says what was chosen."""
    def __init__(self, run, collect, note=""):
        self.run, self.collect, self.note, self.repeats, self.copy_repeats = run, collect, note, 0, 0


def seconds_of(run, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def repeats_for(once):
    return 1 if once > SHORTEST_SAMPLE else math.floor(SHORTEST_SAMPLE / max(once, 1e-8)) + 1


def faults_so_far():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def warm_up(run, most):
    """Runs until page faults have ended or stay the same for four runs: a heap that is kept takes some runs to grow to its size."""
    previous, same = 0, 0
    for _ in range(most):
        before = faults_so_far()
        run()
        faults = faults_so_far() - before
        same = same + 1 if abs(faults - previous) < 0.02 * faults else 0
        if faults < 64 or same == 3:
            break
        previous = faults


def measure(work, inputs, seconds):
    def copy(repeats):
        return library.side_copy_seconds(inputs.copy_address, inputs.h_address, inputs.bytes, repeats)
    warm_up(work.run, 2 if work.repeats else MOST_WARM_UPS)
    if not work.repeats:
        work.repeats, work.copy_repeats = repeats_for(seconds_of(work.run, 1)), repeats_for(copy(1))
    sample, copies, faults, start = [], [], 0, time.perf_counter()
    while len(sample) < MOST_SAMPLES and (len(sample) < FEWEST_SAMPLES or time.perf_counter() - start < seconds):
        copies.append(copy(work.copy_repeats))
        before = faults_so_far()
        sample.append(seconds_of(work.run, work.repeats))
        faults += faults_so_far() - before
    sample.sort()
    copies.sort()
    n = len(sample)
    return {"median": sample[n // 2], "low": sample[n // 4], "high": sample[n - 1 - n // 4], "memcpy": copies[n // 2],
            "faults": float("%.3g" % (faults / (n * work.repeats))), "note": work.note}


def serve(variants, make_inputs, make_work, extra=None):
    """variants(item, layout) -> {name: remark}; make_inputs(request) -> an object with h_address, copy_address, bytes;
    make_work(request, inputs) -> Work; extra: {verb: function of the words after it, returns the answer}."""
    works, inputs, key = {}, None, None
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            if verb == "forget":
                works, inputs, key, answer = {}, None, None, {}
            elif verb == "variants":
                answer = {"variants": variants(*words)}
            elif extra and verb in extra:
                answer = extra[verb](*words)
            else:
                request = Request(*words[:4])
                if key != (request.mlp, words[2], words[3]):
                    works, inputs, key = {}, None, None
                    inputs, key = make_inputs(request), (request.mlp, words[2], words[3])
                if tuple(words[:2]) not in works:
                    works[tuple(words[:2])] = make_work(request, inputs)
                work = works[tuple(words[:2])]
                if verb == "check":
                    with open(words[4], "wb") as file:
                        for part in work.collect():
                            file.write(part)
                    answer = {"note": work.note}
                else:
                    answer = measure(work, inputs, float(words[4]))
        except Exception as error:  # a worker says what went wrong and goes on
            answer = {"error": "%s: %s" % (type(error).__name__, str(error).split("\n")[0][:200])}
        print(json.dumps(answer), flush=True)
