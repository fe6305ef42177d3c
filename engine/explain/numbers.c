/* numbers.c: the texts of a walk with numbers in place of labels, one element at a time. An elementwise text is that of its nodes, each at the element that
 * broadcasting brings to the one asked for; a fold is written out over the elements that go into it; what moves elements is the one that it takes. */
#include "engine/explain/walk.h"
#include "engine/record/elements.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER = 40, MOST_TERMS = 8, DEEPEST = 24 };

typedef struct reading {
    const weft_walk *walk;
    size_t from;      /* whose rule recorded the text; n_nodes: nobody's */
    weft_shape shape; /* of the node that is printed, and its element */
    size_t element;
    char number[NUMBER];
} reading;

static void write_number(char text[NUMBER], weft_dtype dtype, const void *data, size_t element, bool alone)
{
    double value = weft__element_value(dtype, data, element);
    char plain[NUMBER - 2];
    if (dtype == WEFT_I64)
        snprintf(plain, sizeof plain, "%" PRId64, ((const int64_t *)data)[element]);
    else
        snprintf(plain, sizeof plain, "%.4g", value == 0 ? 0 : value);
    char *decimal = strchr(plain, ',');
    if (decimal)
        *decimal = '.';
    snprintf(text, NUMBER, *plain == '-' && !alone ? "(%s)" : "%s", plain);
}

/* The values of a node that has a label; NULL: there are none. */
static const void *values_of(const reading *r, uint32_t id)
{
    const weft__walk_store *s = r->walk->store;
    uint32_t at = s->program && id < s->n_at ? s->at[id] : WEFT_NO_ID;
    return at == WEFT_NO_ID ? NULL : weft_output(s->program, at);
}

/* The element of an array of this shape that broadcasting brings to the one asked for. */
static size_t behind(const reading *r, const weft_shape *shape)
{
    size_t rest = r->element, at = 0, step = 1;
    for (int i = r->shape.rank, k = shape->rank; i-- > 0 && k-- > 0;) {
        size_t index = rest % r->shape.dim[i];
        rest /= r->shape.dim[i];
        at += shape->dim[k] == 1 ? 0 : index * step;
        step *= shape->dim[k];
    }
    return at;
}

static bool broadcasts(const weft_shape *x, const weft_shape *y)
{
    for (int i = 1; i <= x->rank && i <= y->rank; i++)
        if (x->dim[x->rank - i] != 1 && x->dim[x->rank - i] != y->dim[y->rank - i])
            return false;
    return x->rank <= y->rank;
}

static const char *number_of(void *context, uint32_t id)
{
    reading *r = context;
    if (!weft__walk_label_of(r->walk, r->from, id))
        return NULL;
    const weft__node *node = weft__at(r->walk->dy.tape, id);
    write_number(r->number, (weft_dtype)node->dtype, values_of(r, id), behind(r, &node->shape->dims), false);
    return r->number;
}

/* Whether all down to what has a label and values is elementwise, or a broadcast. */
static bool is_elementwise(const reading *r, uint32_t id, int depth)
{
    const weft__node *node = weft__at(r->walk->dy.tape, id);
    if (!broadcasts(&node->shape->dims, &r->shape))
        return false;
    if (depth && weft__walk_label_of(r->walk, r->from, id))
        return values_of(r, id);
    if (depth && weft_node_scalar(weft__handle(r->walk->dy.tape, id), NULL))
        return true;
    bool repeats = depth && node->op->kind == WEFT_VIEW && node->n == 1 && node->shape->count > weft__at(r->walk->dy.tape, node->operand[0])->shape->count;
    if ((node->op->kind != WEFT_ELEMENTWISE && !repeats) || depth > DEEPEST)
        return false;
    for (int i = 0; i < node->n; i++)
        if (!is_elementwise(r, node->operand[i], depth + 1))
            return false;
    return node->n;
}

static void print_text(weft__printer *out, const char *text)
{
    weft__print(out, text, strlen(text));
}

/* "1 + 2 + 5" of a sum, "max(1, 2, 5)" of another fold. */
static void print_fold(weft__printer *out, const reading *r, weft_node x, const weft__link *link)
{
    const weft__node *node = weft__look(x), *operand = weft__at(x.tape, node->operand[0]);
    const void *data = values_of(r, node->operand[0]);
    const char *text = node->op->fold ? node->op->fold->text : NULL;
    bool sum = text && !strcmp(text, "a + b");
    size_t n = 0, terms = node->shape->count ? operand->shape->count / node->shape->count : 0;
    if (!sum) {
        print_text(out, node->op->name);
        print_text(out, "(");
    }
    for (size_t i = 0; i < operand->shape->count; i++) {
        char number[NUMBER] = "...";
        if (weft__link_source(link, i) != r->element)
            continue;
        bool cut = terms > MOST_TERMS && n >= MOST_TERMS - 2 && n + 1 < terms;
        if (!cut)
            write_number(number, (weft_dtype)operand->dtype, data, i, !sum);
        if (!cut || n == MOST_TERMS - 2) {
            print_text(out, !n ? "" : sum ? " + " : ", ");
            print_text(out, number);
        }
        n++;
    }
    print_text(out, sum ? "" : ")");
}

static weft_status print_numbers(weft_writer writer, reading *r, weft_node x)
{
    weft__printer out = {.writer = writer};
    const weft__node *node = weft__look(x);
    uint32_t only = node->n ? node->operand[0] : 0;
    char number[NUMBER];
    r->shape = node->shape->dims;
    if (weft__walk_label_of(r->walk, r->from, x.id) && r->from < r->walk->n_nodes) { /* the adjoint, or a node, as it is */
        if (!values_of(r, x.id))
            return WEFT_OK;
        write_number(number, (weft_dtype)node->dtype, values_of(r, x.id), r->element, true);
        print_text(&out, number);
        return out.failed ? WEFT_ERROR_FILE : WEFT_OK;
    }
    if (is_elementwise(r, x.id, 0))
        return (r->from < r->walk->n_nodes ? weft__print_operand : weft__print_labelled)(writer, x, &(weft__labels){number_of, r, .covered = true});
    if (!node->n || !weft__walk_label_of(r->walk, r->from, only) || !values_of(r, only))
        return WEFT_OK;
    weft__link link = weft__link_of(x, 0);
    if (link.relation == WEFT__FOLDS) {
        print_fold(&out, r, x, &link);
    } else if (link.relation == WEFT__TAKES) {
        write_number(number, (weft_dtype)node->dtype, values_of(r, only), weft__link_source(&link, r->element), true);
        print_text(&out, number);
    }
    return out.failed ? WEFT_ERROR_FILE : WEFT_OK;
}

weft_status weft_walk_print_numbers(weft_writer writer, const weft_walk *walk, weft_walk_text text, size_t which, size_t element)
{
    if (!walk || !walk->store || !writer.write || which >= (text == WEFT_TEXT_OF_NODE ? walk->n_nodes : walk->n_edges))
        return WEFT_ERROR_ARGUMENT;
    weft_node x = text == WEFT_TEXT_OF_NODE ? walk->node[which].node : text == WEFT_TEXT_OF_FLOW ? walk->edge[which].flow : walk->edge[which].local;
    if (!walk->store->program || weft_node_failed(x) || element >= weft__element_count(x))
        return WEFT_OK;
    reading r = {.walk = walk, .from = text == WEFT_TEXT_OF_NODE ? walk->n_nodes : walk->edge[which].from, .element = element};
    return print_numbers(writer, &r, x);
}
