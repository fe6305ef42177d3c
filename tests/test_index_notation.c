/* test_index_notation.c: what a node is in index notation, for every op of the catalogue. A formula is evaluated here, element by element and sum by sum,
 * from the values that its arrays have in a run; it must give the node's own value, and a local derivative what weft_pull_back() sends. Nothing of how the
 * engine computes formulas (index_lower.c) is used. Printed forms are letter by letter where they were worked out by hand. */
#include "engine/explain/index.h"
#include "tests/page.h"
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>

/* --- a formula, one element at a time --- */

typedef struct world {
    weft__book *book;
    const double **value; /* (nodes): what each is in the run; NULL: not f64 */
    size_t at[4096];      /* the value of each index of the book */
} world;

static size_t index_value(const world *w, const weft__index *i)
{
    int64_t value = i->plus + (i->id < 0 ? 0 : i->times * (int64_t)w->at[i->id]);
    ck_assert_int_ge(value, 0);
    return (size_t)value;
}

static double formula_value(world *w, const weft__formula *x);

static double array_value(const world *w, const weft__factor *f)
{
    const weft_shape *shape = &weft__book_shape(w->book, f->node)->dims;
    size_t at = 0;
    for (int i = 0; i < shape->rank; i++) {
        size_t k = index_value(w, &f->index[i]);
        ck_assert_uint_lt(k, shape->dim[i]);
        at = at * shape->dim[i] + k;
    }
    ck_assert_ptr_nonnull(w->value[f->node]);
    return w->value[f->node][at];
}

static double function_value(world *w, const weft__factor *f)
{
    double x[3], y;
    if (f->op->kind == WEFT_REDUCTION) {
        size_t count = 1;
        y = f->op->fold->identity;
        for (int i = 0; i < f->n; i++)
            count *= w->book->index[f->index[i].id].length;
        for (size_t k = 0; k < count; k++) {
            size_t rest = k;
            for (int i = f->n; i-- > 0;) {
                size_t length = w->book->index[f->index[i].id].length;
                w->at[f->index[i].id] = rest % length;
                rest /= length;
            }
            y = f->op->fold->merge(y, formula_value(w, f->operand[0]));
        }
        return y;
    }
    for (int i = 0; i < f->n_operands; i++)
        x[i] = formula_value(w, f->operand[i]);
    f->op->map[1](1, &y, (const void *const[]){&x[0], &x[1], &x[2]}, (const ptrdiff_t[]){1, 1, 1});
    return y;
}

static double factor_value(world *w, const weft__factor *f)
{
    switch (f->kind) {
    case WEFT__SYMBOL:
        ck_assert(!f->adjoint);
        return array_value(w, f);
    case WEFT__GROUP:
        return formula_value(w, f->operand[0]);
    case WEFT__FUNCTION:
        return function_value(w, f);
    case WEFT__LENGTH:
        return (double)w->book->length[f->node].value;
    default:
        ck_assert_int_eq(f->kind, WEFT__DELTA);
        return index_value(w, &f->index[0]) == index_value(w, &f->index[1]);
    }
}

static double term_value(world *w, const weft__term *t, int bound)
{
    double y = bound == t->n_bound ? t->number : 0;
    for (int i = 0; i < t->n && bound == t->n_bound; i++) {
        double x = factor_value(w, t->factor[i]);
        if (t->factor[i]->kind == WEFT__DELTA && x == 0)
            return 0; /* the term is not there, whatever its other factors are */
        y *= t->factor[i]->exponent == 1 ? x : pow(x, t->factor[i]->exponent);
    }
    for (size_t k = 0; bound < t->n_bound && k < w->book->index[t->bound[bound]].length; k++) {
        w->at[t->bound[bound]] = k;
        y += term_value(w, t, bound + 1);
    }
    return y;
}

static double formula_value(world *w, const weft__formula *x)
{
    double y = 0;
    for (int i = 0; i < x->n; i++)
        y += term_value(w, x->term[i], 0);
    return y;
}

