/* nest.c: which loops of a program run part by part together.
 *
 * Loops often walk the same arrays: one sums, the next uses the sums. Where none of them mixes what belongs to different indices of some dim (the channels
 * of an image, the rows of a softmax), they can run for a few of these indices after another, all loops in turn, while the arrays' part is still in the
 * second cache: a nest. So a part of the nest is a part of each of its loops, and they are cut alike.
 *
 * A loop may join when all that it reads of what the nest writes was written by the same part. A dim that lowering made one with those behind it is
 * taken apart again for that, (N C, L) to (N, C, L). The innermost dim is not cut: its parts would be short pieces of every row. What a nest folds over
 * the cut dim is complete after the last part, and nobody in the nest may read it. Steps that stand between the loops of a nest and do not belong to it
 * move: before it, where they need nothing of it, and behind it, where no loop of the nest needs them. */
#include "engine/run/nest.h"
#include "engine/run/c_compile.h"

enum {
    PART_BYTES = 1 << 19,  /* of all arrays that a part touches: a quarter of a second cache, or half of a small one */
    LARGE = 16384,         /* elements of a loop that counts as large */
    MOST_NEST_PARTS = 4096,
    MOST_LOOPS = 16, LONGEST = 256, /* of a nest, and instructions of a loop in one: what is looked at grows with their square */
    MOST_ASIDE = 16,       /* steps that move */
    MERGE = 32             /* elements for each accumulator that parts may have */
};

typedef struct member {
    size_t step;
    loop *loop; /* the step's, or with a dim taken apart */
    int dim;    /* that is cut */
} member;

typedef struct aside {
    size_t step;
    bool behind;
} aside;

typedef struct nest {
    weft_program *program;
    size_t extent; /* of the cut dim */
    member member[MOST_LOOPS];
    int n;
    aside aside[MOST_ASIDE];
    int n_aside;
} nest;

static bool is_large(const loop *l)
{
    return l->count >= LARGE;
}

/* --- which part an element belongs to --- */

size_t weft__block_of(const loop *l, const instruction *b, int dim)
{
    ptrdiff_t block = l->extent[dim] > 1 ? b->stride[dim] : 1, last = 0;
    for (int d = 0; d < l->rank; d++) {
        if (d != dim && l->extent[d] > 1 && b->stride[d] < 0)
            return 0;
        last += d != dim && l->extent[d] > 1 ? (ptrdiff_t)(l->extent[d] - 1) * b->stride[d] : 0;
    }
    return b->offset || block <= last ? 0 : (size_t)block;
}

static bool same_positions(const loop *a, const instruction *x, const loop *b, const instruction *y)
{
    bool same = a->rank == b->rank && x->offset == y->offset;
    for (int d = 0; same && d < a->rank; d++)
        same = a->extent[d] == b->extent[d] && x->stride[d] == y->stride[d];
    return same;
}

/* The instruction of the nest that writes a storage, and the member; NULL: none. */
static const instruction *writer_of(const nest *n, uint32_t index, const member **by)
{
    for (int k = 0; k < n->n; k++) {
        const loop *l = n->member[k].loop;
        *by = &n->member[k];
        for (int i = 0; i < l->length; i++)
            if (l->body[i].storage == index && (l->body[i].action == ACTION_STORE || l->body[i].action == ACTION_FOLD))
                return &l->body[i];
    }
    return NULL;
}

/* True when loop l, cut along dim, reads of the nest only what the same part wrote. */
static bool reads_own_part(const nest *n, const loop *l, int dim)
{
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        const member *m;
        if (b->action != ACTION_LOAD)
            continue;
        const instruction *writer = writer_of(n, b->storage, &m);
        if (!writer || (writer->action == ACTION_STORE && m->dim == dim && same_positions(m->loop, writer, l, b)))
            continue;
        size_t block = weft__block_of(l, b, dim);
        if (!block || weft__block_of(m->loop, writer, m->dim) != block)
            return false;
    }
    return true;
}

/* --- steps --- */

