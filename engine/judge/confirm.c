/* confirm.c: runs two lists of nodes on random real inputs, as they were recorded, and looks for an element at which they differ. What differs has
 * to be more than rounding by far: more than a part in 10**7 (in 10**3 where f32 takes part), and the same each time the inputs move by a part in
 * 10**9 (10**4), which changes what rounding leaves altogether and a true difference hardly. An element that is not finite on either side says nothing. */
#include "engine/judge/confirm.h"
#include "engine/judge/random.h"

#include <math.h>
#include <stdio.h>

enum { ATTEMPTS = 12, MOVES = 8 /* rounding is a few ulps, and often the same twice */ };

typedef struct leaf {
    weft_node node;
    size_t count, bytes;
    uint64_t below;
    void *given; /* bytes, what the run reads; NULL for a bound one */
} leaf;

typedef struct run {
    const weft__exact_graph *g;
    const weft_allocator *allocator;
    size_t n, n_leaves;
    leaf *leaves;
    weft_node *outputs; /* (2n): a, then b */
    weft_program *program;
    bool narrow;
} run;

static double uniform(uint64_t *state)
{
    return (double)(weft__random(state) >> 11) * 0x1p-53;
}

static bool is_leaf(const weft__exact_graph *g, uint32_t id)
{
    weft_kind kind = weft__at(g->tape, id)->op->kind;
    return weft__is_needed(&g->needed, id) && (kind == WEFT_INPUT || kind == WEFT_PARAMETER);
}

/* Both sides may assign one parameter, a program may not: what they assign is compared. */
static weft_node value_node(weft_node x)
{
    return weft_node_op(x)->kind == WEFT_ASSIGN ? weft_node_operand(x, 1) : x;
}

static bool prepare(run *r, const weft_node *a, const weft_node *b)
{
    const weft__exact_graph *g = r->g;
    for (uint32_t id = 0; id < g->needed.end; id++)
        r->n_leaves += is_leaf(g, id);
    r->leaves = weft__allocate(r->allocator, r->n_leaves * sizeof *r->leaves + 1);
    r->outputs = weft__allocate(r->allocator, 2 * r->n * sizeof *r->outputs);
    bool enough = r->leaves && r->outputs;
    size_t k = 0;
    for (uint32_t id = 0; id < g->needed.end && r->leaves; id++) {
        r->narrow |= weft__is_needed(&g->needed, id) && weft__at(g->tape, id)->dtype == WEFT_F32;
        if (!is_leaf(g, id))
            continue;
        leaf *l = &r->leaves[k++];
        *l = (leaf){.node = weft__handle(g->tape, id), .count = weft__at(g->tape, id)->shape->count, .below = g->below[id]};
        l->bytes = l->count * weft_dtype_size(weft_node_dtype(l->node));
        if (!weft__binding_of(g->options, l->node))
            enough &= (l->given = weft__allocate(r->allocator, l->bytes + 1)) != NULL;
    }
    for (k = 0; enough && k < r->n; k++) {
        r->outputs[k] = value_node(a[k]);
        r->outputs[r->n + k] = value_node(b[k]);
    }
    r->program = enough ? weft_compile_with(r->outputs, 2 * r->n, &(weft_options){.rewriting = WEFT_REWRITE_NONE}) : NULL;
    return r->program && weft_program_status(r->program) != WEFT_ERROR_MEMORY;
}

static void release(run *r)
{
    weft_program_free(r->program);
    for (size_t k = 0; k < r->n_leaves && r->leaves; k++)
        weft__release(r->allocator, r->leaves[k].given, r->leaves[k].bytes + 1);
    weft__release(r->allocator, r->leaves, r->n_leaves * sizeof *r->leaves + 1);
    weft__release(r->allocator, r->outputs, 2 * r->n * sizeof *r->outputs);
}

/* Numbers of three ranges in turn, for roots and logarithms want positive ones, and some less than 1. */
static double draw(uint64_t *state, int attempt)
{
    double u = uniform(state);
    return attempt % 3 == 0 ? 4 * u - 2 : attempt % 3 == 1 ? 0.1 + 2 * u : 0.05 + 0.9 * u;
}

