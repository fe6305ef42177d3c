/* test_mutants.c: the checkers are checked by mutation. The derivative of each op, and of each fused op its backward formula, is a graph; every node of it
 * is broken in turn: a term or a factor left out, a function skipped, a sign, a factor of 2, a sum made a mean. Where that changes the gradient, the
 * gradient check, the diagnosis, the proof and the comparison of two sides must all say that it is wrong. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>

enum { MOST_NODES = 4096 };

typedef enum mutation { LEFT, RIGHT, SKIPPED, NEGATED, DOUBLED, AVERAGED, MUTATIONS } mutation;
static const char *const mutation_name[MUTATIONS] = {"first operand alone", "second operand alone", "function skipped", "sign", "factor 2", "mean for sum"};

typedef struct subject {
    const sample *s;
    weft_tape *tape;
    operands o;
    weft_node y, dy, dx;
    int wrt;
    uint32_t first; /* nodes from here on belong to the derivative */
    double *dy_data;
    weft_binding bind[SAMPLE_OPERANDS + 1];
    size_t mutants, silent; /* that change the gradient; that do not, at these numbers */
} subject;

static bool same_shape(weft_node a, weft_node b)
{
    weft_shape x = weft_node_shape(a), y = weft_node_shape(b);
    return x.rank == y.rank && !memcmp(x.dim, y.dim, (size_t)x.rank * sizeof *x.dim);
}

/* The broken node, or one of tape NULL where that mutation does not apply. */
static weft_node broken(weft_node x, mutation how)
{
    const weft_op *op = weft_node_op(x);
    const weft_node none = {.tape = NULL};
    int n = weft_node_operand_count(x);
    if (weft_node_dtype(x) != WEFT_F64 || !n)
        return none;
    weft_node a = weft_node_operand(x, 0), b = n > 1 ? weft_node_operand(x, 1) : none;
    bool elementwise = op->kind == WEFT_ELEMENTWISE;
    switch (how) {
    case LEFT:
        return elementwise && n == 2 ? a : none;
    case RIGHT:
        return elementwise && n == 2 ? b : none;
    case SKIPPED:
        return elementwise && n == 1 ? a : none;
    case NEGATED:
        return elementwise ? weft_neg(x) : none;
    case DOUBLED:
        return elementwise ? weft_mul(x, weft_full_like(x, 2)) : none;
    default:
        if (op->kind == WEFT_REDUCTION && !same_shape(x, a)) {
            weft_shape from = weft_node_shape(a), to = weft_node_shape(x);
            double share = (double)weft_shape_count(&to) / (double)weft_shape_count(&from);
            return share < 1 && share > 0 ? weft_mul(x, weft_full_like(x, share)) : none;
        }
        return none;
    }
}

/* dx with node `at` broken: what depends on it is recorded again. A node of tape NULL: the mutation does not apply. */
static weft_node mutant_of(const subject *s, uint32_t at, mutation how)
{
    static weft_node copy[MOST_NODES];
    uint32_t end = s->dx.id + 1;
    weft_node x = weft_tape_node(s->tape, at), changed = broken(x, how);
    if (!changed.tape || weft_node_failed(changed))
        return (weft_node){.tape = NULL};
    for (uint32_t id = s->first; id < end; id++) {
        weft_node node = copy[id - s->first] = weft_tape_node(s->tape, id), operand[WEFT_MAX_OPERANDS];
        int n = weft_node_operand_count(node);
        bool moved = false;
        if (id == at) {
            copy[id - s->first] = changed;
            continue;
        }
        for (int i = 0; i < n && id > at; i++) {
            operand[i] = weft_node_operand(node, i);
            if (operand[i].id >= s->first && copy[operand[i].id - s->first].id != operand[i].id) {
                operand[i] = copy[operand[i].id - s->first];
                moved = true;
            }
        }
        if (moved)
            copy[id - s->first] = weft_record(weft_node_op(node), operand, n, weft_node_attributes(node));
    }
    return copy[s->dx.id - s->first];
}

/* The largest difference, relative to the largest entry of the right one. */
static double change(const subject *s, weft_node mutant)
{
    const weft_node out[] = {s->dx, mutant};
    weft_program *p = run_outputs(out, 2, s->bind, (size_t)s->o.n + 1, (weft_options){.rewriting = WEFT_REWRITE_NONE});
    weft_shape shape = weft_node_shape(s->dx);
    const double *right = weft_output(p, 0), *other = weft_output(p, 1);
    double off = 0, size = 0;
    for (size_t k = 0; k < weft_shape_count(&shape); k++) {
        double here = fabs(right[k] - other[k]);
        off = here > off || here != here ? (here == here ? here : INFINITY) : off;
        size = fmax(size, fabs(right[k]));
    }
    weft_program_free(p);
    return size > 0 ? off / size : 0;
}

static bool differentiate(subject *s);

/* A mutant as the gradient that somebody derived by hand: the sample on other nodes, and its derivative broken at the same place. What holds indices or a
 * mask is no input there, but a constant. */
