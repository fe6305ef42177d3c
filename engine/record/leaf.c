/* leaf.c: nodes that no op computes (input, parameter, constant), the further outputs of an op (part), and assignment. */
#include "engine/record/tape.h"

#include <string.h>

const weft_op weft_op_input = {.name = "input", .formula = "memory bound at run", .kind = WEFT_INPUT};
const weft_op weft_op_parameter = {.name = "parameter", .formula = "memory of the program", .kind = WEFT_PARAMETER};
const weft_op weft_op_constant = {.name = "constant", .formula = "memory of the tape", .kind = WEFT_CONSTANT};
const weft_op weft_op_part = {
    .name = "part", .formula = "y = output i of x", .arity = 1, .kind = WEFT_PART, .attribute_size = sizeof(uint32_t)};

/* bytes: of data, which is copied. */
static weft_node leaf(weft_tape *tape, const weft_op *op, const char *name, weft_dtype dtype, int rank, const size_t *dim, const void *data,
                      size_t bytes)
{
    if (!tape || tape->status != WEFT_OK)
        return weft__failed(tape);
    if ((unsigned)dtype > WEFT_I64) {
        weft__tape_fail(tape, WEFT_ERROR_DTYPE, "%s \"%.40s\": dtype must be WEFT_F32, WEFT_F64 or WEFT_I64", op->name, name ? name : "");
        return weft__failed(tape);
    }
    if (rank < 0 || rank > WEFT_MAX_RANK || (rank && !dim)) {
        weft__tape_fail(tape, WEFT_ERROR_SHAPE, "%s \"%.40s\": rank must be 0 to %d, with as many dims", op->name, name ? name : "",
                        WEFT_MAX_RANK);
        return weft__failed(tape);
    }
    weft_typing typing = {.y_dtype = {dtype}};
    typing.y[0].rank = rank;
    for (int i = 0; i < rank; i++)
        typing.y[0].dim[i] = dim[i];
    weft_node x = weft__append(tape, op, NULL, 0, data, bytes, &typing);
    return name ? weft_name(x, name) : x;
}

weft_node weft_input(weft_tape *tape, const char *name, weft_dtype dtype, int rank, const size_t *dim)
{
    return leaf(tape, &weft_op_input, name, dtype, rank, dim, NULL, 0);
}

weft_node weft_parameter(weft_tape *tape, const char *name, weft_dtype dtype, int rank, const size_t *dim)
{
    return leaf(tape, &weft_op_parameter, name, dtype, rank, dim, NULL, 0);
}

static weft_node scalar(weft_tape *tape, weft_dtype dtype, int rank, const size_t *dim, double value)
{
    weft__narrow_scalar narrow;
    memset(&narrow, 0, sizeof narrow);
    narrow.value = (float)value;
    narrow.wide = value;
    int64_t index = value >= -9e18 && value <= 9e18 ? (int64_t)value : 0;
    switch (dtype) {
    case WEFT_F32:
        return leaf(tape, &weft_op_constant, NULL, dtype, rank, dim, &narrow, sizeof narrow);
    case WEFT_F64:
        return leaf(tape, &weft_op_constant, NULL, dtype, rank, dim, &value, sizeof value);
    default:
        return leaf(tape, &weft_op_constant, NULL, dtype, rank, dim, &index, sizeof index);
    }
}

weft_node weft_scalar(weft_tape *tape, weft_dtype dtype, double value)
{
    return scalar(tape, dtype, 0, NULL, value);
}

weft_node weft_constant(weft_tape *tape, weft_dtype dtype, int rank, const size_t *dim, const void *data)
{
    if (tape && !data) {
        weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "constant: its data is NULL");
        return weft__failed(tape);
    }
    weft_shape shape = {.rank = rank};
    bool legal = rank >= 0 && rank <= WEFT_MAX_RANK && (!rank || dim);
    for (int i = 0; legal && i < rank; i++)
        shape.dim[i] = dim[i];
    size_t count = legal && !weft__shape_check(&shape) ? weft_shape_count(&shape) : 0; /* an illegal one is refused below */
    if (data && count == 1 && dtype == WEFT_F32)
        return scalar(tape, dtype, rank, dim, (double)*(const float *)data);
    return leaf(tape, &weft_op_constant, NULL, dtype, rank, dim, data, count * weft_dtype_size(dtype));
}

weft_node weft_scalar_like(weft_node x, double value)
{
    return weft_node_failed(x) ? weft__failed(x.tape) : weft_scalar(x.tape, weft_node_dtype(x), value);
}

weft_node weft_full_like(weft_node x, double value)
{
    weft_shape shape = weft_node_shape(x);
    weft_node scalar = weft_scalar_like(x, value);
    return shape.rank ? weft_broadcast(scalar, shape.rank, shape.dim) : scalar;
}

weft_node weft_part(weft_node y, int i)
{
    const weft__node *node = weft__look(y);
    if (!node)
        return weft__failed(y.tape);
    if (i < 0 || i >= weft__output_count(node->op))
        return weft_fail(node->op, &y, 1, WEFT_ERROR_ARGUMENT, "it has no output %d", i);
    return weft__handle(y.tape, y.id + (uint32_t)i);
}

static weft_status assign_shape(weft_typing *t)
{
    if (t->x_dtype[0] != t->x_dtype[1])
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "the value is %s, the parameter %s", weft_dtype_name(t->x_dtype[1]),
                                 weft_dtype_name(t->x_dtype[0]));
    if (t->x[0].rank != t->x[1].rank || memcmp(t->x[0].dim, t->x[1].dim, sizeof t->x[0].dim))
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "the value must have the parameter's shape");
    t->y[0] = t->x[0];
    return WEFT_OK;
}

static const weft_op weft_op_assign = {.name = "assign",
                                       .formula = "parameter = value, at the end of a run",
                                       .arity = 2,
                                       .kind = WEFT_ASSIGN,
                                       .shape = assign_shape};

weft_node weft_assign(weft_node parameter, weft_node value)
{
    const weft_node x[] = {parameter, value};
    const weft__node *node = weft__look(parameter);
    if (node && node->op->kind != WEFT_PARAMETER)
        return weft_fail(&weft_op_assign, x, 2, WEFT_ERROR_ARGUMENT, "its first operand must be a weft_parameter()");
    return weft_record(&weft_op_assign, x, 2, NULL);
}
