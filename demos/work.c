/* work.c: see work.h. */
#include "demos/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return (double)weft_shape_count(&shape);
}

/* An inner product is a vector operation of the processor for 8 of its terms; other ops with a kernel of their own take a few
 * instructions an element. Every node takes a few as well. */
static double work_of(weft_node x)
{
    enum { OF_ANY = 50, OF_KERNEL = 8, TERMS = 8 };
    const weft_op *op = weft_node_op(x);
    double largest = count_of(x), each = op->cost > 1 ? op->cost : 1;
    for (int i = 0; i < weft_node_operand_count(x); i++)
        largest = fmax(largest, count_of(weft_node_operand(x, i)));
    switch (op->kind) {
    case WEFT_ELEMENTWISE:
    case WEFT_REDUCTION:
        return OF_ANY + largest * each;
    case WEFT_GENERAL:
        if (!strcmp(op->name, "matmul")) {
            weft_shape a = weft_node_shape(weft_node_operand(x, 0));
            return OF_ANY + fmax(largest, count_of(x) * (double)a.dim[a.rank - 1] / TERMS);
        }
        return OF_ANY + largest * OF_KERNEL;
    default: /* leaves and views */
        return OF_ANY;
    }
}

double graph_work(const weft_node *outputs, size_t n)
{
    weft_tape *tape = n ? outputs[0].tape : NULL;
    uint32_t count = weft_tape_count(tape);
    bool *needed = calloc((size_t)count + 1, sizeof *needed);
    double work = 0;
    if (!needed)
        return NAN;
    for (size_t k = 0; k < n; k++)
        if (outputs[k].id < count)
            needed[outputs[k].id] = true;
    for (uint32_t id = count; id-- > 0;) {
        weft_node x = weft_tape_node(tape, id);
        if (!needed[id])
            continue;
        work += work_of(x);
        for (int i = 0; i < weft_node_operand_count(x); i++)
            needed[weft_node_operand(x, i).id] = true;
    }
    free(needed);
    return work;
}