typedef struct broken_side {
    const subject *from;
    uint32_t offset; /* of the broken node, from the first of the derivative */
    mutation how;    /* MUTATIONS: none */
} broken_side;

static size_t compared_operands(const subject *s, int operand[SAMPLE_OPERANDS])
{
    size_t n = 0;
    for (int i = 0; i < s->s->n; i++)
        if (s->s->domain[i] != INDEX && s->s->domain[i] != MASK)
            operand[n++] = i;
    return n;
}

static void record_side(const broken_side *side, const weft_node *x, subject *s)
{
    int operand[SAMPLE_OPERANDS];
    size_t n = compared_operands(side->from, operand);
    *s = (subject){.s = side->from->s, .tape = x[0].tape, .wrt = side->from->wrt, .o = {.n = side->from->o.n}};
    for (int i = 0; i < s->o.n; i++) {
        weft_node from = side->from->o.node[i];
        weft_shape shape = weft_node_shape(from);
        for (size_t k = 0; k < n; k++)
            if (operand[k] == i)
                s->o.node[i] = x[k];
        if (!s->o.node[i].tape)
            s->o.node[i] = weft_constant(s->tape, weft_node_dtype(from), shape.rank, shape.dim, side->from->o.data[i]);
    }
    s->y = s->s->build(s->o.node);
}

static weft_node side_value(void *context, const weft_node *x)
{
    subject s;
    record_side(context, x, &s);
    return s.y;
}

static void broken_gradient(void *context, const weft_node *x, weft_node dy, weft_node *dx)
{
    const broken_side *side = context;
    int operand[SAMPLE_OPERANDS];
    subject s;
    record_side(side, x, &s);
    s.dy = dy;
    for (size_t i = 0; i < compared_operands(side->from, operand) && differentiate(&s); i++)
        if (operand[i] == s.wrt)
            dx[i] = side->how == MUTATIONS ? s.dx : mutant_of(&s, s.first + side->offset, side->how);
}

static weft_agreement compare_mutant(const subject *s, uint32_t at, mutation how, const char *what)
{
    enum { TEXT = 40, TRIALS = 2 };
    char shape[SAMPLE_OPERANDS][TEXT];
    int operand[SAMPLE_OPERANDS];
    weft_compare_input inputs[SAMPLE_OPERANDS];
    size_t n = compared_operands(s, operand);
    broken_side context = {s, at - s->first, how};
    const weft_side sides[2] = {{"derived", side_value, NULL, &context}, {"by hand", side_value, broken_gradient, &context}};
    static const char *const name[SAMPLE_OPERANDS] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < n; i++) {
        const weft_shape *from = &s->s->shape[operand[i]];
        bool positive = s->s->domain[operand[i]] == POSITIVE;
        size_t used = 0;
        shape[i][0] = 0;
        for (int k = 0; k < from->rank; k++)
            used += (size_t)snprintf(shape[i] + used, TEXT - used, "%s%zu", k ? "," : "", from->dim[k]);
        inputs[i] = (weft_compare_input){name[i], shape[i], positive ? 0.5 : -2, 2, NULL, operand[i] != s->wrt};
    }
    weft_comparison c;
    const weft_compare_options options = {.trials = TRIALS, .seed = 5, .first_order = true};
    ck_assert_msg(weft_compare(sides, inputs, n, &options, &c) == WEFT_OK, "%s: %s", what, c.message);
    return c.agreement;
}

static void judge(subject *s, weft_node mutant, uint32_t at, mutation how)
{
    enum { TEXT = 200 };
    char what[TEXT];
    const char *rule = weft_op_name(weft_node_op(weft_tape_node(s->tape, at)));
    snprintf(what, sizeof what, "%s, operand %d: %s of %%%u %s", s->s->op, s->wrt, mutation_name[how], at, rule);
    if (change(s, mutant) < 1e-3) {
        s->silent++;
        return;
    }
    s->mutants++;
    weft_gradcheck checked;
    const weft_gradcheck_options check = {.bind = s->bind, .n_bind = (size_t)s->o.n + 1, .cotangent = s->dy, .claimed = &mutant};
    weft_mark mark = weft_tape_mark(s->tape);
    ck_assert_msg(weft_gradient_check(s->y, &s->o.node[s->wrt], 1, &check, &checked) == WEFT_OK, "%s: %s", what, weft_tape_message(s->tape));
    ck_assert_msg(checked.verdict == WEFT_GRADIENT_WRONG, "the gradient check passes %s: %s", what, checked.message);
    weft_diagnosis diagnosed;
    const weft_diagnose_options diagnose = {.bind = s->bind, .n_bind = (size_t)s->o.n + 1, .claimed = mutant};
    ck_assert_msg(weft_diagnose(s->y, s->dy, s->o.node[s->wrt], &diagnose, &diagnosed) == WEFT_OK, "%s: %s", what, weft_tape_message(s->tape));
    ck_assert_msg(diagnosed.verdict == WEFT_GRADIENT_WRONG, "the diagnosis passes %s: %s", what, diagnosed.message);
    weft_proof proof;
    ck_assert_msg(weft_prove(&mutant, &s->dx, 1, NULL, &proof) == WEFT_OK, "%s: %s", what, weft_tape_message(s->tape));
    ck_assert_msg(proof.verdict != WEFT_PROVED, "the proof passes %s: %s", what, proof.message);
    weft_tape_rewind(s->tape, mark);
    ck_assert_msg(compare_mutant(s, at, how, what) == WEFT_SIDES_DIFFER, "the comparison passes %s", what);
}

