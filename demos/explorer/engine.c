/* engine.c: see engine.h. */
#include "engine.h"
#include "demos/work.h"
#include "document.h"
#include "weft_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ASKED = 32 /* names of one option */, RUNS_TO_JUDGE = 2000 /* of hypotheses, and of what the proof evaluates */, RUNS_TO_TRACE = 8,
       STEPS = 1 + WEFT_SWEEP_STEPS };

typedef struct input {
    char name[ENGINE_MOST_NAME];
    weft_node node;
    void *data;
    size_t bytes;
} input;

typedef struct asked { /* the names of an option, in one text */
    char *text;
} asked;

static struct session {
    size_t used; /* bytes, of what the tape and its programs hold */
    weft_tape *tape;
    input inputs[ENGINE_MOST_INPUTS], cotangent; /* the cotangent's data is NULL where none is given; its node is recorded behind the expression */
    size_t n_inputs;
    weft_dtype cotangent_dtype;
    weft_shape cotangent_shape;
    asked wrt, through;
    size_t most_elements;
    bool no_check, no_program;
    weft_status status; /* the first error, and its words */
    char message[WEFT_MESSAGE_SIZE];
    document answer;
    size_t length; /* of the latest answer */
} s;

/* --- memory --- */

static void *allocate(void *context, size_t bytes)
{
    (void)context;
    void *memory = bytes <= ENGINE_MOST_MEMORY - s.used ? malloc(bytes ? bytes : 1) : NULL;
    s.used += memory ? bytes : 0;
    return memory;
}

static void release(void *context, void *memory, size_t bytes)
{
    (void)context;
    s.used -= bytes;
    free(memory);
}

void *engine_allocate(uint32_t bytes)
{
    return bytes <= ENGINE_MOST_MEMORY ? malloc((size_t)bytes + 1) : NULL;
}

void engine_release(void *memory)
{
    free(memory);
}

/* --- errors --- */

static bool fail(weft_status status, const char *message)
{
    if (s.status != WEFT_OK)
        return false;
    s.status = status;
    snprintf(s.message, sizeof s.message, "%s",
             status == WEFT_ERROR_MEMORY ? "it takes more than the 256 MiB that the page allows; smaller arrays show the same" : message);
    return false;
}

static bool fail_of_tape(void)
{
    return fail(weft_tape_status(s.tape), weft_tape_message(s.tape));
}

static const char *answer(void)
{
    static const char nothing[] = "{\"schema\":1,\"error\":{\"status\":\"out of memory\",\"message\":\"out of memory\"}}";
    if (s.status == WEFT_OK && s.answer.failed)
        fail(WEFT_ERROR_MEMORY, "");
    if (s.status != WEFT_OK) {
        document_clear(&s.answer);
        document_open(&s.answer, NULL, '{');
        document_whole(&s.answer, "schema", 1);
        document_open(&s.answer, "error", '{');
        document_text(&s.answer, "status", weft_status_text(s.status));
        document_text(&s.answer, "message", s.message);
        document_close(&s.answer, '}');
        document_close(&s.answer, '}');
    }
    s.length = s.answer.failed ? sizeof nothing - 1 : s.answer.length;
    return s.answer.failed ? nothing : s.answer.text;
}

uint32_t engine_length(void)
{
    return (uint32_t)s.length;
}

/* --- a session --- */

void engine_begin(void)
{
    weft_tape_free(s.tape);
    for (size_t i = 0; i < s.n_inputs; i++)
        free(s.inputs[i].data);
    free(s.cotangent.data);
    free(s.wrt.text);
    free(s.through.text);
    document answer = s.answer;
    document_clear(&answer);
    const weft_allocator allocator = {allocate, release, NULL};
    s = (struct session){.answer = answer};
    s.tape = weft_tape_new(&allocator);
    if (!s.tape)
        fail(WEFT_ERROR_MEMORY, "");
}

