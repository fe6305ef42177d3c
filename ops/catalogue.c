/* catalogue.c: ops.def as a list that programs can walk. */
#include "engine/weft_op.h"

#define OP(name) extern const weft_op weft_op_##name;
#include "ops/ops.def"
#undef OP

static const weft_op *const catalogue[] = {
#define OP(name) &weft_op_##name,
#include "ops/ops.def"
#undef OP
};

size_t weft_op_count(void)
{
    return sizeof catalogue / sizeof *catalogue;
}

const weft_op *weft_op_at(size_t i)
{
    return i < weft_op_count() ? catalogue[i] : NULL;
}

const char *weft_op_name(const weft_op *op)
{
    return op ? op->name : "";
}

const char *weft_op_formula(const weft_op *op)
{
    return op && op->formula ? op->formula : "";
}