/* move: 0 for the point itself, from 1 on for one beside it. */
static bool run_once(run *r, uint64_t seed, int attempt, int move)
{
    double moved = move ? r->narrow ? 1e-4 : 1e-9 : 0;
    uint64_t state = seed + (uint64_t)attempt, moves = ~(state + ((uint64_t)move << 32));
    for (size_t k = 0; k < r->n_leaves; k++) {
        leaf *l = &r->leaves[k];
        const weft_binding *bound = weft__binding_of(r->g->options, l->node);
        uint64_t most = l->below && l->below < 1 << 20 ? l->below : 1 << 20;
        weft_dtype dtype = weft_node_dtype(l->node);
        for (size_t i = 0; i < l->count && !bound; i++) {
            double whole = (double)(weft__random(&state) % most), x = l->below ? whole : draw(&state, attempt) * (1 + moved * uniform(&moves));
            if (dtype == WEFT_I64)
                ((int64_t *)l->given)[i] = (int64_t)whole;
            else if (dtype == WEFT_F32)
                ((float *)l->given)[i] = (float)x;
            else
                ((double *)l->given)[i] = x;
        }
        const void *data = bound ? bound->data : l->given;
        bool kept = weft_node_op(l->node)->kind == WEFT_PARAMETER;
        if ((kept ? weft_parameter_write(r->program, l->node, data, l->bytes) : weft_bind(r->program, l->node, data, l->bytes)) != WEFT_OK)
            return false;
    }
    return weft_run(r->program) == WEFT_OK;
}

static double value_of(const run *r, size_t output, size_t i)
{
    const void *data = weft_output(r->program, output);
    switch (weft_node_dtype(r->outputs[output])) {
    case WEFT_F32:
        return (double)((const float *)data)[i];
    case WEFT_F64:
        return ((const double *)data)[i];
    default:
        return (double)((const int64_t *)data)[i];
    }
}

/* The element that differs most, measured by what is allowed. */
static bool find(const run *r, weft_proof *proof)
{
    double relative = r->narrow ? 1e-3 : 1e-7, least = r->narrow ? 1e-4 : 1e-9, worst = 1;
    for (size_t k = 0; k < r->n; k++) {
        weft_shape shape = weft_node_shape(r->outputs[k]);
        for (size_t i = 0; i < weft_shape_count(&shape); i++) {
            double left = value_of(r, k, i), right = value_of(r, r->n + k, i);
            double off = fabs(left - right) / (relative * fmax(fabs(left), fabs(right)) + least);
            if (!isfinite(left) || !isfinite(right) || !(off > worst))
                continue;
            worst = off;
            proof->pair = k;
            proof->element = i;
            proof->left = left;
            proof->right = right;
        }
    }
    return worst > 1;
}

static bool same_difference(const run *r, const weft_proof *at)
{
    double off = at->left - at->right, now = value_of(r, at->pair, at->element) - value_of(r, r->n + at->pair, at->element);
    return fabs(now - off) <= 0.1 * fabs(off);
}

weft_status weft__confirm(const weft__exact_graph *g, const weft_node *a, const weft_node *b, size_t n, uint64_t seed, weft_proof *proof, bool *found,
                          char *failure)
{
    run r = {.g = g, .allocator = &g->tape->allocator, .n = n};
    weft_proof at = *proof;
    *found = false;
    bool enough = prepare(&r, a, b), compiled = enough && weft_program_status(r.program) == WEFT_OK, ran = false;
    for (int attempt = 0; compiled && attempt < ATTEMPTS && !*found; attempt++) {
        if (!run_once(&r, seed, attempt, 0)) /* an index or a step that is none: another draw may do */
            continue;
        ran = true;
        *found = find(&r, &at);
        for (int move = 1; *found && move <= MOVES; move++)
            *found = run_once(&r, seed, attempt, move) && same_difference(&r, &at);
    }
    snprintf(failure, WEFT_MESSAGE_SIZE, "%s", ran || !enough ? "" : weft_program_message(r.program));
    release(&r);
    if (*found)
        *proof = at;
    return enough ? WEFT_OK : WEFT_ERROR_MEMORY;
}