/* The indices of an array, set to those of its element `at`. */
static void set_indices(world *w, const weft__index *index, const weft_shape *shape, size_t at)
{
    for (int i = shape->rank; i-- > 0;) {
        if (index[i].id >= 0)
            w->at[index[i].id] = at % shape->dim[i];
        at /= shape->dim[i];
    }
}

/* --- every op --- */

typedef struct fixture {
    weft_tape *t;
    operands o;
    weft_node y;
    weft_program *p;
    const double *value[512];
    weft__book book;
    world w;
} fixture;

/* All f64 nodes of the graph of y. */
static void run_all(fixture *f, weft_node extra)
{
    weft_node nodes[512];
    uint32_t at[512];
    size_t n = 0;
    weft__needed needed;
    ck_assert_int_eq(weft__needed_find(&needed, (weft_node[]){f->y, extra}, extra.tape ? 2 : 1), WEFT_OK);
    ck_assert_uint_lt(needed.end, 512);
    for (uint32_t id = 0; id < needed.end; id++)
        if (weft__is_needed(&needed, id) && weft_node_dtype(weft_tape_node(f->t, id)) == WEFT_F64) {
            at[n] = id;
            nodes[n++] = weft_tape_node(f->t, id);
        }
    weft__needed_free(&needed);
    f->p = weft_compile_with(nodes, n, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
    operands_bind(&f->o, f->p);
    ck_assert_msg(weft_run(f->p) == WEFT_OK, "%s", weft_program_message(f->p));
    for (size_t k = 0; k < n; k++)
        f->value[at[k]] = weft_output(f->p, k);
}

static void set_up(fixture *f, const sample *s)
{
    *f = (fixture){.t = weft_tape_new(NULL)};
    operands_make(&f->o, f->t, s, WEFT_F64, 7);
    f->y = s->build(f->o.node);
    f->w = (world){.book = &f->book, .value = f->value};
    ck_assert_msg(weft__book_open(&f->book, f->y), "%s", f->book.message);
}

static void tear_down(fixture *f)
{
    weft__book_close(&f->book);
    weft_program_free(f->p);
    operands_free(&f->o);
    weft_tape_free(f->t);
}

static bool is_close(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-12 * fmax(1, fmax(fabs(a), fabs(b)));
}

START_TEST(a_definition_has_the_value_of_its_node)
{
    const sample *s = sample_at((size_t)_i);
    fixture f;
    set_up(&f, s);
    if (weft_node_dtype(f.y) == WEFT_F64)
        run_all(&f, (weft_node){0});
    for (uint32_t id = 0; id < f.book.end && f.p; id++) {
        weft__index index[WEFT_MAX_RANK];
        const weft_shape shape = weft_node_shape(weft_tape_node(f.t, id));
        if (!weft__is_needed_by_book(&f.book, id) || !f.value[id])
            continue;
        weft__book_indices(&f.book, id, true, index);
        const weft__formula *x = weft__definition(&f.book, id, index);
        ck_assert_msg(f.book.status == WEFT_OK, "%s: %s", s->op, f.book.message);
        ck_assert_uint_lt(f.book.n_index, 4096);
        for (size_t k = 0; k < weft_shape_count(&shape); k++) {
            set_indices(&f.w, index, &shape, k);
            double y = formula_value(&f.w, x);
            ck_assert_msg(is_close(y, f.value[id][k]), "%s: node %u, element %zu is %.17g, its formula %.17g", s->op, id, k, f.value[id][k], y);
        }
    }
    tear_down(&f);
}
END_TEST

static bool is_written(const weft_op *op)
{
    weft_paper_form form = op->paper ? op->paper->form : WEFT_PAPER_FUNCTION;
    return op->kind == WEFT_ELEMENTWISE || op->kind == WEFT_VIEW || (op->kind == WEFT_REDUCTION && form == WEFT_PAPER_TERMS) ||
           form == WEFT_PAPER_CONTRACTION;
}

/* Of the last node alone: sum over y's elements of dy times the derivative, against weft_pull_back(). dy is y itself, to have numbers. */
START_TEST(a_derivative_sends_what_the_rule_sends)
{
    const sample *s = sample_at((size_t)_i);
    fixture f;
    weft_node dx[WEFT_MAX_OPERANDS];
    set_up(&f, s);
    const weft_op *op = weft_node_op(f.y);
    if (weft_node_dtype(f.y) == WEFT_F64 && op->kind != WEFT_PART && weft_pull_back(f.y, f.y, dx) == WEFT_OK)
        for (int i = 0; i < weft_node_operand_count(f.y); i++) {
            weft_node x = weft_node_operand(f.y, i);
            weft__index at[WEFT_MAX_RANK], by[WEFT_MAX_RANK];
            bool twice = false;
            for (int k = 0; k < weft_node_operand_count(f.y); k++)
                twice |= k != i && weft_node_operand(f.y, k).id == x.id;
            if (weft_node_failed(dx[i]) || twice)
                continue;
            f.book.quantity[x.id] = 1;
            weft__book_indices(&f.book, f.y.id, false, at);
            weft__book_indices(&f.book, x.id, true, by);
            const weft__formula *d = weft__derivative(&f.book, f.y.id, at, x.id, by);
            if (!is_written(op) && weft_node_op(f.y)->kind != WEFT_ELEMENTWISE) {
                ck_assert_int_eq(f.book.status, WEFT_ERROR_GRADIENT);
                ck_assert_ptr_nonnull(strstr(f.book.message, op->name));
                break;
            }
            if (f.book.status == WEFT_ERROR_GRADIENT) { /* a reshape that merges axes */
                ck_assert_int_eq(op->kind, WEFT_VIEW);
                break;
            }
            ck_assert_msg(f.book.status == WEFT_OK, "%s: %s", s->op, f.book.message);
            weft_program_free(f.p);
            run_all(&f, dx[i]);
            const weft_shape of_y = weft_node_shape(f.y), of_x = weft_node_shape(x);
            for (size_t k = 0; k < weft_shape_count(&of_x); k++) {
                double sum = 0, size = 0;
                for (size_t m = 0; m < weft_shape_count(&of_y); m++) {
                    set_indices(&f.w, at, &of_y, m);
                    set_indices(&f.w, by, &of_x, k);
                    double part = f.value[f.y.id][m] * formula_value(&f.w, d);
                    sum += part;
                    size += fabs(part);
                }
                ck_assert_msg(is_close(sum, f.value[dx[i].id][k]) || fabs(sum - f.value[dx[i].id][k]) < 1e-12 * size,
                              "%s: dx[%d], element %zu is %.17g, by its formula %.17g", s->op, i, k, f.value[dx[i].id][k], sum);
            }
        }
    tear_down(&f);
}
END_TEST

/* --- as text --- */

static bool balanced(const char *text)
{
    int depth = 0;
    for (; *text && depth >= 0; text++)
        depth += *text == '{' ? 1 : *text == '}' ? -1 : 0;
    return depth == 0;
}

START_TEST(every_op_is_printed)
{
    const sample *s = sample_at((size_t)_i);
    fixture f;
    set_up(&f, s);
    uint32_t before = weft_tape_count(f.t);
    for (int notation = WEFT_NOTATION_PLAIN; notation <= WEFT_NOTATION_TEX; notation++) {
        ck_assert_int_eq(weft_print_indexed(blank(), f.y, (weft_notation)notation), WEFT_OK);
        ck_assert_ptr_nonnull(strstr(paper.text, " = "));
        ck_assert_ptr_null(strchr(paper.text, '%'));
        ck_assert_msg(notation != WEFT_NOTATION_TEX || balanced(paper.text), "%s", paper.text);
        for (const char *c = paper.text; *c && notation; c++)
            ck_assert_msg(*c >= ' ' && *c < 0x7f, "%s: %s", s->op, paper.text);
        for (int i = 0; i < weft_node_operand_count(f.y); i++) {
            weft_status status = weft_print_indexed_flow(blank(), f.y, i, (weft_notation)notation);
            ck_assert_msg(status == WEFT_OK || status == WEFT_ERROR_GRADIENT, "%s: %s", s->op, weft_status_text(status));
            ck_assert(!is_written(weft_node_op(f.y)) || status == WEFT_OK || weft_node_op(f.y)->kind == WEFT_VIEW);
        }
    }
    ck_assert_uint_eq(weft_tape_count(f.t), before);
    ck_assert_int_eq(weft_tape_status(f.t), WEFT_OK);
    tear_down(&f);
}
END_TEST

static weft_tape *t;
static weft_node x, w, v, index64; /* (4, 3), (3, 2), (3), i64 (2) */

static void inputs(void)
{
    t = weft_tape_new(NULL);
    x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){4, 3});
    w = weft_input(t, "w", WEFT_F64, 2, (size_t[]){3, 2});
    v = weft_input(t, "gamma", WEFT_F64, 1, (size_t[]){3});
    index64 = weft_input(t, "index", WEFT_I64, 1, (size_t[]){2});
}

