/* functions.c: the functions that text may call: the lines of functions.def, then every op of the catalogue that needs no line. */
#include "ops/reduction.h"

#include <stdio.h>
#include <string.h>

/* --- calls that are more than an expression --- */

/* One length of -1 is what is left over, as in numpy.reshape. */
static weft_node to_shape(weft_node (*build)(weft_node x, int rank, const size_t *dim), const weft_argument *a)
{
    weft_shape from = weft_node_shape(a[0].node);
    size_t dim[WEFT_MAX_RANK], known = 1, left = weft_shape_count(&from);
    int unknown = -1;
    const weft_op here = {.name = build == weft_reshape ? "reshape" : "broadcast"};
    for (size_t i = 0; i < a[1].n; i++) {
        if (a[1].ints[i] < -1 || (a[1].ints[i] == -1 && (unknown >= 0 || build != weft_reshape)))
            return weft_fail(&here, &a[0].node, 1, WEFT_ERROR_SHAPE, "the new shape has a negative length; reshape takes one -1, for what is left over");
        if (a[1].ints[i] == -1)
            unknown = (int)i;
        dim[i] = (size_t)a[1].ints[i];
        known *= a[1].ints[i] == -1 ? 1 : known && dim[i] > left / known ? 0 : dim[i]; /* beyond `left` it is refused as any other misfit */
    }
    if (unknown >= 0 && (!known || left % known))
        return weft_fail(&here, &a[0].node, 1, WEFT_ERROR_SHAPE, "its %zu elements leave no length for the -1 of the new shape", left);
    if (unknown >= 0)
        dim[unknown] = left / known;
    return build(a[0].node, (int)a[1].n, dim);
}

static weft_node transposed(const weft_argument *a)
{
    int order[WEFT_MAX_RANK], rank = weft_node_shape(a[0].node).rank;
    if (!a[1].given)
        return weft_transpose(a[0].node, NULL);
    for (int i = 0; i < WEFT_MAX_RANK; i++) {
        ptrdiff_t axis = (size_t)i < a[1].n ? a[1].ints[i] : -rank - 1;
        order[i] = axis < -rank || axis >= rank || a[1].n != (size_t)rank ? -1 : (int)(axis < 0 ? axis + rank : axis);
    }
    return weft_transpose(a[0].node, order);
}

static weft_node none(const weft_argument *a)
{
    return (weft_node){.tape = a[0].node.tape, .id = WEFT_NO_ID};
}

/* A number that counts; the tape's error where it is negative. */
static bool counted(const char *function, const weft_argument *a, int argument, const char *name)
{
    const weft_op here = {.name = function};
    if (a[argument].number >= 0)
        return true;
    weft_fail(&here, &a[0].node, 1, WEFT_ERROR_ARGUMENT, "%s must not be negative", name);
    return false;
}

/* A number for each axis of x; the tape's error where there are others. */
static bool one_an_axis(const char *function, const weft_argument *a, int argument)
{
    const weft_op here = {.name = function};
    int rank = weft_node_shape(a[0].node).rank;
    if (a[argument].n == (size_t)rank)
        return true;
    weft_fail(&here, &a[0].node, 1, WEFT_ERROR_SHAPE, "it takes a number for each of the %d axes, not %zu", rank, a[argument].n);
    return false;
}

static weft_node sliced(const weft_argument *a)
{
    ptrdiff_t ones[WEFT_MAX_RANK];
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        ones[i] = 1;
    if (!one_an_axis("slice", a, 1) || !one_an_axis("slice", a, 2) || (a[3].given && !one_an_axis("slice", a, 3)))
        return none(a);
    return weft_slice(a[0].node, a[1].ints, a[2].ints, a[3].given ? a[3].ints : ones);
}

static weft_node padded(const weft_argument *a)
{
    const weft_op here = {.name = "pad"};
    size_t before[WEFT_MAX_RANK], after[WEFT_MAX_RANK];
    if (!one_an_axis("pad", a, 1) || !one_an_axis("pad", a, 2))
        return none(a);
    for (size_t i = 0; i < a[1].n; i++) {
        if (a[1].ints[i] < 0 || a[2].ints[i] < 0)
            return weft_fail(&here, &a[0].node, 1, WEFT_ERROR_ARGUMENT, "a width must not be negative; a slice takes elements away");
        before[i] = (size_t)a[1].ints[i];
        after[i] = (size_t)a[2].ints[i];
    }
    return weft_pad(a[0].node, before, after);
}

static weft_node noise(weft_node (*build)(weft_node seed, weft_node step, uint32_t stream, weft_dtype dtype, int rank, const size_t *dim),
                       const weft_argument *a)
{
    const weft_op here = {.name = build == weft_normal ? "normal" : "uniform"};
    size_t dim[WEFT_MAX_RANK];
    if (!counted(here.name, a, 3, "stream"))
        return none(a);
    for (size_t i = 0; i < a[2].n; i++) {
        if (a[2].ints[i] < 0)
            return weft_fail(&here, &a[0].node, 1, WEFT_ERROR_SHAPE, "its shape has a negative length");
        dim[i] = (size_t)a[2].ints[i];
    }
    return build(a[0].node, a[1].node, (uint32_t)a[3].number, (weft_dtype)a[4].number, (int)a[2].n, dim);
}

