/* samples_indexing.c: what takes elements by index, adds up along an axis, and multiplies matrices. */
#include "tests/sample_table.h"

#include <math.h>
#include <string.h>

/* --- products of matrices --- */

static weft_node build_matmul(const weft_node *x)
{
    return weft_matmul(x[0], x[1]);
}

/* Vectors become matrices; then each batch axis that an operand lacks, or has with length 1, repeats. */
static void naive_matmul(const weft_shape *shape, const double *const *x, double *y)
{
    weft_shape a = shape[0], b = shape[1];
    if (a.rank == 1)
        a = (weft_shape){2, {1, shape[0].dim[0]}};
    if (b.rank == 1)
        b = (weft_shape){2, {shape[1].dim[0], 1}};
    size_t m = a.dim[a.rank - 2], k = a.dim[a.rank - 1], n = b.dim[b.rank - 1], count = 1, batch[WEFT_MAX_RANK];
    int rank = (a.rank > b.rank ? a.rank : b.rank) - 2;
    for (int i = 0; i < rank; i++) {
        size_t da = i >= rank - (a.rank - 2) ? a.dim[i - rank + a.rank - 2] : 1, db = i >= rank - (b.rank - 2) ? b.dim[i - rank + b.rank - 2] : 1;
        count *= batch[i] = da == 1 ? db : da;
    }
    for (size_t p = 0; p < count; p++) {
        size_t at[WEFT_MAX_RANK] = {0}, rest = p, of_a = 0, of_b = 0;
        for (int i = rank - 1; i >= 0; rest /= batch[i--])
            at[i] = rest % batch[i];
        for (int i = 0; i < a.rank - 2; i++)
            of_a = of_a * a.dim[i] + (a.dim[i] == 1 ? 0 : at[i + rank - a.rank + 2]);
        for (int i = 0; i < b.rank - 2; i++)
            of_b = of_b * b.dim[i] + (b.dim[i] == 1 ? 0 : at[i + rank - b.rank + 2]);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++, y++) {
                *y = 0;
                for (size_t l = 0; l < k; l++)
                    *y += x[0][(of_a * m + i) * k + l] * x[1][(of_b * k + l) * n + j];
            }
    }
}

/* --- along one axis --- */

/* The product of the dims from axis `from` on. */
static size_t inner_of(const weft_shape *shape, int from)
{
    size_t inner = 1;
    for (int i = from; i < shape->rank; i++)
        inner *= shape->dim[i];
    return inner;
}

static weft_node build_cumsum_0(const weft_node *x)
{
    return weft_cumsum(x[0], 0);
}

static weft_node build_cumsum_1(const weft_node *x)
{
    return weft_cumsum(x[0], -2);
}

static weft_node build_cumsum_2(const weft_node *x)
{
    return weft_cumsum(x[0], 2);
}

static void add_up(const weft_shape *shape, const double *x, double *y, int axis)
{
    size_t inner = inner_of(shape, axis + 1);
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        y[i] = x[i] + (i / inner % shape->dim[axis] ? y[i - inner] : 0);
}

static void naive_cumsum_0(const weft_shape *shape, const double *const *x, double *y)
{
    add_up(shape, x[0], y, 0);
}

static void naive_cumsum_1(const weft_shape *shape, const double *const *x, double *y)
{
    add_up(shape, x[0], y, 1);
}

static void naive_cumsum_2(const weft_shape *shape, const double *const *x, double *y)
{
    add_up(shape, x[0], y, 2);
}

/* The largest, found by its index, has a derivative; the index has none. */
static weft_node build_argmax(const weft_node *x)
{
    return weft_gather_elements(x[0], weft_argmax(x[0], 1, true), 1);
}

static weft_node build_argmin(const weft_node *x)
{
    return weft_gather_elements(x[0], weft_argmin(x[0], -2, true), -2);
}

/* A NaN counts as larger and smaller than any number. */
static void pick_extreme(const weft_shape *shape, int axis, const double *x, double *y, double sign)
{
    size_t n = shape->dim[axis], inner = inner_of(shape, axis + 1), count = weft_shape_count(shape) / n;
    for (size_t v = 0; v < count; v++) {
        const double *from = x + v / inner * n * inner + v % inner;
        y[v] = from[0];
        for (size_t j = 1; j < n; j++)
            if (sign * from[j * inner] > sign * y[v] || isnan(from[j * inner]))
                y[v] = from[j * inner];
    }
}

static void naive_argmax(const weft_shape *shape, const double *const *x, double *y)
{
    pick_extreme(shape, 1, x[0], y, 1);
}

static void naive_argmin(const weft_shape *shape, const double *const *x, double *y)
{
    pick_extreme(shape, shape->rank - 2, x[0], y, -1);
}

/* --- indices of 0 to 2 --- */

static weft_node build_gather(const weft_node *x)
{
    return weft_gather(x[0], x[1]);
}