static void done(void)
{
    weft_tape_free(t);
}

static void assert_index(weft_node y, const char *plain, const char *in_tex)
{
    ck_assert_msg(!weft_node_failed(y), "%s", weft_tape_message(t));
    ck_assert_int_eq(weft_print_indexed(blank(), weft_name(y, "y"), WEFT_NOTATION_PLAIN), WEFT_OK);
    assert_text(paper.text, plain);
    ck_assert_int_eq(weft_print_indexed(blank(), y, WEFT_NOTATION_TEX), WEFT_OK);
    assert_text(paper.text, in_tex);
}

static void assert_flow(weft_node y, int operand, const char *ascii)
{
    ck_assert_int_eq(weft_print_indexed_flow(blank(), weft_name(y, "y"), operand, WEFT_NOTATION_ASCII), WEFT_OK);
    assert_text(paper.text, ascii);
}

START_TEST(as_on_paper)
{
    assert_index(weft_mul(x, v), "y_ij = x_ij γ_j", "y_{ij} = x_{ij}\\, \\gamma_{j}");
    weft_node total = weft_name(weft_sum(x, WEFT_AXIS(0), false), "total");
    assert_index(weft_div(total, weft_scalar_like(x, 4)), "y_j = 1/N total_j", "y_{j} = \\frac{1}{N}\\, \\mathrm{total}_{j}");
    assert_index(weft_sum(x, WEFT_AXIS(1), true), "y_i = Σ_l x_il", "y_{i} = \\sum_{l} x_{il}");
    assert_index(weft_sum(x, WEFT_ALL_AXES, false), "y = Σ_kl x_kl", "y = \\sum_{kl} x_{kl}");
    assert_index(weft_matmul(x, w), "y_ij = Σ_l x_il w_lj", "y_{ij} = \\sum_{l} x_{il}\\, w_{lj}");
    assert_index(weft_transpose(x, NULL), "y_ij = x_ji", "y_{ij} = x_{ji}");
    assert_index(weft_flip(x, WEFT_AXIS(0)), "y_ij = x_{3-i,j}", "y_{ij} = x_{3-i,j}");
    assert_index(weft_slice(x, (ptrdiff_t[]){1, 0}, NULL, (ptrdiff_t[]){2, 1}), "y_ij = x_{2i+1,j}", "y_{ij} = x_{2i+1,j}");
    assert_index(weft_take(x, index64, 1), "y_ij = take(x, index, axis=1)_ij", "y_{ij} = \\operatorname{take}(x, \\mathrm{index})_{ij}");
    assert_index(weft_max(x, WEFT_AXIS(1), false), "y_j = max_l x_jl", "y_{j} = \\max_{l}\\,x_{jl}");
    assert_index(weft_pow(x, weft_scalar_like(x, -0.5)), "y_ij = x_ij^(-1/2)", "y_{ij} = x_{ij}^{-1/2}");
    assert_index(weft_sqrt(x), "y_ij = sqrt(x_ij)", "y_{ij} = \\sqrt{x_{ij}}");
    assert_index(weft_div(x, v), "y_ij = x_ij/γ_j", "y_{ij} = \\frac{x_{ij}}{\\gamma_{j}}");
    assert_index(weft_exp(x), "y_ij = exp(x_ij)", "y_{ij} = e^{x_{ij}}");
    assert_index(weft_greater(x, v), "y_ij = [x_ij > γ_j]", "y_{ij} = \\left[x_{ij} > \\gamma_{j}\\right]");
}
END_TEST

