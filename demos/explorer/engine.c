/* engine.c: see engine.h. The questions, each answered by a document. */
#include "engine.h"
#include "demos/array_literal.h"
#include "demos/presets.h"
#include "demos/work.h"
#include "session.h"
#include "weft_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_TO_JUDGE = 2000 /* of hypotheses, and of what the proof evaluates */, RUNS_TO_TRACE = 8, STEPS = 2 + WEFT_SWEEP_STEPS };

static session *const s = &session_now;

/* --- the trace --- */

/* Differences take two runs for each element of each x, at each step. */
static bool check_takes_too_long(weft_node y, size_t most_checked)
{
    double runs = 0;
    for (size_t i = 0; i < s->n_inputs; i++) {
        weft_shape shape = weft_node_shape(s->inputs[i].node);
        size_t count = weft_shape_count(&shape);
        runs += count <= most_checked ? 2.0 * STEPS * (double)count : 0;
    }
    return graph_work(&y, 1) * runs > ENGINE_MOST_WORK;
}

const char *engine_trace(const char *expression)
{
    enum { CHECKED = 256 };
    weft_node y, dy, x[SESSION_ASKED], through[SESSION_ASKED];
    weft_binding bind[ENGINE_MOST_INPUTS + 1];
    size_t n_x, n_through;
    document_clear(&s->answer);
    if (!session_expression(expression, RUNS_TO_TRACE, &y) || !session_find_all(s->wrt, x, &n_x) || !session_find_all(s->through, through, &n_through) ||
        !session_cotangent(y, &dy))
        return session_answered();
    const weft_trace_options options = {.walk = {.dy = dy, .x = n_x ? x : NULL, .n_x = n_x},
                                        .bind = bind,
                                        .n_bind = session_bindings(bind),
                                        .expression = expression,
                                        .through = through,
                                        .n_through = n_through,
                                        .most_elements = s->most_elements,
                                        .most_checked = CHECKED,
                                        .no_check = s->no_check || check_takes_too_long(y, CHECKED),
                                        .no_program = s->no_program,
                                        .no_derivation = s->no_derivation};
    if (weft_trace(document_writer(&s->answer), y, &options) != WEFT_OK && !s->answer.failed)
        session_fail_of_tape();
    return session_answered();
}

/* --- judgement --- */

static void put_diagnosis(document *d, const weft_diagnosis *found)
{
    static const char *const verdict[] = {[WEFT_GRADIENT_RIGHT] = "right", [WEFT_GRADIENT_WRONG] = "wrong", [WEFT_GRADIENT_EMPTY] = "empty"};
    document_open(d, "diagnosis", '{');
    document_text(d, "verdict", verdict[found->verdict]);
    document_text(d, "message", found->message);
    document_open(d, "findings", '[');
    for (size_t k = 0; k < found->n; k++) {
        document_open(d, NULL, '{');
        document_text(d, "words", found->finding[k].words);
        document_whole(d, "node", found->finding[k].node.id);
        if (found->finding[k].operand >= 0)
            document_whole(d, "operand", (size_t)found->finding[k].operand);
        document_close(d, '}');
    }
    document_close(d, ']');
    document_whole(d, "matching", found->matching);
    document_whole(d, "tried", found->tried);
    document_number(d, "max_abs", found->max_abs);
    document_whole(d, "worst", found->worst);
    document_number(d, "value", found->claimed);
    document_number(d, "expected", found->expected);
    document_close(d, '}');
}

static void put_proof(document *d, const weft_proof *p)
{
    static const char *const verdict[] = {[WEFT_NOT_PROVED] = "not proved", [WEFT_PROVED] = "proved", [WEFT_REFUTED] = "refuted"};
    document_open(d, "proof", '{');
    document_text(d, "verdict", verdict[p->verdict]);
    document_text(d, "message", p->message);
    document_whole(d, "points", p->points);
    if (p->verdict == WEFT_PROVED)
        document_number(d, "false_equal", p->false_equal);
    document_close(d, '}');
}

