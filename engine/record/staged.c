/* staged.c: what some outputs need, recorded once more with every fused op written out as its staged twin. Nodes that no fused op leads to stay
 * as they are. */
#include "engine/record/staged.h"

#include "engine/record/needed.h"

static bool has_name(const weft__node *node)
{
    return node->name && *node->name;
}

static bool is_fused(const weft__node *node)
{
    return node->op->kind == WEFT_GENERAL && node->op->expand;
}

/* The node anew, on operands of which one is new. */
static weft_node record_again(const weft__node *node, const weft_node *x)
{
    weft_node made = node->op->kind == WEFT_ASSIGN ? weft_assign(x[0], x[1]) : weft_record(node->op, x, node->n, node->attributes);
    return has_name(node) ? weft_name(made, node->name) : made;
}

/* map: (count), what stands for each node; that of a part is set by its node. */
static void expand_node(weft_tape *tape, uint32_t id, weft_node *map)
{
    const weft__node *node = weft__at(tape, id);
    weft_node x[WEFT_MAX_OPERANDS], twin[WEFT_MAX_OUTPUTS];
    bool changed = false;
    if (node->op->kind == WEFT_PART)
        return;
    for (int k = 0; k < node->n; k++) {
        x[k] = map[node->operand[k]];
        changed |= x[k].id != node->operand[k];
    }
    for (int k = 0; k < weft__output_count(node->op); k++)
        map[id + (uint32_t)k] = weft__handle(tape, id + (uint32_t)k);
    if (is_fused(node)) {
        if (node->op->expand(map[id], x, twin) == WEFT_OK)
            for (int k = 0; k < weft__output_count(node->op); k++)
                map[id + (uint32_t)k] = has_name(node) && !k ? weft_name(twin[k], node->name) : twin[k];
    } else if (changed) {
        map[id] = record_again(node, x);
        for (int k = 1; k < weft__output_count(node->op); k++)
            map[id + (uint32_t)k] = weft_part(map[id], k);
    }
}

weft_status weft__expand_fused(weft_tape *tape, const weft_node *outputs, size_t n, weft_node *expanded)
{
    weft__needed needed;
    weft_status status = weft__needed_find(&needed, outputs, n);
    if (status != WEFT_OK)
        return status;
    size_t bytes = ((size_t)needed.end + WEFT_MAX_OUTPUTS) * sizeof(weft_node);
    weft_node *map = weft__allocate(&tape->allocator, bytes);
    for (uint32_t id = 0; map && id < needed.end && tape->status == WEFT_OK; id++)
        if (weft__is_needed(&needed, id))
            expand_node(tape, id, map);
    for (size_t k = 0; map && k < n; k++)
        expanded[k] = map[outputs[k].id];
    weft__needed_free(&needed);
    status = map ? tape->status : WEFT_ERROR_MEMORY;
    weft__release(&tape->allocator, map, bytes);
    return status;
}
