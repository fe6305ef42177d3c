/* split.c: how a loop is cut into parts, and whether they are worth several threads. It asks the sizes and the body and nothing else, since the
 * parts decide in which order a reduction adds up, and the bits must not depend on how many threads there are.
 *
 * A part is a range of one dim: of the outermost that is long enough, so that a part is one stretch of memory. A fold over that dim needs
 * accumulators for each part. Where these would be many (few long rows, summed over the rows), a dim that the fold keeps is cut instead; so
 * their merging, which is one thread's, stays a small part of the work. */
#include "engine/run/loops.h"

enum {
    PART = 65536,       /* elements that make a part worth its own accumulators */
    LINE = 16,          /* elements: parts of a row begin on a cache line of their own, if the row does */
    MERGE = 32          /* elements for each accumulator that the parts may have */
};

/* A fork and a join with a sleeping thread cost 70 us (two idle cores of a virtual Xeon): 87 us of work took 105 on two threads, 169 took 156,
 * 338 took 243; and what one core left in its cache the other has to fetch. So what is shared should take over 200 us on one. A unit is what an
 * addition costs for one element of a tile, 0.06 to 0.09 ns. Of 2.6 million units x*x + x took 1.0 of its time when shared, of 5.2 million 0.7;
 * the sums of the backward pass of a batch normalization, of 2.6 million, 1.1. */
static const size_t worth_sharing = 4000000;

static size_t long_parts(const loop *l, int dim, size_t wanted)
{
    size_t extent = l->extent[dim], step = (extent + wanted - 1) / wanted;
    return dim == l->rank - 1 ? (step + LINE - 1) / LINE * LINE : step;
}

static size_t accumulators(const loop *l, int dim, size_t parts)
{
    size_t n = 0;
    for (int i = 0; i < l->length; i++)
        if (l->body[i].action == ACTION_FOLD && !l->body[i].stride[dim])
            n += parts * weft__fold_kept(l, &l->body[i]);
    return n;
}

static int choose_dim(const loop *l, size_t wanted)
{
    int longest = 0;
    for (int d = 0; d < l->rank; d++) {
        if (l->extent[d] >= wanted && accumulators(l, d, wanted) <= l->count / MERGE)
            return d;
        longest = l->extent[d] > l->extent[longest] ? d : longest;
    }
    return longest;
}

static int dims_walked(const loop *l, const instruction *b)
{
    int n = 0;
    for (int d = 0; d < l->rank; d++)
        n += b->stride[d] && l->extent[d] > 1;
    return n;
}

/* An op is taken as cheap where an operand is one number: then it is often an easy case, such as a square by pow. */
static size_t map_cost(const loop *l, const instruction *b)
{
    size_t units = b->op->cost > 1 ? (size_t)b->op->cost : 1;
    for (int k = 0; k < b->n; k++) {
        const instruction *x = &l->body[b->operand[k]];
        if (x->action == ACTION_LOAD && !dims_walked(l, x))
            units = 1;
    }
    return units;
}

/* Of one element, in units. What is loaded again and again comes from a cache. */
static size_t cost(const loop *l)
{
    size_t units = 1;
    int rank = 0;
    for (int d = 0; d < l->rank; d++)
        rank += l->extent[d] > 1;
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        if (b->action == ACTION_MAP)
            units += map_cost(l, b);
        else
            units += b->action != ACTION_LOAD || dims_walked(l, b) == rank;
    }
    return units;
}

void weft__loop_split(loop *l)
{
    size_t wanted = l->count / PART < MOST_PARTS ? l->count / PART : MOST_PARTS;
    l->split = 0;
    l->parts = 1;
    l->step = l->extent[0];
    if (wanted < 2)
        return;
    l->split = choose_dim(l, wanted);
    l->step = long_parts(l, l->split, wanted < l->extent[l->split] ? wanted : l->extent[l->split]);
    l->parts = (l->extent[l->split] + l->step - 1) / l->step;
    l->shared = l->parts > 1 && l->count >= worth_sharing / cost(l);
}
