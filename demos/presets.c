/* presets.c: the classics, with numbers small enough to follow by hand. Where the result is an array the loss is sum(dy * y), for a dy that has no special
 * direction: behind a normalization sum(y) has no gradient at all, and sum(y**2) next to none. */
#include "presets.h"

#include <string.h>

/* The batch of the course, demos/course.h: its columns have mean 3, 8, 10 and variance 4, 25, 100. Behind a ReLU the first column would be all alike, as
 * its deviations are +1 and -1, so there it is another. */
#define BATCHNORM "mu = sum(h, 0) / 4; xc = h - mu; sigma2 = sum(xc**2, 0) / 4; hath = xc * (sigma2 + 1e-5)**(-1/2); y = gamma * hath + beta"
#define BATCH "h=[[1, 1, 12], [5, 7, 24], [1, 9, 8], [5, 15, -4]]", "gamma=[2, 10, -10]", "beta=[1, 0, -1]"
#define BATCH_DY "[[1, 0, 2], [0, 2, 1], [-1, 1, 0], [3, 1, 1]]"

static const preset presets[] = {
    {.name = "product", .title = "(x + y) * z",
     .teaches = "A sum passes on what arrives; a product swaps: each factor gets what arrives times the other one.",
     .expression = "q = x + y; f = q * z", .arrays = {"x=-2", "y=5", "z=-4"}, .wrt = "x,y,z"},
    {.name = "neuron", .title = "a sigmoid neuron",
     .teaches = "The chain rule is one small factor after the other: each op knows its own derivative and nothing else.",
     .expression = "z = w0 * x0 + w1 * x1 + b; a = 1 / (1 + exp(-z))", .arrays = {"w0=2", "x0=-1", "w1=-3", "x1=-2", "b=-3"}, .wrt = "w0,x0,w1,x1,b"},
    {.name = "fork", .title = "a fork: one value, two users",
     .teaches = "What is used twice gets a gradient from each use, and the two add up: that is the += of backpropagation.",
     .expression = "a = x * y; b = x ** 2; f = a * b", .arrays = {"x=2", "y=3"}, .wrt = "x,y"},
    {.name = "broadcast", .title = "a broadcast: one row for all rows",
     .teaches = "A row that is repeated forward is added up backward: dw and db are sums over the batch.",
     .expression = "y = x * w + b", .arrays = {"x=[[1, 2, 3], [4, 5, 6]]", "w=[1, -1, 2]", "b=[0, 1, 0]"}, .wrt = "x,w,b",
     .cotangent = "[[1, 0, 2], [3, -1, 1]]"},
    {.name = "mean", .title = "a mean: all rows to one",
     .teaches = "A sum is a broadcast backward: each of the N elements of a column gets the same, 1/N of what arrives.",
     .expression = "m = sum(x, 0) / 3", .arrays = {"x=[[1, 5], [2, 3], [6, 4]]"}, .wrt = "x", .cotangent = "[3, -6]"},
    {.name = "batchnorm", .title = "batch normalization, node by node",
     .teaches = "Each h reaches y by three ways, itself, the mean and the variance, so each dh depends on the whole column of dy.",
     .expression = BATCHNORM, .arrays = {BATCH}, .wrt = "h,gamma,beta", .through = "mu,sigma2", .cotangent = BATCH_DY},
    {.name = "batchnorm-relu", .title = "batch normalization, then ReLU",
     .teaches = "Where y is negative the ReLU sends nothing back, and still every dh of that column moves, through the mean and the variance.",
     .expression = BATCHNORM "; z = relu(y)",
     .arrays = {"h=[[15, 1, 12], [1, 7, 24], [9, 9, 8], [7, 15, -4]]", "gamma=[2, 10, -10]", "beta=[1, 0, -1]"}, .wrt = "h,gamma,beta", .through = "mu,sigma2", .cotangent = BATCH_DY},
    {.name = "layernorm", .title = "layer normalization",
     .teaches = "The same ways as in batch normalization, along the row: here gamma is inside the sums, and no row hears of another.",
     .expression = "mu = sum(h, 1, 1) / 4; xc = h - mu; sigma2 = sum(xc**2, 1, 1) / 4; hath = xc * (sigma2 + 1e-5)**(-1/2); y = gamma * hath + beta",
     .arrays = {"h=[[1, 5, 1, 5], [1, 7, 9, 15]]", "gamma=[2, 1, -1, 3]", "beta=[0, 1, 0, -1]"}, .wrt = "h,gamma,beta", .through = "mu,sigma2",
     .cotangent = "[[1, 0, 2, -1], [0, 2, 1, 1]]"},
    {.name = "softmax-cross-entropy", .title = "softmax, then cross-entropy",
     .teaches = "All that exp, the quotient and log send back comes to dz = (p - t) / N: what was predicted minus what was right.",
     .expression = "e = exp(z); p = e / sum(e, 1, 1); loss = -sum(t * log(p)) / 2", .arrays = {"z=[[1, 2, 0], [0, 1, 3]]", "t=[[0, 1, 0], [1, 0, 0]]"},
     .wrt = "z"},
};

size_t preset_count(void)
{
    return sizeof presets / sizeof *presets;
}

const preset *preset_at(size_t i)
{
    return i < preset_count() ? &presets[i] : NULL;
}

const preset *preset_find(const char *name)
{
    for (size_t i = 0; i < preset_count(); i++)
        if (!strcmp(presets[i].name, name))
            return &presets[i];
    return NULL;
}
