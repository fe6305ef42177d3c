/* random_draw.c: from a seed to a graph. Each move is recorded and judged as it is drawn, and taken back when a builder refuses it or when
 * its values leave the range in which comparing says something: beyond 1000, ill-conditioned, or undecided between two branches. Shapes
 * have ranks 0 to 4 and dims with 1 and sometimes 0 among them; one graph in four is all squares, which hide mixed-up axes; one in ten
 * has a long axis, so that blocked loops have remainders. */
#include "tests/plain.h"
#include "tests/random_graph.h"

#include <math.h>
#include <string.h>

enum { MOST_ELEMENTS = 1500, MOST_ELEMENTS_LONG = 6000, ROOM = 8 /* moves that one step may add */ };

typedef struct generator {
    graph g;
    built b;
    plain p; /* in f32 bounds: what is safe there is safe in f64 */
    uint64_t seed;
    size_t square; /* the one dim of every axis, or 0 */
    size_t longest; /* the long axis, or 0 */
} generator;

static size_t below(generator *d, size_t n)
{
    return (size_t)(draw_uniform(&d->seed) * (double)n);
}

static bool chance(generator *d, double p)
{
    return draw_uniform(&d->seed) < p;
}

static weft_shape shape_at(const generator *d, int i)
{
    return weft_node_shape(d->b.node[i]);
}

/* --- adding a move --- */

typedef struct range {
    long double low, high, error;
} range;

static range range_of(const generator *d, int i)
{
    weft_shape shape = shape_at(d, i);
    const bounded *x = plain_value(&d->p, d->b.node[i]);
    range r = {INFINITY, -INFINITY, 0};
    for (size_t k = 0; k < weft_shape_count(&shape); k++) {
        r.low = fminl(r.low, x[k].v);
        r.high = fmaxl(r.high, x[k].v);
        r.error = fmaxl(r.error, x[k].e);
    }
    return r;
}

static bool is_safe(const generator *d, int i)
{
    range r = range_of(d, i);
    weft_shape shape = shape_at(d, i);
    size_t count = weft_shape_count(&shape);
    if (!count)
        return true;
    long double size = fmaxl(fabsl(r.low), fabsl(r.high));
    return count <= (d->longest ? MOST_ELEMENTS_LONG : MOST_ELEMENTS) && size < 1000 && r.error <= 1e-4L * fmaxl(size, 0.01L);
}

/* The index of the new move, or -1. */
static int add(generator *d, move m)
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
        size_t most = d->longest ? MOST_ELEMENTS_LONG : MOST_ELEMENTS;
        if (weft_shape_count(&shape) <= most && plain_extend(&d->p, d->b.binding, d->b.n_bindings) && is_safe(d, i))
            return i;
    }
    plain_rewind(&d->p, mark.count);
    built_rewind(&d->b, mark, i, bindings);
    d->g.n = i;
    return -1;
}

static int add_call(generator *d, const char *kind, int a, int b)
{
    return a < 0 || b < 0 ? -1 : add(d, (move){.kind = move_kind_named(kind), .x = {a, b, 0}});
}

static int add_scalar(generator *d, int which)
{
    return add(d, (move){.kind = move_kind_named("scalar"), .p = {which}});
}

/* Mostly inputs; a parameter or a constant now and then; few values, and so ties, one time in ten. */
static int add_leaf(generator *d, weft_shape shape)
{
    static const char *const names[] = {"input", "input", "input", "input", "parameter", "constant"};
    static const domain domains[] = {NORMAL, NORMAL, AWAY, AWAY, POSITIVE, DISTINCT};
    move m = {.kind = move_kind_named(names[below(d, 6)]), .shape = shape, .domain = domains[below(d, 6)]};
    if (m.domain == DISTINCT && weft_shape_count(&shape) > 40)
        m.domain = NORMAL; /* its ladder would leave the range */
    m.values = chance(d, 0.1) ? VALUES_WHOLE : VALUES_DRAWN;
    return add(d, m);
}