/* Written down by hand: a broadcast's adjoint is the sum over the index that it lacks. */
START_TEST(what_is_sent)
{
    weft_node y = weft_mul(x, v), m = weft_matmul(x, w), s = weft_sum(x, WEFT_AXIS(0), false);
    assert_flow(y, 0, "dL/dy_ij gamma_j");
    assert_flow(weft_node_operand(y, 1), 0, "sum_k dL/dy_kj");
    assert_flow(m, 0, "sum_l dL/dy_il w_jl");
    assert_flow(m, 1, "sum_k dL/dy_kj x_ki");
    assert_flow(s, 0, "dL/dy_j");
    assert_flow(weft_square(x), 0, "2 dL/dy_ij x_ij");
    assert_flow(weft_neg(x), 0, "-dL/dy_ij");
    assert_flow(weft_transpose(x, NULL), 0, "dL/dy_ji");
    assert_flow(weft_slice(x, (ptrdiff_t[]){1, 0}, NULL, NULL), 0, "sum_k dL/dy_kj delta_{k+1,i}");
}
END_TEST

START_TEST(letters_do_not_clash)
{
    weft_node k = weft_input(t, "k", WEFT_F64, 2, (size_t[]){4, 3}), i = weft_input(t, "i", WEFT_F64, 2, (size_t[]){3, 2});
    assert_index(weft_matmul(k, i), "y_jr = Σ_m k_jm i_mr", "y_{jr} = \\sum_{m} k_{jm}\\, i_{mr}");
}
END_TEST

