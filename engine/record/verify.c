/* verify.c: runs every shape rule again. The tape is built only through checked doors, so an error here is a bug of an op or a stray write. */
#include "engine/record/tape.h"

#include <string.h>

static weft_status verify_node(weft_tape *tape, uint32_t id)
{
    const weft__node *node = weft__at(tape, id), *x[WEFT_MAX_OPERANDS];
    if (node->n > WEFT_MAX_OPERANDS)
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "verify: %%%u %s has %d operands", id, node->op->name, node->n);
    for (int i = 0; i < node->n; i++) {
        if (node->operand[i] >= id)
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "verify: %%%u %s: operand %d comes after it", id, node->op->name, i);
        x[i] = weft__at(tape, node->operand[i]);
    }
    if (node->op->kind == WEFT_PART) {
        uint32_t index = *(const uint32_t *)node->attributes;
        if (node->operand[0] + index != id)
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "verify: %%%u part does not stand behind its node", id);
        return WEFT_OK;
    }
    if (!node->n)
        return WEFT_OK;
    weft_typing typing;
    weft_status status = weft__infer(node->op, x, node->n, node->attributes, &typing);
    if (status != WEFT_OK)
        return weft__tape_fail(tape, status, "verify: %%%u %s: %s", id, node->op->name, typing.hint);
    for (int k = 0; k < weft__output_count(node->op); k++) {
        const weft__node *output = weft__at(tape, id + (uint32_t)k);
        const weft_shape *dims = &output->shape->dims;
        bool same = dims->rank == typing.y[k].rank && (int)output->dtype == (int)typing.y_dtype[k];
        for (int i = 0; same && i < dims->rank; i++)
            same = dims->dim[i] == typing.y[k].dim[i];
        if (!same)
            return weft__tape_fail(tape, WEFT_ERROR_SHAPE, "verify: %%%u %s: output %d is not what its shape rule says", id, node->op->name, k);
    }
    return WEFT_OK;
}

weft_status weft_tape_verify(weft_tape *tape)
{
    weft_status status = weft_tape_status(tape);
    for (uint32_t id = 0; status == WEFT_OK && id < tape->count; id++)
        status = verify_node(tape, id);
    return status;
}