/* --- shapes and operands --- */

static size_t draw_dim(generator *d)
{
    static const size_t dims[] = {1, 1, 2, 2, 3, 3, 4, 5, 6, 7};
    if (d->square)
        return d->square;
    return chance(d, 0.015) ? 0 : dims[below(d, 10)];
}

static weft_shape draw_shape(generator *d)
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

/* A shape that broadcasts against the given one: some axes 1, some leading ones missing. */
static weft_shape draw_partner(generator *d, weft_shape shape)
{
    weft_shape partner = {.rank = shape.rank};
    int missing = chance(d, 0.3) ? (int)below(d, (size_t)shape.rank + 1) : 0;
    partner.rank -= missing;
    for (int i = 0; i < partner.rank; i++)
        partner.dim[i] = chance(d, 0.2) ? 1 : shape.dim[i + missing];
    return partner;
}

/* An earlier move, recent ones more often: graphs are deep, with fan-out. */
static int pick(generator *d)
{
    size_t n = (size_t)d->g.n;
    return (int)(chance(d, 0.5) ? n - 1 - below(d, n < 4 ? n : 4) : below(d, n));
}

/* One that broadcasts against move a: an earlier one, or a new leaf. */
static int pick_partner(generator *d, int a)
{
    for (int trial = 0; trial < 4; trial++) {
        int b = pick(d);
        weft_shape common, shapes[2] = {shape_at(d, a), shape_at(d, b)};
        if ((b != a || chance(d, 0.1)) && weft_shape_broadcast(shapes, 2, &common) < 0)
            return b;
    }
    return chance(d, 0.2) ? add_scalar(d, (int)below(d, MOVE_SCALARS)) : add_leaf(d, draw_partner(d, shape_at(d, a)));
}

/* Move a, or a positive function of it. */
static int make_positive(generator *d, int a)
{
    if (a < 0)
        return -1;
    range r = range_of(d, a);
    if (r.low >= 0.2L)
        return a;
    if (r.low > -1.5L && r.high < 4 && chance(d, 0.5))
        return add_call(d, "exp", a, 0);
    int size = chance(d, 0.5) ? add_call(d, "abs", a, 0) : add_call(d, "mul", a, a);
    return add_call(d, "add", size, add_scalar(d, 4)); /* + 0.5 */
}

/* A matrix: move a when it is one, else a reshape of it into one. */
static int make_matrix(generator *d, int a)
{
    weft_shape shape = shape_at(d, a), flat = {2, {1, 1}};
    if (shape.rank == 2)
        return a;
    for (int i = 0, split = (int)below(d, (size_t)shape.rank + 1); i < shape.rank; i++)
        flat.dim[i >= split] *= shape.dim[i];
    return add(d, (move){.kind = move_kind_named("reshape"), .x = {a}, .shape = flat});
}

/* --- a step for each kind --- */

static int step_unary(generator *d, const char *kind)
{
    return add_call(d, kind, pick(d), 0);
}

static int step_positive(generator *d, const char *kind)
{
    return add_call(d, kind, make_positive(d, pick(d)), 0);
}

static int step_binary(generator *d, const char *kind)
{
    int a = pick(d), b = pick_partner(d, a);
    return chance(d, 0.5) ? add_call(d, kind, a, b) : add_call(d, kind, b, a);
}

static int step_div(generator *d, const char *kind)
{
    int a = pick(d), b = pick_partner(d, a);
    if (b < 0)
        return -1;
    range r = range_of(d, b);
    return add_call(d, kind, a, r.low > 0.2L || r.high < -0.2L ? b : make_positive(d, b));
}

static int step_pow(generator *d, const char *kind)
{
    int a = pick(d);
    return add_call(d, kind, make_positive(d, a), pick_partner(d, a));
}

static int step_pow_constant(generator *d, const char *kind)
{
    int a = pick(d), which = (int)below(d, MOVE_EXPONENTS);
    if (which > 1) /* the square and the cube take any base */
        a = make_positive(d, a);
    return a < 0 ? -1 : add(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {which}});
}