static bool reads(const step *s, uint32_t index)
{
    bool found = false;
    for (int i = 0; s->loop && i < s->loop->length && !found; i++)
        found = s->loop->body[i].storage == index && s->loop->body[i].action == ACTION_LOAD;
    for (int i = s->n_out; !s->loop && i < s->n_out + s->n_in && !found; i++)
        found = s->port[i].storage == index;
    return found;
}

/* Step a reads what step b writes. */
static bool depends(const step *a, const step *b)
{
    bool found = false;
    for (int i = 0; b->loop && i < b->loop->length && !found; i++)
        found = (b->loop->body[i].action == ACTION_STORE || b->loop->body[i].action == ACTION_FOLD) && reads(a, b->loop->body[i].storage);
    for (int i = 0; !b->loop && i < b->n_out && !found; i++)
        found = reads(a, b->port[i].storage);
    return found;
}

static bool needs_what_moves_behind(const nest *n, size_t s)
{
    const step *steps = n->program->steps;
    for (int k = 0; k < n->n_aside; k++)
        if (n->aside[k].behind && depends(&steps[s], &steps[n->aside[k].step]))
            return true;
    return false;
}

/* Step s is none of the nest's. */
static void put_aside(nest *n, size_t s)
{
    const step *steps = n->program->steps;
    bool behind = needs_what_moves_behind(n, s);
    for (int k = 0; k < n->n && !behind; k++)
        behind = depends(&steps[s], &steps[n->member[k].step]);
    n->aside[n->n_aside++] = (aside){s, behind};
}

/* --- growing --- */

/* The loop with dim d, its outermost, taken apart into (outer, rest); NULL: out of memory, or there are too many dims. */
static loop *taken_apart(weft_program *p, const loop *l, int d, size_t outer)
{
    bool spare = d == 1; /* dim 0 has one step, and gives its place */
    int rank = spare ? l->rank : l->rank + 1;
    if (rank > WEFT_MAX_RANK + 1)
        return NULL;
    loop *made = weft__arena_take(&p->arena, sizeof *made);
    instruction *body = weft__arena_take(&p->arena, (size_t)l->length * sizeof *body);
    ptrdiff_t *stride = weft__arena_take(&p->arena, (size_t)l->length * (WEFT_MAX_RANK + 1) * sizeof *stride);
    if (!made || !body || !stride)
        return NULL;
    *made = *l;
    made->body = body;
    made->rank = rank;
    size_t rest = l->extent[d] / outer;
    made->extent[0] = outer;
    made->extent[1] = rest;
    for (int k = 2; k < rank; k++)
        made->extent[k] = l->extent[k - (spare ? 0 : 1)];
    for (int i = 0; i < l->length; i++, stride += WEFT_MAX_RANK + 1) {
        body[i] = l->body[i];
        if (!body[i].stride)
            continue;
        stride[0] = body[i].stride[d] * (ptrdiff_t)rest;
        stride[1] = body[i].stride[d];
        for (int k = 2; k < rank; k++)
            stride[k] = body[i].stride[k - (spare ? 0 : 1)];
        body[i].stride = stride;
    }
    return made;
}

/* The dim along which a loop can join as it is, or -1. A large loop of several rows is not cut along its innermost dim. */
static int joining_dim(const nest *n, const loop *l)
{
    for (int d = 0; d < l->rank; d++)
        if (l->extent[d] == n->extent && (d < l->rank - 1 || !is_large(l) || l->count == l->extent[d]) && reads_own_part(n, l, d))
            return d;
    return -1;
}

/* The outermost dim with more than one step; rank where there is none. */
static int outermost(const loop *l)
{
    int d = 0;
    while (d < l->rank && l->extent[d] == 1)
        d++;
    return d;
}

/* The loop of step s as a member, if it can be one. */
static bool join(nest *n, size_t s)
{
    loop *l = n->program->steps[s].loop;
    if (!l || !l->count || l->length > LONGEST || n->n == MOST_LOOPS || needs_what_moves_behind(n, s))
        return false;
    int d = joining_dim(n, l), outer = outermost(l);
    if (d < 0 && outer < 2 && outer < l->rank && l->extent[outer] > n->extent && l->extent[outer] % n->extent == 0) {
        l = taken_apart(n->program, l, outer, n->extent);
        d = l ? joining_dim(n, l) : -1;
    }
    if (d < 0)
        return false;
    n->member[n->n++] = (member){s, l, d};
    return true;
}