/* The claim as a node: over the arrays, y, dy and what the expression assigned, a later name before an earlier one. */
static bool parse_claim(const char *text, weft_node y, weft_node dy, weft_node *claim)
{
    uint32_t count = weft_tape_count(s->tape);
    weft_binding_name *names = calloc((size_t)count + 2, sizeof *names);
    size_t n = 0;
    if (!names)
        return session_fail(WEFT_ERROR_MEMORY, "");
    for (uint32_t id = count; id-- > 0;) {
        weft_node x = weft_tape_node(s->tape, id);
        if (*weft_node_name(x))
            names[n++] = (weft_binding_name){weft_node_name(x), x};
    }
    names[n++] = (weft_binding_name){"dy", dy};
    names[n++] = (weft_binding_name){"y", y};
    bool good = session_parse(text, names, n, RUNS_TO_JUDGE, claim);
    free(names);
    return good;
}

/* Indices are constants of the proof, and all else is drawn. */
static bool prove(weft_node y, weft_node dy, weft_node x, weft_node claim, const weft_binding *bind, size_t n_bind)
{
    weft_binding indices[ENGINE_MOST_INPUTS + 1];
    weft_prove_options options = {.bind = indices, .seed = 1};
    weft_node dx;
    weft_proof proof;
    for (size_t i = 0; i < n_bind; i++)
        if (weft_node_dtype(bind[i].node) == WEFT_I64)
            indices[options.n_bind++] = bind[i];
    if (weft_vjp(&y, &dy, 1, &x, 1, &dx) != WEFT_OK || weft_prove(&dx, &claim, 1, &options, &proof) != WEFT_OK)
        return session_fail_of_tape();
    put_proof(&s->answer, &proof);
    return true;
}

static bool judge(weft_node y, weft_node dy, weft_node x, weft_node claim)
{
    weft_binding bind[ENGINE_MOST_INPUTS + 1];
    const weft_diagnose_options options = {.bind = bind, .n_bind = session_bindings(bind), .claimed = claim};
    weft_diagnosis found;
    weft_shape own = weft_node_shape(claim), must = weft_node_shape(x);
    if (weft_diagnose(y, dy, x, &options, &found) != WEFT_OK)
        return session_fail_of_tape();
    put_diagnosis(&s->answer, &found);
    return !session_same_shape(&own, &must) || prove(y, dy, x, claim, bind, options.n_bind);
}

const char *engine_judge(const char *expression, const char *name, const char *claimed)
{
    weft_node y, dy, x, claim;
    document *d = session_answer("weft judgement");
    document_text(d, "expression", expression);
    document_text(d, "wrt", name);
    document_text(d, "claimed", claimed);
    if (!session_expression(expression, RUNS_TO_JUDGE, &y) || !session_find(name, strlen(name), &x) || !session_cotangent(y, &dy))
        return session_answered();
    dy = dy.tape ? dy : weft_full_like(y, 1);
    if (parse_claim(claimed, y, dy, &claim))
        judge(y, dy, x, claim);
    document_close(d, '}');
    return session_answered();
}

/* --- the gradient check of a claim --- */

static void put_check(document *d, const weft_gradcheck *r)
{
    static const char *const verdict[] = {[WEFT_GRADIENT_RIGHT] = "right", [WEFT_GRADIENT_WRONG] = "wrong", [WEFT_GRADIENT_EMPTY] = "zero by construction"};
    document_open(d, "check", '{');
    document_open(d, "sweep", '[');
    for (size_t i = 0; i < WEFT_SWEEP_STEPS; i++) {
        document_open(d, NULL, '{');
        document_number(d, "h", r->sweep_step[i]);
        document_number(d, "error", r->sweep_error[i]);
        document_close(d, '}');
    }
    document_close(d, ']');
    document_number(d, "error", r->max_abs);
    document_text(d, "verdict", verdict[r->verdict]);
    document_text(d, "message", r->message);
    document_close(d, '}');
}

static bool check_claim(const char *expression, const char *name, const char *claimed)
{
    weft_node y, dy, x, claim;
    weft_binding bind[ENGINE_MOST_INPUTS + 1];
    weft_gradcheck found;
    if (!session_expression(expression, RUNS_TO_JUDGE, &y) || !session_find(name, strlen(name), &x) || !session_cotangent(y, &dy) ||
        !parse_claim(claimed, y, dy.tape ? dy : weft_full_like(y, 1), &claim))
        return false;
    weft_node loss = dy.tape ? weft_sum(weft_mul(dy, y), WEFT_ALL_AXES, false) : y;
    const weft_gradcheck_options options = {.bind = bind, .n_bind = session_bindings(bind), .claimed = &claim, .sweep = true};
    weft_shape shape = weft_node_shape(x);
    if (graph_work(&loss, 1) * 2 * STEPS * (double)weft_shape_count(&shape) > ENGINE_MOST_WORK)
        return session_fail(WEFT_ERROR_ARGUMENT, "its check takes too long for a page; smaller arrays show the same");
    if (weft_gradient_check(loss, &x, 1, &options, &found) != WEFT_OK)
        return session_fail_of_tape();
    put_check(&s->answer, &found);
    return true;
}

