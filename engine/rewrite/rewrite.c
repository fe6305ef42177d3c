/* rewrite.c: the driver. It preserves values, names, scopes and the stamps of derivatives, drops what the outputs do not need, and leaves the
 * nodes it was given as they are. It refuses nothing: what no rule knows is recorded again as it was. Linear in the needed nodes. */
#include "engine/record/needed.h"
#include "engine/rewrite/rewrite.h"

#include <string.h>

enum { FAMILIES = 9 };

static const struct {
    const weft__rule *rules;
    const size_t *count;
} families[FAMILIES] = {
    {weft__constant_rules, &weft__constant_rule_count},
    {weft__identity_rules, &weft__identity_rule_count},
    {weft__view_rules, &weft__view_rule_count},
    {weft__movement_rules, &weft__movement_rule_count},
    {weft__pick_rules, &weft__pick_rule_count},
    {weft__sum_rules, &weft__sum_rule_count},
    {weft__reuse_rules, &weft__reuse_rule_count},
    {weft__shift_rules, &weft__shift_rule_count},
    {weft__factor_rules, &weft__factor_rule_count},
};

size_t weft_rule_count(void)
{
    size_t n = 0;
    for (int f = 0; f < FAMILIES; f++)
        n += *families[f].count;
    return n;
}

const weft_rule *weft_rule_at(size_t i)
{
    for (int f = 0; f < FAMILIES; f++) {
        if (i < *families[f].count)
            return &families[f].rules[i].about;
        i -= *families[f].count;
    }
    return NULL;
}

static weft_node apply_rules(weft__rewriter *r, const weft__draft *draft)
{
    for (int f = 0; f < FAMILIES; f++)
        for (size_t i = 0; i < *families[f].count; i++) {
            const weft__rule *rule = &families[f].rules[i];
            if ((rule->op && rule->op != draft->op) || rule->about.level > r->level)
                continue;
            weft_node result = rule->apply(r, draft);
            if (!result.tape)
                continue;
            if (r->trace && !weft_node_failed(result))
                r->trace(r->context, &rule->about, r->source, result);
            return result;
        }
    return weft__no_node();
}

weft_node weft__emit(weft__rewriter *r, const weft_op *op, const weft_node *x, int n, const void *attributes)
{
    const weft__draft draft = {op, x, n, attributes};
    weft_node result = apply_rules(r, &draft);
    if (result.tape || r->tape->status != WEFT_OK)
        return result.tape ? result : weft__failed(r->tape);
    bool pure = op->kind != WEFT_ASSIGN;
    if (pure)
        result = weft__equal_find(r, &draft, op->attribute_size);
    if (result.tape || r->tape->status != WEFT_OK)
        return result.tape ? result : weft__failed(r->tape);
    result = weft_record(op, x, n, attributes);
    if (pure && !weft_node_failed(result))
        weft__equal_remember(r, &draft, op->attribute_size, result);
    return result;
}

weft_node weft__find(weft__rewriter *r, const weft_op *op, const weft_node *x, int n, const void *attributes)
{
    const weft__draft draft = {op, x, n, attributes};
    return weft__equal_find(r, &draft, op->attribute_size);
}

weft_node weft__emit_constant(weft__rewriter *r, weft_node constant)
{
    const weft__node *node = weft__look(constant);
    if (!node || r->tape->status != WEFT_OK)
        return weft__failed(r->tape);
    size_t bytes = node->shape->count * weft_dtype_size((weft_dtype)node->dtype);
    if (node->dtype == WEFT_F32 && node->shape->count == 1)
        bytes = sizeof(weft__narrow_scalar);
    const weft__draft draft = {node->op, &constant, 1, node->attributes};
    weft_node earlier = weft__equal_find(r, &draft, bytes);
    if (!earlier.tape && r->tape->status == WEFT_OK)
        weft__equal_remember(r, &draft, bytes, constant);
    return earlier.tape ? earlier : constant;
}