/* The derivative with respect to one operand, where it has one; of a fused backward op its formula. */
static bool differentiate(subject *s)
{
    weft_node x = s->o.node[s->wrt], dx, out[WEFT_MAX_OUTPUTS], operand[WEFT_MAX_OPERANDS];
    s->first = weft_tape_count(s->tape);
    if (weft_node_dtype(x) != WEFT_F64 || weft_vjp(&s->y, &s->dy, 1, &x, 1, &dx) != WEFT_OK)
        return false;
    weft_node source = dx;
    int part = 0;
    if (weft_node_op(dx)->kind == WEFT_PART) {
        source = weft_node_operand(dx, 0);
        for (int i = 1; i < weft_node_op(source)->outputs; i++)
            part = weft_part(source, i).id == dx.id ? i : part;
    }
    const weft_op *op = weft_node_op(source);
    if (op->expand) {
        for (int i = 0; i < weft_node_operand_count(source); i++)
            operand[i] = weft_node_operand(source, i);
        s->first = weft_tape_count(s->tape);
        if (op->expand(source, operand, out) != WEFT_OK)
            return false;
        dx = out[part];
    }
    s->dx = dx;
    return dx.id >= s->first && dx.id - s->first < MOST_NODES;
}

static void break_every_node(subject *s)
{
    weft_agreement whole = compare_mutant(s, s->first, MUTATIONS, s->s->op);
    ck_assert_msg(whole == WEFT_SIDES_AGREE || whole == WEFT_SIDES_SILENT, "the comparison refuses the right derivative of %s", s->s->op);
    for (uint32_t at = s->first; at <= s->dx.id; at++)
        for (mutation how = LEFT; how < MUTATIONS; how++) {
            weft_mark mark = weft_tape_mark(s->tape);
            weft_node mutant = mutant_of(s, at, how);
            if (mutant.tape && !weft_node_failed(mutant) && mutant.id != s->dx.id && same_shape(mutant, s->dx))
                judge(s, mutant, at, how);
            weft_tape_rewind(s->tape, mark);
        }
}

static bool is_first_of_its_op(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(sample_at(k)->op, sample_at(i)->op) && sample_at(k)->shape[0].rank >= 2)
            return false;
    return sample_at(i)->shape[0].rank >= 2;
}

START_TEST(every_mutant_is_caught)
{
    size_t mutants = 0, silent = 0, derivatives = 0;
    for (size_t i = 0; i < sample_count(); i++) {
        const sample *s = sample_at(i);
        if (s->no_gradient || !is_first_of_its_op(i))
            continue;
        for (int wrt = 0; wrt < s->n; wrt++) {
            subject sub = {.s = s, .tape = weft_tape_new(NULL), .wrt = wrt};
            operands_make(&sub.o, sub.tape, s, WEFT_F64, 3);
            sub.y = s->build(sub.o.node);
            weft_shape shape = weft_node_shape(sub.y);
            size_t count = weft_shape_count(&shape);
            sub.dy = weft_input(sub.tape, "dy", WEFT_F64, shape.rank, shape.dim);
            sub.dy_data = malloc(count * sizeof(double) + 1);
            uint64_t seed = 17;
            for (size_t k = 0; k < count; k++)
                sub.dy_data[k] = draw_normal(&seed);
            memcpy(sub.bind, sub.o.binding, sizeof sub.o.binding);
            sub.bind[s->n] = (weft_binding){sub.dy, sub.dy_data, count * sizeof(double)};
            if (weft_node_dtype(sub.y) == WEFT_F64 && count && differentiate(&sub)) {
                derivatives++;
                break_every_node(&sub);
            }
            mutants += sub.mutants;
            silent += sub.silent;
            free(sub.dy_data);
            operands_free(&sub.o);
            weft_tape_free(sub.tape);
        }
    }
    printf("%zu derivatives, %zu mutants caught, %zu that change nothing at the numbers tried\n", derivatives, mutants, silent);
    ck_assert_uint_gt(derivatives, 100);
    ck_assert_uint_gt(mutants, 1000);
    ck_assert_uint_lt(silent, mutants);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mutants");
    TCase *mutants = tcase_create("mutants");
    tcase_set_timeout(mutants, 300);
    tcase_add_test(mutants, every_mutant_is_caught);
    suite_add_tcase(suite, mutants);
    return run_suite(suite);
}