START_TEST(bad_use)
{
    weft_node gone = {.tape = t, .id = 9999};
    ck_assert_int_eq(weft_print_indexed(blank(), gone, WEFT_NOTATION_PLAIN), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_print_indexed((weft_writer){0}, x, WEFT_NOTATION_PLAIN), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_print_indexed_flow(blank(), weft_exp(x), 1, WEFT_NOTATION_PLAIN), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_print_indexed_flow(blank(), weft_max(x, WEFT_ALL_AXES, false), 0, WEFT_NOTATION_PLAIN), WEFT_ERROR_GRADIENT);
    ck_assert_int_eq(weft_tape_status(t), WEFT_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("index notation");
    TCase *ops = tcase_create("ops"), *texts = tcase_create("texts");
    tcase_add_loop_test(ops, a_definition_has_the_value_of_its_node, 0, (int)sample_count());
    tcase_add_loop_test(ops, a_derivative_sends_what_the_rule_sends, 0, (int)sample_count());
    tcase_add_loop_test(ops, every_op_is_printed, 0, (int)sample_count());
    tcase_add_checked_fixture(texts, inputs, done);
    tcase_add_test(texts, as_on_paper);
    tcase_add_test(texts, what_is_sent);
    tcase_add_test(texts, letters_do_not_clash);
    tcase_add_test(texts, bad_use);
    suite_add_tcase(suite, ops);
    suite_add_tcase(suite, texts);
    return run_suite(suite);
}
