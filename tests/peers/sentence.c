/* sentence.c: a graph, the numbers that go into it, and what Weft gives for it, as one line of JSON:
 *
 *     {"nodes": [{"op": "input", "shape": [2], "values": [1, 2]}, {"op": "sum", "x": [0], "shape": [], "axes": [0], "keepdims": false}],
 *      "leaves": [0], "results": [1], "w": [[0.5]], "u": [[2]], "dx": [[1, -1]],
 *      "value": {"weft": [[3]], "bound": [[1e-15]]}, "gradient": ..., "jvp": ..., "hvp": ...}
 *
 * Nodes are in the order of the tape, and named by their number in it. The dtype is stated where it is not f64. */
#include "tests/peers/graphs.h"

#include <string.h>

void number_write(FILE *to, double x)
{
    if (isfinite(x))
        fprintf(to, "%.17g", x);
    else
        fputs(isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity", to);
}

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static void array_write(FILE *to, size_t n, const double *x)
{
    putc('[', to);
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", to);
        number_write(to, x[i]);
    }
    putc(']', to);
}

static void memory_write(FILE *to, const subject *s, weft_node leaf)
{
    const void *data = subject_memory(s, leaf);
    size_t n = count_of(leaf);
    double one;
    if (weft_node_dtype(leaf) == WEFT_I64) {
        putc('[', to);
        for (size_t i = 0; i < n; i++)
            fprintf(to, "%s%lld", i ? ", " : "", (long long)((const int64_t *)data)[i]);
        putc(']', to);
    } else if (weft_node_op(leaf)->kind == WEFT_CONSTANT && n == 1 && weft_node_scalar(leaf, &one)) {
        array_write(to, 1, &one);
    } else {
        array_write(to, n, data);
    }
}

static void plain_write(FILE *to, const subject *s, weft_node x)
{
    const bounded *value = plain_value(&s->p, x);
    putc('[', to);
    for (size_t i = 0; i < count_of(x); i++) {
        fputs(i ? ", " : "", to);
        number_write(to, (double)value[i].v);
    }
    putc(']', to);
}

static bool is_given(const given *g, weft_node x)
{
    for (size_t k = 0; k < g->n; k++)
        if (g->op[k] == weft_node_op(x))
            return true;
    return false;
}

static bool node_write(FILE *to, const subject *s, const given *as_numbers, weft_node x, char *message, size_t size)
{
    weft_shape shape = weft_node_shape(x);
    int n = weft_node_operand_count(x);
    bool number = n && weft_node_dtype(x) != WEFT_I64 && is_given(as_numbers, x);
    fprintf(to, "{\"op\": \"%s\", \"shape\": [", number ? "constant" : weft_node_op(x)->name);
    for (int i = 0; i < shape.rank; i++)
        fprintf(to, "%s%zu", i ? ", " : "", shape.dim[i]);
    putc(']', to);
    if (weft_node_dtype(x) != WEFT_F64)
        fprintf(to, ", \"dtype\": \"%s\"", weft_dtype_name(weft_node_dtype(x)));
    if (number || !n) {
        fputs(", \"values\": ", to);
        if (number)
            plain_write(to, s, x);
        else
            memory_write(to, s, x);
    } else {
        for (int i = 0; i < n; i++)
            fprintf(to, "%s%u", i ? ", " : ", \"x\": [", weft_node_operand(x, i).id);
        putc(']', to);
        if (!attributes_write(to, x, message, size))
            return false;
    }
    putc('}', to);
    return true;
}

static void ids_write(FILE *to, const char *name, const weft_node *x, size_t n)
{
    fprintf(to, ", \"%s\": [", name);
    for (size_t k = 0; k < n; k++)
        fprintf(to, "%s%u", k ? ", " : "", x[k].id);
    putc(']', to);
}

static void directions_write(FILE *to, const char *name, const subject *s, const weft_node *x, size_t n)
{
    fprintf(to, ", \"%s\": [", name);
    for (size_t k = 0; k < n && x[k].tape; k++) {
        fputs(k ? ", " : "", to);
        memory_write(to, s, x[k]);
    }
    putc(']', to);
}

/* What Weft gives, and for each element how far it may be from the exact value: the bounds of the nodes as recorded and of those that stand for
 * them, which the judge doubles, since its values are rounded as well. */
static void quantity_write(FILE *to, const subject *s, int quantity)
{
    size_t first = s->first[quantity], end = s->first[quantity + 1];
    fprintf(to, ", \"%s\": {\"weft\": [", quantity_names[quantity]);
    for (size_t k = first; k < end; k++) {
        fputs(k > first ? ", " : "", to);
        array_write(to, count_of(s->b.out[k]), s->t.run[0].result[k]);
    }
    fputs("], \"bound\": [", to);
    for (size_t k = first; k < end; k++) {
        const bounded *recorded = plain_value(&s->p, s->b.out[k]), *stands = plain_value(&s->p, s->t.stands[k]);
        fputs(k > first ? ", [" : "[", to);
        for (size_t i = 0; i < count_of(s->b.out[k]); i++) {
            fputs(i ? ", " : "", to);
            number_write(to, (double)(2 * (recorded[i].e + stands[i].e)));
        }
        putc(']', to);
    }
    fputs("]}", to);
}

bool subject_write(FILE *to, const subject *s, const given *as_numbers, char *message, size_t size)
{
    const built *b = &s->b;
    fputs("{\"nodes\": [", to);
    for (uint32_t id = 0; id < s->nodes; id++) {
        fputs(id ? ", " : "", to);
        if (!node_write(to, s, as_numbers, weft_tape_node(b->tape, id), message, size))
            return false;
    }
    putc(']', to);
    ids_write(to, "leaves", b->leaf, b->n_leaves);
    ids_write(to, "results", b->out, b->n_values);
    directions_write(to, "w", s, s->w, b->n_values);
    directions_write(to, "dx", s, s->dx, b->n_leaves);
    for (int quantity = 0; quantity < QUANTITIES; quantity++)
        quantity_write(to, s, quantity);
    putc('}', to);
    return true;
}