static bool is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n && !name[n] && n < ENGINE_MOST_NAME && !(*name >= '0' && *name <= '9');
}

/* Copies an array to *made, which has no node yet. */
static bool take(uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data, input *made, weft_shape *shape)
{
    size_t count = 1;
    *shape = (weft_shape){.rank = (int)rank};
    if (dtype > WEFT_I64 || rank > WEFT_MAX_RANK)
        return fail(WEFT_ERROR_ARGUMENT, "arrays are of f32, f64 or i64 and have at most 8 axes");
    for (uint32_t i = 0; i < rank; i++) {
        if (dim[i] && count > ENGINE_MOST_ELEMENTS / dim[i])
            return fail(WEFT_ERROR_SHAPE, "an array has at most 2**20 elements here; smaller ones show the same");
        count *= shape->dim[i] = dim[i];
    }
    made->bytes = count * weft_dtype_size((weft_dtype)dtype);
    made->data = malloc(made->bytes + 1);
    if (!made->data)
        return fail(WEFT_ERROR_MEMORY, "");
    if (made->bytes)
        memcpy(made->data, data, made->bytes);
    return true;
}

static void add_input(const char *name, uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data)
{
    input *made = &s.inputs[s.n_inputs];
    weft_shape shape;
    bool known = false;
    for (size_t i = 0; i < s.n_inputs; i++)
        known |= !strcmp(s.inputs[i].name, name);
    if (!is_name(name))
        fail(WEFT_ERROR_ARGUMENT, "the name of an array is made of letters, digits and _, does not begin with a digit, and has at most 63 of them");
    else if (known)
        fail(WEFT_ERROR_ARGUMENT, "two arrays have one name");
    else if (s.n_inputs == ENGINE_MOST_INPUTS)
        fail(WEFT_ERROR_ARGUMENT, "there are at most 32 arrays");
    else if (take(dtype, rank, dim, data, made, &shape)) {
        s.n_inputs++;
        snprintf(made->name, sizeof made->name, "%s", name);
        made->node = weft_input(s.tape, made->name, (weft_dtype)dtype, shape.rank, shape.dim);
        if (weft_node_failed(made->node))
            fail_of_tape();
    }
}

void engine_input(const char *name, uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data)
{
    if (s.status == WEFT_OK)
        add_input(name, dtype, rank, dim, data);
}

void engine_cotangent(uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data)
{
    if (s.status != WEFT_OK)
        return;
    free(s.cotangent.data);
    s.cotangent = (input){.data = NULL};
    take(dtype, rank, dim, data, &s.cotangent, &s.cotangent_shape);
    s.cotangent_dtype = (weft_dtype)dtype;
}

static void keep(asked *option, const char *value)
{
    free(option->text);
    size_t bytes = strlen(value) + 1;
    option->text = malloc(bytes);
    if (option->text)
        memcpy(option->text, value, bytes);
    else
        fail(WEFT_ERROR_MEMORY, "");
}

void engine_option(const char *name, const char *value)
{
    bool no = !strcmp(value, "no");
    if (s.status != WEFT_OK)
        return;
    if (!strcmp(name, "wrt"))
        keep(&s.wrt, value);
    else if (!strcmp(name, "through"))
        keep(&s.through, value);
    else if (!strcmp(name, "elements"))
        s.most_elements = strtoul(value, NULL, 10);
    else if (!strcmp(name, "check"))
        s.no_check = no;
    else if (!strcmp(name, "program"))
        s.no_program = no;
    else
        fail(WEFT_ERROR_ARGUMENT, "the options are wrt, through, elements, check and program");
}

/* --- the expression --- */