/* The rewritten node for node id, whose operands are rewritten already. */
static weft_node rewrite_node(weft__rewriter *r, uint32_t id, const uint32_t *map)
{
    const weft__node *node = weft__at(r->tape, id);
    r->source = weft__handle(r->tape, id);
    if (node->op->kind == WEFT_CONSTANT)
        return weft__emit_constant(r, r->source);
    if (!node->n)
        return r->source;
    weft_node x[WEFT_MAX_OPERANDS];
    for (int i = 0; i < node->n; i++)
        x[i] = weft__handle(r->tape, map[node->operand[i]]);
    if (node->op->kind == WEFT_PART)
        return weft_part(x[0], (int)*(const uint32_t *)node->attributes);
    weft__scope scope = {.path = node->scope};
    r->tape->scope = node->scope ? &scope : NULL;
    r->tape->adjoint_of = node->adjoint_of;
    r->tape->edge = node->edge;
    weft_node result = weft__emit(r, node->op, x, node->n, node->attributes);
    r->tape->scope = NULL; /* `scope` ends here */
    const weft__node *made = weft__look(result);
    if (made && node->name && !made->name && result.id >= r->first)
        weft_name(result, node->name);
    return result;
}

static void rewrite_all(weft__rewriter *r, const weft__needed *needed, uint32_t *map)
{
    weft__scope *scope = r->tape->scope;
    uint32_t adjoint_of = r->tape->adjoint_of;
    uint16_t edge = r->tape->edge;
    memset(r->centring, 0, (size_t)needed->end / 8 + 1);
    for (uint32_t id = 0; id < needed->end; id++)
        if (weft__is_needed(needed, id))
            weft__find_centring(r, id);
    for (uint32_t id = 0; id < needed->end && r->tape->status == WEFT_OK; id++)
        if (weft__is_needed(needed, id))
            map[id] = rewrite_node(r, id, map).id;
    r->tape->scope = scope;
    r->tape->adjoint_of = adjoint_of;
    r->tape->edge = edge;
}

weft_status weft_rewrite(const weft_node *outputs, size_t n, weft_rewriting level, weft_rewrite_trace trace, void *context, weft_node *rewritten)
{
    weft_tape *tape = outputs && n ? outputs[0].tape : NULL;
    if (!tape || tape->status != WEFT_OK)
        return weft_tape_status(tape);
    for (size_t k = 0; k < n; k++)
        if (!rewritten || outputs[k].tape != tape || !weft__look(outputs[k]))
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "rewrite: output %zu is no node of the tape of the first, or an argument is NULL", k);
    weft__needed needed;
    if (weft__needed_find(&needed, outputs, n) != WEFT_OK)
        return weft__tape_fail(tape, WEFT_ERROR_MEMORY, "out of memory");
    weft__rewriter r = {.tape = tape, .level = level ? level : WEFT_REWRITE_ALGEBRAIC, .trace = trace, .context = context, .first = tape->count};
    weft__arena_init(&r.keys, &tape->allocator);
    uint32_t *map = weft__allocate(&tape->allocator, (size_t)needed.end * sizeof *map);
    r.centring = weft__allocate(&tape->allocator, (size_t)needed.end / 8 + 1);
    if (map && r.centring)
        rewrite_all(&r, &needed, map);
    else
        weft__tape_fail(tape, WEFT_ERROR_MEMORY, "out of memory");
    for (size_t k = 0; k < n; k++)
        rewritten[k] = tape->status == WEFT_OK ? weft__handle(tape, map[outputs[k].id]) : weft__failed(tape);
    weft__equal_free(&r);
    weft__release(&tape->allocator, map, (size_t)needed.end * sizeof *map);
    weft__release(&tape->allocator, r.centring, (size_t)needed.end / 8 + 1);
    weft__needed_free(&needed);
    return tape->status;
}
