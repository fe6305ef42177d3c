/* derive.c: the checks and the small steps that backward and forward walks have in common. */
#include "engine/derive/derive.h"

#include <stdio.h>

weft_node weft__times_partial(weft_node derivative, weft_node partial)
{
    double factor;
    if (!weft_node_scalar(partial, &factor))
        return weft_mul(derivative, partial);
    if (factor == 1)
        return derivative;
    if (factor == -1)
        return weft_neg(derivative);
    return weft_mul(derivative, partial);
}

bool weft__derivative_fits(weft_tape *tape, uint32_t id, weft_node given, const char *what)
{
    const weft__node *node = weft__at(tape, id), *record = weft__look(given);
    if (!record || (record->shape == node->shape && record->dtype == node->dtype))
        return record;
    char want[128], got[128];
    weft__tape_fail(tape, WEFT_ERROR_GRADIENT, "the %s of %%%u %s must be %s %s, the rule gave %s %s; is a sum over an axis missing?", what, id,
                    node->op->name, weft_dtype_name(node->dtype), weft__shape_print(&node->shape->dims, want, sizeof want),
                    weft_dtype_name(record->dtype), weft__shape_print(&record->shape->dims, got, sizeof got));
    return false;
}

void weft__name_derivative(weft_tape *tape, uint32_t id, uint32_t derivative, uint32_t first, const char *before, const char *after)
{
    const weft__node *node = weft__at(tape, id);
    if (!node->name || derivative < first || weft__at(tape, derivative)->name || weft_node_scalar(weft__handle(tape, derivative), NULL))
        return;
    char name[88];
    snprintf(name, sizeof name, "%.4s%.78s%.4s", before, node->name, after);
    weft_name(weft__handle(tape, derivative), name);
}

weft_status weft__check_x(weft_tape *tape, const char *who, const weft_node *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const weft__node *node = weft__look(x[i]);
        if (!node || x[i].tape != tape)
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "%s: x[%zu] is no node of the tape of y", who, i);
        if (node->dtype == WEFT_I64) {
            weft_fail(node->op, &x[i], 1, WEFT_ERROR_DTYPE, "there is no derivative with respect to i64 indices");
            return tape->status;
        }
    }
    return WEFT_OK;
}

weft_status weft__check_pairs(weft_tape *tape, const char *who, const char *role, const char *with, const weft_node *x, const weft_node *dx,
                              size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const weft__node *node = weft__look(x[i]), *derivative = weft__look(dx[i]);
        if (!node || !derivative || x[i].tape != tape || dx[i].tape != tape)
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "%s: %s %zu or its %s is no node of this tape", who, role, i, with);
        if (node->shape != derivative->shape || node->dtype != derivative->dtype) {
            weft_fail(node->op, (weft_node[]){x[i], dx[i]}, 2, WEFT_ERROR_SHAPE, "a %s must have the shape and dtype of its %s", with, role);
            return tape->status;
        }
    }
    return WEFT_OK;
}