/* Nothing that it records is larger than arrays are here, and it can be run so many times. */
static bool is_small(weft_node y, double runs)
{
    for (uint32_t id = 0; id < weft_tape_count(s.tape); id++) {
        weft_shape shape = weft_node_shape(weft_tape_node(s.tape, id));
        if (weft_shape_count(&shape) > ENGINE_MOST_ELEMENTS)
            return fail(WEFT_ERROR_SHAPE, "it makes an array of more than 2**20 elements; smaller ones show the same");
    }
    return graph_work(&y, 1) * runs <= ENGINE_MOST_WORK || fail(WEFT_ERROR_ARGUMENT, "it takes too long for a page; smaller arrays show the same");
}

static bool parse(const char *text, const weft_binding_name *names, size_t n, weft_node *y)
{
    char message[WEFT_MESSAGE_SIZE];
    weft_status status = weft_parse(s.tape, text, names, n, y, message);
    return status == WEFT_OK || fail(status, message);
}

static bool parse_expression(const char *text, double runs, weft_node *y)
{
    weft_binding_name names[ENGINE_MOST_INPUTS];
    for (size_t i = 0; i < s.n_inputs; i++)
        names[i] = (weft_binding_name){s.inputs[i].name, s.inputs[i].node};
    return s.status == WEFT_OK && parse(text, names, s.n_inputs, y) && is_small(*y, runs);
}

/* An array, or the last node that was assigned that name. */
static bool find_node(const char *name, size_t length, weft_node *x)
{
    char message[WEFT_MESSAGE_SIZE];
    for (size_t i = 0; i < s.n_inputs; i++)
        if (!strncmp(s.inputs[i].name, name, length) && !s.inputs[i].name[length]) {
            *x = s.inputs[i].node;
            return true;
        }
    for (uint32_t id = weft_tape_count(s.tape); id-- > 0 && length;) {
        *x = weft_tape_node(s.tape, id);
        const char *own = weft_node_name(*x);
        if (!strncmp(own, name, length) && !own[length])
            return true;
    }
    snprintf(message, sizeof message, "neither an array nor what the expression assigns is called \"%.*s\"", (int)(length < 60 ? length : 60), name);
    return fail(WEFT_ERROR_ARGUMENT, message);
}

/* The nodes of an option, each once, (MOST_ASKED); none where it is not given. */
static bool find_nodes(const asked *option, weft_node *x, size_t *n)
{
    const char *at = option->text ? option->text : "";
    *n = 0;
    while (*at) {
        size_t length = strcspn(at, ","), k = 0;
        if (*n == MOST_ASKED)
            return fail(WEFT_ERROR_ARGUMENT, "too many names in an option");
        if (!find_node(at, length, &x[*n]))
            return false;
        while (x[k].id != x[*n].id)
            k++;
        *n += k == *n;
        at += length + (at[length] == ',');
    }
    return true;
}

static bool is_taken(const char *name)
{
    bool taken = false;
    for (uint32_t id = 0; id < weft_tape_count(s.tape); id++)
        taken |= !strcmp(weft_node_name(weft_tape_node(s.tape, id)), name);
    return taken;
}

/* A result without a name is y, or the next word that is free, as `weft trace` has it. */
static void name_result(weft_node y)
{
    static const char *const names[] = {"y", "f", "out", "result"};
    size_t k = 0;
    if (*weft_node_name(y) || !weft_node_operand_count(y))
        return;
    while (k < 4 && is_taken(names[k]))
        k++;
    if (k < 4)
        weft_name(y, names[k]);
}