static int step_where(generator *d, const char *kind)
{
    int a = pick(d), b = pick_partner(d, a), mask = -1;
    if (chance(d, 0.5))
        mask = add_call(d, "greater", a, b);
    else
        mask = add(d, (move){.kind = move_kind_named("input"), .shape = draw_partner(d, shape_at(d, a)), .domain = MASK});
    return mask < 0 || b < 0 ? -1 : add(d, (move){.kind = move_kind_named(kind), .x = {mask, a, b}});
}

static int step_fold(generator *d, const char *kind)
{
    int a = pick(d);
    int axes = (int)below(d, (size_t)1 << shape_at(d, a).rank);
    return add(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {axes, chance(d, 0.5)}});
}

static int step_first(generator *d, const char *kind)
{
    int a = pick(d);
    weft_shape shape = shape_at(d, a);
    int axes = (int)below(d, (size_t)1 << shape.rank);
    for (int i = 0; i < shape.rank; i++)
        axes &= shape.dim[i] ? ~0 : ~(1 << i); /* what is empty has no first element */
    return add(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {axes, chance(d, 0.5)}});
}

/* x - mean(x), x - max(x), and then the sum of such: what the rules of the rewriter look for. On a square the means may lie along the wrong
 * axis, where a rule must see that they are no centre. */
static int step_centre(generator *d, const char *kind)
{
    int a = pick(d);
    int axes = (int)below(d, (size_t)1 << shape_at(d, a).rank), keepdims = chance(d, d->square ? 0.5 : 0.9);
    int centre = add(d, (move){.kind = move_kind_named(chance(d, 0.8) ? "mean" : "max"), .x = {a}, .p = {axes, keepdims}});
    int centred = add_call(d, kind, a, centre);
    if (centred < 0 || chance(d, 0.5))
        return centred;
    if (chance(d, 0.5))
        centred = add_call(d, "mul", centred, pick_partner(d, centred));
    return centred < 0 ? -1 : add(d, (move){.kind = move_kind_named("sum"), .x = {centred}, .p = {axes, chance(d, 0.5)}});
}

static int step_broadcast(generator *d, const char *kind)
{
    int a = pick(d);
    weft_shape from = shape_at(d, a), to = {.rank = from.rank};
    if (to.rank < 4 && chance(d, 0.5)) {
        to.dim[0] = draw_dim(d);
        to.rank++;
    }
    for (int i = 0; i < from.rank; i++)
        to.dim[i + to.rank - from.rank] = from.dim[i] == 1 ? draw_dim(d) : from.dim[i];
    return add(d, (move){.kind = move_kind_named(kind), .x = {a}, .shape = to});
}

/* Splits an axis, joins two, adds or drops an axis of 1. */
static int step_reshape(generator *d, const char *kind)
{
    int a = pick(d);
    weft_shape from = shape_at(d, a), to = from;
    int axis = from.rank ? (int)below(d, (size_t)from.rank) : 0;
    if (from.rank < 4 && chance(d, 0.5)) {
        memmove(to.dim + axis + 1, to.dim + axis, (size_t)(from.rank - axis) * sizeof *to.dim);
        to.rank++;
        size_t whole = from.rank ? from.dim[axis] : 1, part = whole % 2 == 0 && whole ? 2 : whole % 3 == 0 && whole ? 3 : 1;
        to.dim[axis] = part;
        if (from.rank)
            to.dim[axis + 1] = whole / part;
    } else if (from.rank > 1) {
        axis = axis == from.rank - 1 ? axis - 1 : axis;
        to.dim[axis] *= to.dim[axis + 1];
        memmove(to.dim + axis + 1, to.dim + axis + 2, (size_t)(from.rank - axis - 2) * sizeof *to.dim);
        to.dim[--to.rank] = 0;
    } else if (from.rank == 1 && from.dim[0] == 1) {
        to = (weft_shape){.rank = 0};
    }
    return add(d, (move){.kind = move_kind_named(kind), .x = {a}, .shape = to});
}