const char *engine_check(const char *expression, const char *name, const char *claimed)
{
    document *d = session_answer("weft check");
    check_claim(expression, name, claimed);
    document_close(d, '}');
    return session_answered();
}

/* --- arrays as text, and what there is --- */

/* [[1, 2], [3, 4]], or a number. */
static bool put_array(document *d, const char *key, const char *text)
{
    weft_shape shape = {0};
    double number, *values = &number;
    char *end;
    const char *wrong = NULL;
    size_t most = strlen(text) / 2 + 1; /* a number and what is behind it take two characters or more */
    if (*text == '[') {
        values = malloc(most * sizeof *values);
        if (!values)
            return session_fail(WEFT_ERROR_MEMORY, "");
        wrong = array_literal_read(text, &shape, values, most);
    } else {
        number = strtod(text, &end);
        if (end == text || *end)
            wrong = "it must be a number, or an array as [[1, 2], [3, 4]]";
    }
    if (!wrong) {
        document_open(d, key, '{');
        document_open(d, "shape", '[');
        for (int i = 0; i < shape.rank; i++)
            document_whole(d, NULL, shape.dim[i]);
        document_close(d, ']');
        document_open(d, "values", '[');
        for (size_t i = 0; i < weft_shape_count(&shape); i++)
            document_number(d, NULL, values[i]);
        document_close(d, ']');
        document_close(d, '}');
    }
    if (values != &number)
        free(values);
    return !wrong || session_fail(WEFT_ERROR_SYNTAX, wrong);
}

const char *engine_array(const char *text)
{
    document *d = session_answer("weft array");
    put_array(d, "array", text);
    document_close(d, '}');
    return session_answered();
}

/* "h,gamma" as a list. */
static void put_names(document *d, const char *key, const char *names)
{
    char name[ENGINE_MOST_NAME];
    document_open(d, key, '[');
    for (const char *at = names ? names : ""; *at;) {
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        document_text(d, NULL, name);
        at += length + (at[length] == ',');
    }
    document_close(d, ']');
}

static void put_preset(document *d, const preset *p)
{
    char name[ENGINE_MOST_NAME];
    document_open(d, NULL, '{');
    document_text(d, "name", p->name);
    document_text(d, "title", p->title);
    document_text(d, "teaches", p->teaches);
    document_text(d, "expression", p->expression);
    document_open(d, "inputs", '{');
    for (int i = 0; i < PRESET_ARRAYS && p->arrays[i]; i++) {
        size_t length = strcspn(p->arrays[i], "=");
        snprintf(name, sizeof name, "%.*s", (int)length, p->arrays[i]);
        put_array(d, name, p->arrays[i] + length + 1);
    }
    document_close(d, '}');
    put_names(d, "wrt", p->wrt);
    put_names(d, "through", p->through);
    if (p->cotangent)
        put_array(d, "cotangent", p->cotangent);
    document_close(d, '}');
}

const char *engine_presets(void)
{
    document *d = session_answer("weft presets");
    document_open(d, "presets", '[');
    for (size_t i = 0; i < preset_count(); i++)
        put_preset(d, preset_at(i));
    document_close(d, ']');
    document_close(d, '}');
    return session_answered();
}

const char *engine_functions(void)
{
    document *d = session_answer("weft functions");
    weft_function f;
    document_open(d, "functions", '[');
    for (size_t i = 0; i < weft_function_count(); i++) {
        if (!weft_function_at(i, &f))
            continue;
        document_open(d, NULL, '{');
        document_text(d, "name", f.name);
        document_text(d, "signature", f.signature ? f.signature : "");
        document_close(d, '}');
    }
    document_close(d, ']');
    document_close(d, '}');
    return session_answered();
}