static void naive_gather(const weft_shape *shape, const double *const *x, double *y)
{
    size_t row = inner_of(&shape[0], 1);
    for (size_t m = 0; m < weft_shape_count(&shape[1]); m++)
        memcpy(y + row * m, x[0] + row * (size_t)x[1][m], row * sizeof *y);
}

static weft_node build_take(const weft_node *x)
{
    return weft_take(x[0], x[1], 1);
}

/* (I, 3, ...) by (m, n) -> (I, m, n, ...), or by () -> (I, ...). */
static void naive_take(const weft_shape *shape, const double *const *x, double *y)
{
    size_t count = weft_shape_count(&shape[1]), inner = inner_of(&shape[0], 2);
    for (size_t i = 0; i < shape[0].dim[0]; i++)
        for (size_t m = 0; m < count; m++)
            for (size_t k = 0; k < inner; k++)
                *y++ = x[0][(i * 3 + (size_t)x[1][m]) * inner + k];
}

static weft_node build_scatter_add(const weft_node *x)
{
    return weft_scatter_add(x[0], x[1], 3);
}

/* (M, ...) -> (3, ...) */
static void naive_scatter_add(const weft_shape *shape, const double *const *x, double *y)
{
    size_t row = inner_of(&shape[0], 1);
    memset(y, 0, 3 * row * sizeof *y);
    for (size_t m = 0; m < weft_shape_count(&shape[1]); m++)
        for (size_t k = 0; k < row; k++)
            y[row * (size_t)x[1][m] + k] += x[0][row * m + k];
}

static weft_node build_gather_elements(const weft_node *x)
{
    return weft_gather_elements(x[0], x[1], 1);
}

/* (I, 3, ...) by (I, M, ...), or by (1, M, ...), which repeats. */
static void naive_gather_elements(const weft_shape *shape, const double *const *x, double *y)
{
    size_t m = shape[1].dim[1], n = inner_of(&shape[0], 2);
    for (size_t i = 0; i < shape[0].dim[0]; i++)
        for (size_t j = 0; j < m; j++)
            for (size_t k = 0; k < n; k++)
                *y++ = x[0][(i * 3 + (size_t)x[1][((shape[1].dim[0] == 1 ? 0 : i) * m + j) * n + k]) * n + k];
}

static weft_node build_gather_columns(const weft_node *x)
{
    return weft_gather_elements(x[0], x[1], -1);
}

static void naive_gather_columns(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < weft_shape_count(&shape[1]); i++)
        y[i] = x[0][i / shape[1].dim[1] * shape[0].dim[1] + (size_t)x[1][i]];
}

static weft_node build_scatter_add_elements(const weft_node *x)
{
    return weft_scatter_add_elements(x[0], x[1], 0, 3);
}

/* (M, ...) -> (3, ...) by an index of that shape, or of (M, 1). */
static void naive_scatter_add_elements(const weft_shape *shape, const double *const *x, double *y)
{
    size_t n = inner_of(&shape[0], 1), own = inner_of(&shape[1], 1);
    memset(y, 0, 3 * n * sizeof *y);
    for (size_t m = 0; m < shape[0].dim[0]; m++)
        for (size_t k = 0; k < n; k++)
            y[(size_t)x[1][m * own + (own == 1 ? 0 : k)] * n + k] += x[0][m * n + k];
}

static weft_node build_one_hot(const weft_node *x)
{
    return weft_mul(weft_one_hot(x[0], 4, weft_node_dtype(x[1])), x[1]);
}

static void naive_one_hot(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < 4 * weft_shape_count(&shape[0]); i++)
        y[i] = ((size_t)x[0][i / 4] == i % 4) * x[1][i % 4];
}

#define MATMUL(...) {"matmul", build_matmul, naive_matmul, 2, {__VA_ARGS__}, {NORMAL, NORMAL}, false}
#define EIGHT {8, {2, 1, 3, 1, 2, 1, 1, 2}}
#define BY_INDEX(op, name, ...) {op, build_##name, naive_##name, 2, {__VA_ARGS__}, {NORMAL, INDEX}, false}

