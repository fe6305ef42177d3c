/* attributes.c: the attributes of a node as members of a JSON object. An op's attributes are bytes that its own file knows; a line here says what
 * they hold, and is held to their size. An op that has attributes and no line is refused by name. */
#include "tests/peers/graphs.h"

#include <string.h>

typedef enum kind { NONE, INT8, INT64, NUMBER, ALONG } kind; /* ALONG: a weft_reduction, the axis that an op goes along */

typedef struct field {
    const char *name;
    kind kind;
    int count; /* elements; those of an array beyond the rank of x mean nothing */
} field;

enum { AXES = WEFT_MAX_RANK, MOST_FIELDS = 3 };

/* Where the shape of the result says it all there is nothing to write. */
static const struct {
    const char *op;
    field field[MOST_FIELDS];
} known[] = {
    {"broadcast", {{.kind = NONE}}},
    {"reshape", {{.kind = NONE}}},
    {"one_hot", {{.kind = NONE}}},
    {"cast", {{.kind = NONE}}},
    {"transpose", {{"order", INT8, AXES}}},
    {"slice", {{"start", INT64, AXES}, {"step", INT64, AXES}, {"count", INT64, AXES}}},
    {"pad", {{"before", INT64, AXES}, {"after", INT64, AXES}, {"apart", INT64, AXES}}},
    {"concat", {{"axis", INT64, 1}}},
    {"take", {{"axes", ALONG, 1}, {"number", INT64, 1}}},
    {"gather_elements", {{"axes", ALONG, 1}, {"number", INT64, 1}}},
    {"scatter_add", {{"axes", ALONG, 1}, {"length", INT64, 1}}},
    {"scatter_add_elements", {{"axes", ALONG, 1}, {"length", INT64, 1}}},
    {"cumsum", {{"axes", ALONG, 1}, {"reverse", INT64, 1}}},
    {"argmax", {{"axes", ALONG, 1}, {"number", INT64, 1}}},
    {"argmin", {{"axes", ALONG, 1}, {"number", INT64, 1}}},
    {"fused_batchnorm", {{"eps", NUMBER, 1}}},
    {"fused_batchnorm_relu", {{"eps", NUMBER, 1}}},
    {"fused_batchnorm_evaluation", {{"eps", NUMBER, 1}, {"relu", INT64, 1}, {"frozen", INT64, 1}}},
    {"fused_layernorm", {{"eps", NUMBER, 1}}},
    {"fused_groupnorm", {{"eps", NUMBER, 1}, {"groups", INT64, 1}}},
    {"fused_rmsnorm", {{"eps", NUMBER, 1}}},
    {"fused_l2_normalize", {{"eps", NUMBER, 1}, {"axis", INT64, 1}}},
    {"fused_softmax", {{"axis", INT64, 1}}},
    {"fused_log_softmax", {{"axis", INT64, 1}}},
};

static void axes_write(FILE *to, weft_node x, const weft_reduction *r)
{
    weft_shape shape = weft_node_shape(weft_node_operand(x, 0));
    int n = 0;
    fputs(", \"axes\": [", to);
    for (int i = 0; i < shape.rank; i++)
        if (r->axes & WEFT_AXIS(i))
            fprintf(to, "%s%d", n++ ? ", " : "", i);
    fprintf(to, "], \"keepdims\": %s", r->keepdims ? "true" : "false");
}

static size_t field_size(const field *f)
{
    return (size_t)f->count * (f->kind == INT8 ? 1 : f->kind == NONE ? 0 : f->kind == ALONG ? sizeof(weft_reduction) : 8);
}

static void field_write(FILE *to, weft_node x, const field *f, const char *bytes)
{
    if (f->kind == ALONG) {
        weft_reduction over;
        memcpy(&over, bytes, sizeof over);
        axes_write(to, x, &over);
        return;
    }
    fprintf(to, ", \"%s\": %s", f->name, f->count > 1 ? "[" : "");
    for (int i = 0; i < f->count; i++) {
        int64_t whole = 0;
        double number = 0;
        fputs(i ? ", " : "", to);
        if (f->kind == NUMBER) {
            memcpy(&number, bytes + 8 * i, sizeof number);
            number_write(to, number);
            continue;
        }
        if (f->kind == INT64)
            memcpy(&whole, bytes + 8 * i, sizeof whole);
        else
            whole = *(const int8_t *)(bytes + i);
        fprintf(to, "%lld", (long long)whole);
    }
    fputs(f->count > 1 ? "]" : "", to);
}

bool attributes_write(FILE *to, weft_node x, char *message, size_t size)
{
    const weft_op *op = weft_node_op(x);
    if (!op->attribute_size || op->kind == WEFT_PART || !weft_node_operand_count(x))
        return true;
    if (op->kind == WEFT_REDUCTION || op->flags & WEFT_OVER_AXES) {
        axes_write(to, x, weft_node_attributes(x));
        return true;
    }
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (strcmp(known[k].op, op->name))
            continue;
        size_t bytes = 0;
        for (int i = 0; i < MOST_FIELDS && known[k].field[i].kind != NONE; i++) {
            if (bytes + field_size(&known[k].field[i]) <= op->attribute_size)
                field_write(to, x, &known[k].field[i], (const char *)weft_node_attributes(x) + bytes);
            bytes += field_size(&known[k].field[i]);
        }
        if (!bytes || bytes == op->attribute_size)
            return true;
        snprintf(message, size, "tests/peers/attributes.c gives the attributes of %.40s %zu bytes; they have %zu", op->name, bytes, op->attribute_size);
        return false;
    }
    snprintf(message, size, "%.40s has attributes: tests/peers/attributes.c needs a line for it", op->name);
    return false;
}