static weft_node evaluated(const weft_argument *a)
{
    const weft_batchnorm_options o = {.axis = 1, .mode = a[7].number != 0 ? WEFT_BATCHNORM_FROZEN : WEFT_BATCHNORM_EVALUATION, .gamma = a[1].node,
                                      .beta = a[2].node, .running_mean = a[3].node, .running_variance = a[4].node, .eps = a[5].number,
                                      .relu = a[6].number != 0};
    return weft_fused_batchnorm_with(a[0].node, &o, NULL, NULL);
}

/* --- the lines --- */

#define ALIAS(name, of)
#define OPERATOR(token, name)
#define FUNCTION(name, signature, ...) static weft_node call_##name(const weft_argument *a) { return __VA_ARGS__; }
#include "ops/functions.def"
#undef FUNCTION

static const struct {
    const char *name, *signature;
    weft_node (*call)(const weft_argument *a);
} lines[] = {
#define FUNCTION(name, signature, ...) {#name, signature, call_##name},
#include "ops/functions.def"
#undef FUNCTION
};

#undef ALIAS
#define FUNCTION(name, signature, ...)
static const struct {
    const char *name, *of;
} aliases[] = {
#define ALIAS(name, of) {#name, #of},
#include "ops/functions.def"
#undef ALIAS
};

#undef OPERATOR
#define ALIAS(name, of)
static const struct {
    const char *token, *name;
} operators[] = {
#define OPERATOR(token, name) {token, #name},
#include "ops/functions.def"
};

enum { LINES = sizeof lines / sizeof *lines, ALIASES = sizeof aliases / sizeof *aliases, OPERATORS = sizeof operators / sizeof *operators };

static bool same(const char *known, const char *name, size_t length)
{
    return !strncmp(known, name, length) && !known[length];
}

static const weft_op *op_called(const char *name, size_t length)
{
    for (size_t i = 0; i < weft_op_count(); i++)
        if (same(weft_op_at(i)->name, name, length))
            return weft_op_at(i);
    return NULL;
}

static bool is_over_axes(const weft_op *op)
{
    return (op->kind == WEFT_REDUCTION || op->flags & WEFT_OVER_AXES) && op->arity == 1 && op->attribute_size == sizeof(weft_reduction);
}

/* NULL: the op needs a line. */
static const char *signature_of(const weft_op *op)
{
    static const char *const operands[] = {"a", "a, b", "a, b, c"};
    if (is_over_axes(op))
        return "x (...), axis: axes = all, keepdims: bool = 0";
    return op->kind == WEFT_ELEMENTWISE && !op->attribute_size && op->arity >= 1 && op->arity <= 3 ? operands[op->arity - 1] : NULL;
}

static bool find_line(const char *name, size_t length, weft_function *f)
{
    for (int i = 0; i < LINES; i++)
        if (same(lines[i].name, name, length)) {
            *f = (weft_function){.name = lines[i].name, .signature = lines[i].signature, .op = op_called(name, length), .call = lines[i].call};
            return true;
        }
    return false;
}

static bool find_op(const weft_op *op, weft_function *f)
{
    *f = op ? (weft_function){.name = op->name, .signature = signature_of(op), .op = op} : (weft_function){0};
    return f->signature;
}

static bool find_alias(int i, weft_function *f)
{
    size_t length = strlen(aliases[i].of);
    if (!find_line(aliases[i].of, length, f) && !find_op(op_called(aliases[i].of, length), f))
        return false;
    f->stands_for = f->name;
    f->name = aliases[i].name;
    return true;
}

size_t weft_function_count(void)
{
    return weft_op_count() + LINES + ALIASES;
}

bool weft_function_at(size_t i, weft_function *f)
{
    weft_function line;
    if (i < LINES)
        return find_line(lines[i].name, strlen(lines[i].name), f);
    i -= LINES;
    if (i < ALIASES)
        return find_alias((int)i, f);
    const weft_op *op = weft_op_at(i - ALIASES);
    return op && !find_line(op->name, strlen(op->name), &line) && find_op(op, f);
}

bool weft_function_find(const char *name, size_t length, weft_function *f)
{
    if (find_line(name, length, f) || find_op(op_called(name, length), f))
        return true;
    for (int i = 0; i < ALIASES; i++)
        if (same(aliases[i].name, name, length))
            return find_alias(i, f);
    return false;
}

bool weft_function_of_operator(const char *token, int operands, weft_function *f)
{
    char infix[16];
    snprintf(infix, sizeof infix, operands == 1 ? "%.3s%%s" : "%%s %.3s %%s", token);
    for (size_t i = 0; i < weft_op_count(); i++) {
        const weft_op *op = weft_op_at(i);
        if (op->infix && op->arity == operands && !strcmp(op->infix, infix))
            return weft_function_find(op->name, strlen(op->name), f);
    }
    for (int i = 0; i < OPERATORS && operands == 2; i++)
        if (!strcmp(operators[i].token, token))
            return weft_function_find(operators[i].name, strlen(operators[i].name), f);
    return false;
}

weft_node weft_function_call(const weft_function *f, const weft_argument *a)
{
    if (f->call)
        return f->call(a);
    if (is_over_axes(f->op))
        return weft__reduction_record(f->op, a[0].node, a[1].axes, a[2].number != 0);
    weft_node x[WEFT_MAX_OPERANDS];
    for (int i = 0; i < f->op->arity; i++)
        x[i] = a[i].node;
    return weft_elementwise(f->op, x, f->op->arity);
}