/* Once, or once more: orders of three axes do not commute. */
static int step_transpose(generator *d, const char *kind)
{
    int a = pick(d);
    for (int times = chance(d, 0.3) ? 2 : 1; a >= 0 && times > 0; times--) {
        move m = {.kind = move_kind_named(kind), .x = {a}};
        int rank = shape_at(d, a).rank;
        for (int i = 0; i < rank; i++)
            m.p[i] = i;
        for (int i = rank - 1; i > 0; i--) {
            int j = (int)below(d, (size_t)i + 1), swap = m.p[i];
            m.p[i] = m.p[j];
            m.p[j] = swap;
        }
        a = add(d, m);
    }
    return a;
}

static int step_matmul(generator *d, const char *kind)
{
    int a = make_matrix(d, pick(d)), b = -1;
    if (a < 0)
        return -1;
    for (int trial = 0; trial < 6 && b < 0; trial++) {
        int other = pick(d);
        weft_shape shape = shape_at(d, other);
        if (shape.rank == 2 && shape.dim[0] == shape_at(d, a).dim[1])
            b = other;
    }
    if (b < 0)
        b = add_leaf(d, (weft_shape){2, {shape_at(d, a).dim[1], draw_dim(d)}});
    return add_call(d, kind, a, b);
}

static int step_rows(generator *d, const char *kind)
{
    int a = pick(d);
    size_t count = d->longest && d->longest < 1000 && chance(d, 0.2) ? d->longest : 1 + below(d, 6);
    return shape_at(d, a).rank ? add(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {(int)count}}) : -1;
}

static int step_batchnorm(generator *d, const char *kind)
{
    int h = make_matrix(d, pick(d));
    if (h < 0)
        return -1;
    weft_shape columns = {1, {shape_at(d, h).dim[1]}};
    int gamma = add_leaf(d, columns), beta = chance(d, 0.9) ? add_leaf(d, columns) : gamma;
    int eps = chance(d, 0.5);
    return gamma < 0 || beta < 0 ? -1 : add(d, (move){.kind = move_kind_named(kind), .x = {h, gamma, beta}, .p = {eps}});
}

static const struct {
    const char *kind;
    int weight;
    int (*step)(generator *d, const char *kind);
} steps[] = {
    {"add", 5, step_binary},
    {"sub", 5, step_binary},
    {"mul", 7, step_binary},
    {"div", 4, step_div},
    {"pow", 2, step_pow},
    {"pow_constant", 5, step_pow_constant},
    {"maximum", 2, step_binary},
    {"greater", 1, step_binary},
    {"equal", 1, step_binary},
    {"where", 2, step_where},
    {"neg", 2, step_unary},
    {"exp", 3, step_unary},
    {"log", 2, step_positive},
    {"sqrt", 2, step_positive},
    {"relu", 2, step_unary},
    {"abs", 2, step_unary},
    {"sign", 1, step_unary},
    {"stop_gradient", 1, step_unary},
    {"sum", 6, step_fold},
    {"max", 3, step_fold},
    {"first", 1, step_first},
    {"mean", 4, step_fold},
    {"variance", 3, step_fold},
    {"sub", 4, step_centre},
    {"broadcast", 4, step_broadcast},
    {"reshape", 4, step_reshape},
    {"transpose", 4, step_transpose},
    {"matmul", 4, step_matmul},
    {"gather", 2, step_rows},
    {"scatter_add", 2, step_rows},
    {"batchnorm", 2, step_batchnorm},
    {"fused_batchnorm", 3, step_batchnorm},
};

static void take_step(generator *d)
{
    int all = 0;
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
        all += steps[k].weight;
    int at = (int)below(d, (size_t)all);
    size_t k = 0;
    for (; at >= steps[k].weight; k++)
        at -= steps[k].weight;
    steps[k].step(d, steps[k].kind);
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
    plain_free(&d.p);
    built_free(&d.b);
    graph_drop_unused(&d.g);
    return d.g;
}