static bool shares_an_array(const loop *a, const loop *b)
{
    for (int i = 0; i < a->length; i++)
        for (int k = 0; k < b->length && weft__touches_memory(&a->body[i]); k++)
            if (weft__touches_memory(&b->body[k]) && a->body[i].storage == b->body[k].storage)
                return true;
    return false;
}

/* The last member touches what an earlier large one does. */
static bool shares_with_nest(const nest *n)
{
    for (int k = 0; k < n->n - 1; k++)
        if (is_large(n->member[k].loop) && shares_an_array(n->member[k].loop, n->member[n->n - 1].loop))
            return true;
    return false;
}

/* Grows a nest from its first member. False when no other large loop joins. What comes after the last of them stays out. */
static bool grow(nest *n)
{
    int members = 1, asides = 0;
    n->n_aside = 0;
    for (size_t s = n->member[0].step + 1; s < n->program->n_steps && n->n_aside < MOST_ASIDE; s++) {
        if (!join(n, s)) {
            put_aside(n, s);
        } else if (is_large(n->member[n->n - 1].loop) && shares_with_nest(n)) {
            members = n->n;
            asides = n->n_aside;
        }
    }
    n->n = members;
    n->n_aside = asides;
    return members > 1;
}

/* --- cutting --- */

/* Bytes of the large arrays that the nest touches, each once. */
static size_t nest_bytes(const nest *n)
{
    size_t bytes = 0;
    for (int k = 0; k < n->n; k++) {
        const loop *l = n->member[k].loop;
        for (int i = 0; i < l->length; i++) {
            bool earlier = !weft__touches_memory(&l->body[i]);
            for (int t = 0; t <= k && !earlier; t++)
                for (int e = 0; e < (t < k ? n->member[t].loop->length : i) && !earlier; e++)
                    earlier = weft__touches_memory(&n->member[t].loop->body[e]) && n->member[t].loop->body[e].storage == l->body[i].storage;
            bytes += earlier ? 0 : n->program->storages[l->body[i].storage].bytes;
        }
    }
    return bytes;
}

/* As many parts as fit the cache each, and not more accumulators than the loops are worth. */
static size_t nest_parts(const nest *n)
{
    size_t parts = nest_bytes(n) / PART_BYTES, accumulators = 0, most = n->member[0].loop->count / MERGE;
    for (int k = 0; k < n->n; k++) {
        loop cut = *n->member[k].loop;
        cut.split = n->member[k].dim;
        for (int i = 0; i < cut.length; i++)
            if (cut.body[i].action == ACTION_FOLD && !cut.body[i].stride[cut.split])
                accumulators += weft__fold_kept(&cut, &cut.body[i]);
    }
    parts = parts > n->extent ? n->extent : parts;
    parts = parts > MOST_NEST_PARTS ? MOST_NEST_PARTS : parts;
    return accumulators && parts > most / accumulators ? most / accumulators : parts;
}

/* Where the steps from the first member on stand when what is aside has moved. */
static void move_steps(nest *n)
{
    step *steps = n->program->steps, moved[MOST_LOOPS + MOST_ASIDE];
    size_t first = n->member[0].step, at = 0;
    for (int k = 0; k < n->n_aside; k++)
        if (!n->aside[k].behind)
            moved[at++] = steps[n->aside[k].step];
    for (int k = 0; k < n->n; k++) {
        moved[at] = steps[n->member[k].step];
        n->member[k].step = first + at++;
    }
    for (int k = 0; k < n->n_aside; k++)
        if (n->aside[k].behind)
            moved[at++] = steps[n->aside[k].step];
    memcpy(steps + first, moved, at * sizeof *moved);
}

