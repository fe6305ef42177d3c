/* random_draw.c: from a seed to a graph. Each move is recorded and judged as it is drawn, and taken back when a builder refuses it or when
 * its values leave the range in which comparing says something: beyond 1000, ill-conditioned, or undecided between two branches. Shapes
 * have ranks 0 to 4 and dims with 1 and sometimes 0 among them; one graph in four is all squares, which hide mixed-up axes; one in ten
 * has a long axis, so that blocked loops have remainders; three in ten may assign parameters. */
#include "tests/random_draw.h"

#include <math.h>

enum { MOST_ELEMENTS = 1500, MOST_ELEMENTS_LONG = 6000, ROOM = 8 /* moves that one step may add */ };

/* --- adding a move --- */

static range range_among(const bounded *x, size_t count)
{
    range r = {INFINITY, -INFINITY, 0};
    for (size_t k = 0; k < count; k++) {
        r.low = fminl(r.low, x[k].v);
        r.high = fmaxl(r.high, x[k].v);
        r.error = fmaxl(r.error, x[k].e);
    }
    return r;
}

range range_of(const generator *d, int i)
{
    weft_shape shape = shape_at(d, i);
    return range_among(plain_value(&d->p, d->b.node[i]), weft_shape_count(&shape));
}

bool values_are_safe(const bounded *x, size_t count)
{
    range r = range_among(x, count);
    long double size = fmaxl(fabsl(r.low), fabsl(r.high));
    return !count || (size < 1000 && r.error <= 1e-4L * fmaxl(size, 0.01L));
}

int add_move(generator *d, move m)
{
    int i = d->g.n;
    if (i == MOST_MOVES)
        return -1;
    weft_mark mark = weft_tape_mark(d->b.tape);
    size_t bindings = d->b.n_bindings;
    m.seed = d->seed ^ 0x5851f42d4c957f2du;
    d->g.move[d->g.n++] = m;
    if (graph_build_move(&d->b, &d->g, i) && weft_node_shape(d->b.node[i]).rank <= 4) {
        weft_shape shape = shape_at(d, i);
        size_t count = weft_shape_count(&shape), most = d->longest ? MOST_ELEMENTS_LONG : MOST_ELEMENTS;
        if (count <= most && plain_extend(&d->p, d->b.binding, d->b.n_bindings) && values_are_safe(plain_value(&d->p, d->b.node[i]), count))
            return i;
    }
    plain_rewind(&d->p, mark.count);
    built_rewind(&d->b, mark, i, bindings);
    d->g.n = i;
    return -1;
}

int add_call(generator *d, const char *kind, int a, int b)
{
    return a < 0 || b < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a, b, 0}});
}

int add_scalar(generator *d, int which)
{
    return add_move(d, (move){.kind = move_kind_named("scalar"), .p = {which}});
}

/* Few values, and so ties, one time in ten. */
int add_leaf_of(generator *d, const char *kind, weft_shape shape)
{
    static const domain domains[] = {NORMAL, NORMAL, AWAY, AWAY, POSITIVE, DISTINCT};
    move m = {.kind = move_kind_named(kind), .shape = shape, .domain = domains[below(d, 6)]};
    if (m.domain == DISTINCT && weft_shape_count(&shape) > 40)
        m.domain = NORMAL; /* its ladder would leave the range */
    m.values = chance(d, 0.1) ? VALUES_WHOLE : VALUES_DRAWN;
    return add_move(d, m);
}

int add_leaf(generator *d, weft_shape shape)
{
    static const char *const names[] = {"input", "input", "input", "input", "parameter", "constant"};
    return add_leaf_of(d, d->assigns && chance(d, 0.5) ? "parameter" : names[below(d, 6)], shape);
}

/* --- shapes and operands --- */

size_t draw_dim(generator *d)
{
    static const size_t dims[] = {1, 1, 2, 2, 3, 3, 4, 5, 6, 7};
    if (d->square)
        return d->square;
    return chance(d, 0.015) ? 0 : dims[below(d, 10)];
}