static const sample rows[] = {
    MATMUL({2, {3, 4}}, {2, {4, 5}}),
    MATMUL({2, {1, 4}}, {2, {4, 1}}),
    MATMUL({2, {3, 1}}, {2, {1, 2}}),
    MATMUL({1, {4}}, {1, {4}}),
    MATMUL({1, {4}}, {2, {4, 5}}),
    MATMUL({2, {3, 4}}, {1, {4}}),
    MATMUL({3, {2, 3, 4}}, {3, {2, 4, 2}}),
    MATMUL({3, {2, 3, 4}}, {2, {4, 5}}),
    MATMUL({2, {3, 4}}, {3, {2, 4, 5}}),
    MATMUL({3, {2, 3, 4}}, {1, {4}}),
    MATMUL({1, {4}}, {3, {2, 4, 3}}),
    MATMUL({3, {1, 3, 4}}, {3, {5, 4, 2}}),
    MATMUL({4, {2, 1, 3, 4}}, {3, {3, 4, 2}}),
    MATMUL({4, {2, 3, 1, 2}}, {4, {2, 1, 2, 3}}),
    MATMUL({8, {2, 1, 1, 2, 1, 1, 3, 2}}, {7, {3, 1, 1, 2, 1, 2, 2}}),
    CUBE("cumsum", cumsum_0, NORMAL, 5, 3, 2),
    CUBE("cumsum", cumsum_1, NORMAL, 2, 3, 4),
    CUBE("cumsum", cumsum_1, NORMAL, 1, 3, 70),
    CUBE("cumsum", cumsum_2, NORMAL, 2, 3, 4),
    CUBE("argmax", argmax, DISTINCT, 2, 3, 4),
    CUBE("argmin", argmin, DISTINCT, 2, 4, 3),
    BY_INDEX("take", gather, {2, {3, 2}}, {1, {5}}),
    BY_INDEX("take", take, {3, {2, 3, 4}}, {1, {5}}),
    BY_INDEX("take", take, {3, {2, 3, 4}}, {2, {3, 2}}),
    BY_INDEX("take", take, {3, {2, 3, 4}}, {0, {0}}),
    BY_INDEX("scatter_add", scatter_add, {2, {5, 2}}, {1, {5}}),
    BY_INDEX("gather_elements", gather_elements, {3, {2, 3, 4}}, {3, {2, 5, 4}}),
    BY_INDEX("gather_elements", gather_elements, {3, {2, 3, 4}}, {3, {1, 2, 4}}),
    BY_INDEX("gather_elements", gather_columns, {2, {5, 3}}, {2, {5, 1}}),
    BY_INDEX("scatter_add_elements", scatter_add_elements, {2, {5, 2}}, {2, {5, 2}}),
    BY_INDEX("scatter_add_elements", scatter_add_elements, {2, {5, 4}}, {2, {5, 1}}),
    {"one_hot", build_one_hot, naive_one_hot, 2, {{2, {3, 2}}, {1, {4}}}, {INDEX, NORMAL}, false},

    MATMUL({2, {3, 0}}, {2, {0, 2}}),
    MATMUL({2, {0, 4}}, {2, {4, 2}}),
    MATMUL({3, {0, 3, 4}}, {2, {4, 2}}),
    {"cumsum", build_cumsum_2, naive_cumsum_2, 1, {EIGHT}, {NORMAL}, false},
    CUBE("cumsum", cumsum_1, NORMAL, 2, 0, 3),
    CUBE("cumsum", cumsum_1, NORMAL, 0, 2, 3),
    {"argmax", build_argmax, naive_argmax, 1, {{8, {2, 3, 1, 2, 1, 1, 2, 1}}}, {DISTINCT}, false},
    {"argmin", build_argmin, naive_argmin, 1, {{8, {2, 1, 2, 1, 1, 2, 3, 1}}}, {DISTINCT}, false},
    CUBE("argmax", argmax, DISTINCT, 0, 3, 2),
    CUBE("argmin", argmin, DISTINCT, 0, 3, 2),
    BY_INDEX("take", gather, {1, {3}}, {0, {0}}),
    BY_INDEX("take", take, {8, {2, 3, 1, 2, 1, 1, 1, 2}}, {1, {2}}),
    BY_INDEX("take", take, {3, {2, 3, 0}}, {1, {5}}),
    BY_INDEX("take", take, {3, {2, 3, 4}}, {1, {0}}),
    BY_INDEX("scatter_add", scatter_add, {0, {0}}, {0, {0}}),
    BY_INDEX("scatter_add", scatter_add, {8, {4, 1, 2, 1, 1, 2, 1, 1}}, {1, {4}}),
    BY_INDEX("scatter_add", scatter_add, {2, {0, 2}}, {1, {0}}),
    BY_INDEX("gather_elements", gather_elements, {8, {2, 3, 1, 2, 1, 1, 1, 2}}, {8, {2, 2, 1, 2, 1, 1, 1, 2}}),
    BY_INDEX("gather_elements", gather_elements, {3, {2, 3, 0}}, {3, {2, 5, 0}}),
    BY_INDEX("gather_elements", gather_elements, {3, {2, 3, 4}}, {3, {2, 0, 4}}),
    BY_INDEX("scatter_add_elements", scatter_add_elements, {8, {4, 1, 2, 1, 1, 2, 1, 1}}, {8, {4, 1, 2, 1, 1, 2, 1, 1}}),
    BY_INDEX("scatter_add_elements", scatter_add_elements, {2, {0, 2}}, {2, {0, 2}}),
    {"one_hot", build_one_hot, naive_one_hot, 2, {{0, {0}}, {1, {4}}}, {INDEX, NORMAL}, false},
    {"one_hot", build_one_hot, naive_one_hot, 2, {{7, {2, 1, 1, 2, 1, 1, 2}}, {1, {4}}}, {INDEX, NORMAL}, false},
    {"one_hot", build_one_hot, naive_one_hot, 2, {{1, {0}}, {1, {4}}}, {INDEX, NORMAL}, false},
};

SAMPLE_TABLE(samples_indexing);