/* Cuts the loops of a nest alike. */
static void cut_nest(nest *n)
{
    size_t each = (n->extent + nest_parts(n) - 1) / nest_parts(n), units = 0;
    move_steps(n);
    for (int k = 0; k < n->n; k++) {
        loop *l = n->member[k].loop;
        n->program->steps[n->member[k].step].loop = l;
        l->split = n->member[k].dim;
        l->step = each;
        l->parts = (n->extent + each - 1) / each;
        units += weft__loop_units(l);
    }
    for (int k = 0; k < n->n; k++)
        n->member[k].loop->shared = weft__worth_sharing(units);
    n->program->steps[n->member[0].step].together = (uint32_t)n->n;
}

/* The nest that begins with loop l, which is step s or is made of it, cut along dim d; 0: none, else the large loops in it. */
static int nest_along(nest *n, size_t s, loop *l, int d)
{
    int large = 0;
    n->extent = l->extent[d];
    n->member[0] = (member){s, l, d};
    n->n = 1;
    if (n->extent < 2 || !grow(n) || nest_parts(n) < 2)
        return 0;
    for (int k = 0; k < n->n; k++)
        large += is_large(n->member[k].loop);
    return large;
}

/* Its outermost dim may have been made one of two that a later large loop keeps apart: (N C, L) beside (N, C, L). */
static loop *apart_as_later(weft_program *p, size_t s)
{
    const loop *l = p->steps[s].loop;
    int d = outermost(l);
    for (size_t k = s + 1; k < p->n_steps && k <= s + MOST_LOOPS && d < 2 && d < l->rank - 1; k++) {
        const loop *other = p->steps[k].loop;
        size_t outer = other && is_large(other) && outermost(other) < other->rank ? other->extent[outermost(other)] : 0;
        if (outer > 1 && outer < l->extent[d] && l->extent[d] % outer == 0)
            return taken_apart(p, l, d, outer);
    }
    return NULL;
}

/* The nest with the most large loops that begins with step s; false: none. */
static bool best_nest(nest *best, size_t s)
{
    nest n = {.program = best->program};
    loop *l = n.program->steps[s].loop, *apart = apart_as_later(n.program, s);
    int most = 0;
    for (int d = 0; d < l->rank - (apart ? 0 : 1); d++) {
        bool last = d == l->rank - 1; /* the innermost is not cut: its turn is that of what was taken apart */
        int large = last ? nest_along(&n, s, apart, 0) : nest_along(&n, s, l, d);
        if (large > most) {
            most = large;
            *best = n;
        }
    }
    return most > 0;
}

/* --- when steps have moved --- */

static void meet(weft_program *p, uint32_t index, size_t s, bool *met)
{
    storage *at = &p->storages[index];
    at->first = met[index] ? at->first : (uint32_t)s;
    at->last = at->last == TO_THE_END ? TO_THE_END : (uint32_t)s;
    met[index] = true;
}

/* From which step to which each storage is needed. */
static bool find_lifetimes(weft_program *p)
{
    size_t bytes = p->n_storages * sizeof(bool) + 1;
    bool *met = weft__allocate(&p->allocator, bytes);
    if (!met)
        return false;
    memset(met, 0, bytes);
    for (size_t s = 0; s < p->n_steps; s++) {
        const step *at = &p->steps[s];
        for (int i = 0; at->loop && i < at->loop->length; i++)
            if (weft__touches_memory(&at->loop->body[i]))
                meet(p, at->loop->body[i].storage, s, met);
        for (int i = 0; !at->loop && i < at->n_out + at->n_in; i++)
            meet(p, at->port[i].storage, s, met);
        if (!at->loop && at->workspace != NO_STORAGE)
            meet(p, at->workspace, s, met);
    }
    weft__release(&p->allocator, met, bytes);
    return true;
}

bool weft__find_nests(weft_program *program)
{
    nest n = {.program = program};
    bool moved = false;
    for (size_t s = 0; s < program->n_steps; s++) {
        loop *l = program->steps[s].loop;
        if (!l || !is_large(l) || l->length > LONGEST)
            continue;
        if (!best_nest(&n, s))
            continue;
        cut_nest(&n);
        moved |= n.n_aside > 0;
        s = n.member[n.n - 1].step;
    }
    return !moved || find_lifetimes(program);
}