weft_shape draw_shape(generator *d)
{
    static const int ranks[] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 4};
    weft_shape shape = {.rank = ranks[below(d, 10)]};
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = draw_dim(d);
    if (d->longest && chance(d, 0.7)) { /* long inside or long outside, the others short */
        shape.rank = shape.rank ? shape.rank : 1;
        for (int i = 0; i < shape.rank; i++)
            shape.dim[i] = d->longest > 1000 ? 1 : 1 + below(d, 3);
        shape.dim[chance(d, 0.5) ? 0 : shape.rank - 1] = d->longest;
    }
    return shape;
}

weft_shape draw_partner(generator *d, weft_shape shape)
{
    weft_shape partner = {.rank = shape.rank};
    int missing = chance(d, 0.3) ? (int)below(d, (size_t)shape.rank + 1) : 0;
    partner.rank -= missing;
    for (int i = 0; i < partner.rank; i++)
        partner.dim[i] = chance(d, 0.2) ? 1 : shape.dim[i + missing];
    return partner;
}

int pick_move(generator *d)
{
    size_t n = (size_t)d->g.n;
    return (int)(chance(d, 0.5) ? n - 1 - below(d, n < 4 ? n : 4) : below(d, n));
}

int pick_partner(generator *d, int a)
{
    for (int trial = 0; trial < 4; trial++) {
        int b = pick_move(d);
        weft_shape common, shapes[2] = {shape_at(d, a), shape_at(d, b)};
        if ((b != a || chance(d, 0.1)) && weft_shape_broadcast(shapes, 2, &common) < 0)
            return b;
    }
    return chance(d, 0.2) ? add_scalar(d, (int)below(d, MOVE_SCALARS)) : add_leaf(d, draw_partner(d, shape_at(d, a)));
}

/* --- the whole graph --- */

/* The last move and some of those that nothing reads. */
static void choose_results(generator *d)
{
    bool read[MOST_MOVES] = {false};
    for (int i = 0; i < d->g.n; i++)
        for (int k = 0; k < d->g.move[i].kind->arity; k++)
            read[d->g.move[i].x[k]] = true;
    d->g.result[d->g.n_results++] = d->g.n - 1;
    for (int i = d->g.n - 2; i >= 0 && d->g.n_results < MOST_RESULTS; i--)
        if (d->g.move[i].kind->arity && (read[i] ? chance(d, 0.1) : chance(d, 0.5)))
            d->g.result[d->g.n_results++] = i;
}

graph graph_draw(uint64_t seed)
{
    generator d = {.g = {.seed = seed}, .seed = seed * 0x2545f4914f6cdd1du + 1};
    if (chance(&d, 0.25))
        d.square = 2 + below(&d, 3);
    else if (chance(&d, 0.13))
        d.longest = chance(&d, 0.2) ? 4097 + below(&d, 300) : 257 + below(&d, 500);
    d.assigns = chance(&d, 0.3);
    graph_start(&d.b, &d.g, WEFT_F64);
    plain_start(&d.p, d.b.tape, WEFT_F32);
    weft_shape shape = draw_shape(&d);
    add_leaf(&d, shape);
    add_leaf(&d, draw_partner(&d, shape));
    if (chance(&d, 0.5))
        add_leaf(&d, draw_shape(&d));
    while (!d.g.n) /* the shapes were too large */
        add_leaf(&d, draw_shape(&d));
    int target = 3 + (int)below(&d, d.longest ? 8 : 16);
    for (int trial = 0; trial < 4 * target && graph_size(&d.g) < target && d.g.n < MOST_MOVES - ROOM; trial++)
        take_step(&d);
    choose_results(&d);
    static const int orders[] = {0, 1, 1, 1, 2};
    d.g.order = orders[below(&d, 5)];
    if (d.assigns)
        choose_updates(&d);
    d.g.scopes = chance(&d, 0.3) ? 1 + (int)below(&d, 2) : 0;
    plain_free(&d.p);
    built_free(&d.b);
    graph_drop_unused(&d.g);
    return d.g;
}