static bool same_shape(const weft_shape *a, const weft_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

/* The cotangent that was given, or for a result of several elements ones; for one element tape NULL. */
static bool find_cotangent(weft_node y, weft_node *dy)
{
    weft_shape shape = weft_node_shape(y);
    *dy = (weft_node){.tape = NULL};
    if (!s.cotangent.data) {
        *dy = weft_shape_count(&shape) == 1 ? *dy : weft_full_like(y, 1);
        return weft_tape_status(s.tape) == WEFT_OK || fail_of_tape();
    }
    if (!same_shape(&s.cotangent_shape, &shape) || s.cotangent_dtype != weft_node_dtype(y))
        return fail(WEFT_ERROR_SHAPE, "the cotangent must have the shape and the number type of the result");
    *dy = s.cotangent.node = weft_input(s.tape, "cotangent", s.cotangent_dtype, shape.rank, shape.dim);
    return !weft_node_failed(*dy) || fail_of_tape();
}

static size_t bindings(weft_binding bind[ENGINE_MOST_INPUTS + 1])
{
    for (size_t i = 0; i < s.n_inputs; i++)
        bind[i] = (weft_binding){s.inputs[i].node, s.inputs[i].data, s.inputs[i].bytes};
    if (!s.cotangent.data)
        return s.n_inputs;
    bind[s.n_inputs] = (weft_binding){s.cotangent.node, s.cotangent.data, s.cotangent.bytes};
    return s.n_inputs + 1;
}

/* --- the trace --- */

/* Differences take two runs for each element of each x, at each step. */
static bool check_takes_too_long(weft_node y, size_t most_checked)
{
    double runs = 0;
    for (size_t i = 0; i < s.n_inputs; i++) {
        weft_shape shape = weft_node_shape(s.inputs[i].node);
        size_t count = weft_shape_count(&shape);
        runs += count <= most_checked ? 2.0 * STEPS * (double)count : 0;
    }
    return graph_work(&y, 1) * runs > ENGINE_MOST_WORK;
}

const char *engine_trace(const char *expression)
{
    enum { CHECKED = 256 };
    weft_node y, dy, x[MOST_ASKED], through[MOST_ASKED];
    weft_binding bind[ENGINE_MOST_INPUTS + 1];
    size_t n_x, n_through;
    document_clear(&s.answer);
    if (!parse_expression(expression, RUNS_TO_TRACE, &y))
        return answer();
    name_result(y);
    if (!find_nodes(&s.wrt, x, &n_x) || !find_nodes(&s.through, through, &n_through) || !find_cotangent(y, &dy))
        return answer();
    const weft_trace_options options = {.walk = {.dy = dy, .x = n_x ? x : NULL, .n_x = n_x},
                                        .bind = bind,
                                        .n_bind = bindings(bind),
                                        .expression = expression,
                                        .through = through,
                                        .n_through = n_through,
                                        .most_elements = s.most_elements,
                                        .most_checked = CHECKED,
                                        .no_check = s.no_check || check_takes_too_long(y, CHECKED),
                                        .no_program = s.no_program};
    if (weft_trace(document_writer(&s.answer), y, &options) != WEFT_OK && !s.answer.failed)
        fail_of_tape();
    return answer();
}

/* --- judgement --- */

static void put_diagnosis(const weft_diagnosis *d)
{
    static const char *const verdict[] = {[WEFT_GRADIENT_RIGHT] = "right", [WEFT_GRADIENT_WRONG] = "wrong", [WEFT_GRADIENT_EMPTY] = "empty"};
    document_open(&s.answer, "diagnosis", '{');
    document_text(&s.answer, "verdict", verdict[d->verdict]);
    document_text(&s.answer, "message", d->message);
    document_open(&s.answer, "findings", '[');
    for (size_t k = 0; k < d->n; k++) {
        document_open(&s.answer, NULL, '{');
        document_text(&s.answer, "words", d->finding[k].words);
        document_whole(&s.answer, "node", d->finding[k].node.id);
        if (d->finding[k].operand >= 0)
            document_whole(&s.answer, "operand", (size_t)d->finding[k].operand);
        document_close(&s.answer, '}');
    }
    document_close(&s.answer, ']');
    document_whole(&s.answer, "matching", d->matching);
    document_whole(&s.answer, "tried", d->tried);
    document_number(&s.answer, "max_abs", d->max_abs);
    document_whole(&s.answer, "worst", d->worst);
    document_number(&s.answer, "value", d->claimed);
    document_number(&s.answer, "expected", d->expected);
    document_close(&s.answer, '}');
}

static void put_proof(const weft_proof *p)
{
    static const char *const verdict[] = {[WEFT_NOT_PROVED] = "not proved", [WEFT_PROVED] = "proved", [WEFT_REFUTED] = "refuted"};
    document_open(&s.answer, "proof", '{');
    document_text(&s.answer, "verdict", verdict[p->verdict]);
    document_text(&s.answer, "message", p->message);
    document_whole(&s.answer, "points", p->points);
    if (p->verdict == WEFT_PROVED)
        document_number(&s.answer, "false_equal", p->false_equal);
    document_close(&s.answer, '}');
}

/* The claim as nodes: over the arrays, dy, y and what the expression assigned. */
static bool parse_claim(const char *text, weft_node dy, weft_node y, weft_node *claim)
{
    uint32_t count = weft_tape_count(s.tape);
    weft_binding_name *names = calloc((size_t)count + 2, sizeof *names);
    size_t n = 0;
    if (!names)
        return fail(WEFT_ERROR_MEMORY, "");
    for (uint32_t id = count; id-- > 0;) { /* those that come first are found first, and a later name wins */
        weft_node x = weft_tape_node(s.tape, id);
        if (*weft_node_name(x))
            names[n++] = (weft_binding_name){weft_node_name(x), x};
    }
    names[n++] = (weft_binding_name){"dy", dy};
    names[n++] = (weft_binding_name){"y", y};
    bool good = parse(text, names, n, claim) && is_small(*claim, RUNS_TO_JUDGE);
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
        return fail_of_tape();
    put_proof(&proof);
    return true;
}

static bool judge(weft_node y, weft_node dy, weft_node x, weft_node claim)
{
    weft_binding bind[ENGINE_MOST_INPUTS + 1];
    const weft_diagnose_options options = {.bind = bind, .n_bind = bindings(bind), .claimed = claim};
    weft_diagnosis diagnosis;
    weft_shape own = weft_node_shape(claim), must = weft_node_shape(x);
    if (weft_diagnose(y, dy, x, &options, &diagnosis) != WEFT_OK)
        return fail_of_tape();
    put_diagnosis(&diagnosis);
    return !same_shape(&own, &must) || prove(y, dy, x, claim, bind, options.n_bind);
}

const char *engine_judge(const char *expression, const char *name, const char *claimed)
{
    weft_node y, dy, x, claim;
    document_clear(&s.answer);
    if (!parse_expression(expression, RUNS_TO_JUDGE, &y) || !find_node(name, strlen(name), &x) || !find_cotangent(y, &dy))
        return answer();
    if (!dy.tape)
        dy = weft_full_like(y, 1);
    if (!parse_claim(claimed, dy, y, &claim))
        return answer();
    document_open(&s.answer, NULL, '{');
    document_whole(&s.answer, "schema", 1);
    document_text(&s.answer, "kind", "weft judgement");
    document_text(&s.answer, "expression", expression);
    document_text(&s.answer, "wrt", name);
    document_text(&s.answer, "claimed", claimed);
    judge(y, dy, x, claim);
    document_close(&s.answer, '}');
    return answer();
}

/* --- what there is --- */

const char *engine_functions(void)
{
    weft_function f;
    document_clear(&s.answer);
    document_open(&s.answer, NULL, '{');
    document_whole(&s.answer, "schema", 1);
    document_text(&s.answer, "kind", "weft functions");
    document_open(&s.answer, "functions", '[');
    for (size_t i = 0; i < weft_function_count(); i++) {
        if (!weft_function_at(i, &f))
            continue;
        document_open(&s.answer, NULL, '{');
        document_text(&s.answer, "name", f.name);
        document_text(&s.answer, "signature", f.signature ? f.signature : "");
        document_close(&s.answer, '}');
    }
    document_close(&s.answer, ']');
    document_close(&s.answer, '}');
    return answer();
}
