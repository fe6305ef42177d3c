/* session.c: see session.h. Arrays are copied; the tape and its programs take memory from an allocator that has a bound. */
#include "session.h"
#include "demos/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

session session_now;
static session *const s = &session_now;

/* --- memory --- */

static void *allocate(void *context, size_t bytes)
{
    (void)context;
    void *memory = bytes <= ENGINE_MOST_MEMORY - s->used ? malloc(bytes ? bytes : 1) : NULL;
    s->used += memory ? bytes : 0;
    return memory;
}

static void release(void *context, void *memory, size_t bytes)
{
    (void)context;
    s->used -= bytes;
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

bool session_fail(weft_status status, const char *message)
{
    if (s->status != WEFT_OK)
        return false;
    s->status = status;
    snprintf(s->message, sizeof s->message, "%s",
             status == WEFT_ERROR_MEMORY ? "it takes more than the 256 MiB that the page allows; smaller arrays show the same" : message);
    return false;
}

bool session_fail_of_tape(void)
{
    return session_fail(weft_tape_status(s->tape), weft_tape_message(s->tape));
}

document *session_answer(const char *kind)
{
    document_clear(&s->answer);
    document_open(&s->answer, NULL, '{');
    document_whole(&s->answer, "schema", 1);
    document_text(&s->answer, "kind", kind);
    return &s->answer;
}

const char *session_answered(void)
{
    static const char nothing[] = "{\"schema\":1,\"error\":{\"status\":\"out of memory\",\"message\":\"out of memory\"}}";
    if (s->status == WEFT_OK && s->answer.failed)
        session_fail(WEFT_ERROR_MEMORY, "");
    if (s->status != WEFT_OK) {
        document_clear(&s->answer);
        document_open(&s->answer, NULL, '{');
        document_whole(&s->answer, "schema", 1);
        document_open(&s->answer, "error", '{');
        document_text(&s->answer, "status", weft_status_text(s->status));
        document_text(&s->answer, "message", s->message);
        document_close(&s->answer, '}');
        document_close(&s->answer, '}');
    }
    s->length = s->answer.failed ? sizeof nothing - 1 : s->answer.length;
    return s->answer.failed ? nothing : s->answer.text;
}

uint32_t engine_length(void)
{
    return (uint32_t)s->length;
}

/* --- a session --- */

void engine_begin(void)
{
    weft_tape_free(s->tape);
    for (size_t i = 0; i < s->n_inputs; i++)
        free(s->inputs[i].data);
    free(s->cotangent.data);
    free(s->wrt);
    free(s->through);
    document answer = s->answer;
    document_clear(&answer);
    const weft_allocator allocator = {allocate, release, NULL};
    *s = (session){.answer = answer};
    s->tape = weft_tape_new(&allocator);
    if (!s->tape)
        session_fail(WEFT_ERROR_MEMORY, "");
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
        return session_fail(WEFT_ERROR_ARGUMENT, "arrays are of f32, f64 or i64 and have at most 8 axes");
    for (uint32_t i = 0; i < rank; i++) {
        if (dim[i] && count > ENGINE_MOST_ELEMENTS / dim[i])
            return session_fail(WEFT_ERROR_SHAPE, "an array has at most 2**20 elements here; smaller ones show the same");
        count *= shape->dim[i] = dim[i];
    }
    made->bytes = count * weft_dtype_size((weft_dtype)dtype);
    made->data = malloc(made->bytes + 1);
    if (!made->data)
        return session_fail(WEFT_ERROR_MEMORY, "");
    if (made->bytes)
        memcpy(made->data, data, made->bytes);
    return true;
}

static void add_input(const char *name, uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data)
{
    input *made = &s->inputs[s->n_inputs];
    weft_shape shape;
    bool known = false;
    for (size_t i = 0; i < s->n_inputs; i++)
        known |= !strcmp(s->inputs[i].name, name);
    if (!is_name(name))
        session_fail(WEFT_ERROR_ARGUMENT, "the name of an array is made of letters, digits and _, does not begin with a digit, and has at most 63 of them");
    else if (known)
        session_fail(WEFT_ERROR_ARGUMENT, "two arrays have one name");
    else if (s->n_inputs == ENGINE_MOST_INPUTS)
        session_fail(WEFT_ERROR_ARGUMENT, "there are at most 32 arrays");
    else if (take(dtype, rank, dim, data, made, &shape)) {
        s->n_inputs++;
        snprintf(made->name, sizeof made->name, "%s", name);
        made->node = weft_input(s->tape, made->name, (weft_dtype)dtype, shape.rank, shape.dim);
        if (weft_node_failed(made->node))
            session_fail_of_tape();
    }
}

void engine_input(const char *name, uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data)
{
    if (s->status == WEFT_OK)
        add_input(name, dtype, rank, dim, data);
}

void engine_cotangent(uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data)
{
    if (s->status != WEFT_OK)
        return;
    free(s->cotangent.data);
    s->cotangent = (input){.data = NULL};
    take(dtype, rank, dim, data, &s->cotangent, &s->cotangent_shape);
    s->cotangent_dtype = (weft_dtype)dtype;
}

static void keep(char **option, const char *value)
{
    free(*option);
    size_t bytes = strlen(value) + 1;
    *option = malloc(bytes);
    if (*option)
        memcpy(*option, value, bytes);
    else
        session_fail(WEFT_ERROR_MEMORY, "");
}

void engine_option(const char *name, const char *value)
{
    bool no = !strcmp(value, "no");
    if (s->status != WEFT_OK)
        return;
    if (!strcmp(name, "wrt"))
        keep(&s->wrt, value);
    else if (!strcmp(name, "through"))
        keep(&s->through, value);
    else if (!strcmp(name, "elements"))
        s->most_elements = strtoul(value, NULL, 10);
    else if (!strcmp(name, "check"))
        s->no_check = no;
    else if (!strcmp(name, "program"))
        s->no_program = no;
    else if (!strcmp(name, "derivation"))
        s->no_derivation = no;
    else
        session_fail(WEFT_ERROR_ARGUMENT, "the options are wrt, through, elements, check, program and derivation");
}

/* --- the expression --- */

static bool is_small(weft_node y, double runs)
{
    if (weft_tape_count(s->tape) > ENGINE_MOST_NODES)
        return session_fail(WEFT_ERROR_ARGUMENT, "it makes more than 16384 nodes, which are too many for a page");
    for (uint32_t id = 0; id < weft_tape_count(s->tape); id++) {
        weft_shape shape = weft_node_shape(weft_tape_node(s->tape, id));
        if (weft_shape_count(&shape) > ENGINE_MOST_ELEMENTS)
            return session_fail(WEFT_ERROR_SHAPE, "it makes an array of more than 2**20 elements; smaller ones show the same");
    }
    return graph_work(&y, 1) * runs <= ENGINE_MOST_WORK || session_fail(WEFT_ERROR_ARGUMENT, "it takes too long for a page; smaller arrays show the same");
}

bool session_parse(const char *text, const weft_binding_name *names, size_t n, double runs, weft_node *y)
{
    char message[WEFT_MESSAGE_SIZE];
    weft_status status = weft_parse(s->tape, text, names, n, y, message);
    return status == WEFT_OK ? is_small(*y, runs) : session_fail(status, message);
}

static bool is_taken(const char *name)
{
    bool taken = false;
    for (uint32_t id = 0; id < weft_tape_count(s->tape); id++)
        taken |= !strcmp(weft_node_name(weft_tape_node(s->tape, id)), name);
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

bool session_expression(const char *text, double runs, weft_node *y)
{
    weft_binding_name names[ENGINE_MOST_INPUTS];
    for (size_t i = 0; i < s->n_inputs; i++)
        names[i] = (weft_binding_name){s->inputs[i].name, s->inputs[i].node};
    if (s->status != WEFT_OK || !session_parse(text, names, s->n_inputs, runs, y))
        return false;
    name_result(*y);
    return true;
}

bool session_find(const char *name, size_t length, weft_node *x)
{
    char message[WEFT_MESSAGE_SIZE];
    for (size_t i = 0; i < s->n_inputs; i++)
        if (!strncmp(s->inputs[i].name, name, length) && !s->inputs[i].name[length]) {
            *x = s->inputs[i].node;
            return true;
        }
    for (uint32_t id = weft_tape_count(s->tape); id-- > 0 && length;) {
        *x = weft_tape_node(s->tape, id);
        const char *own = weft_node_name(*x);
        if (!strncmp(own, name, length) && !own[length])
            return true;
    }
    snprintf(message, sizeof message, "neither an array nor what the expression assigns is called \"%.*s\"", (int)(length < 60 ? length : 60), name);
    return session_fail(WEFT_ERROR_ARGUMENT, message);
}

bool session_find_all(const char *names, weft_node x[SESSION_ASKED], size_t *n)
{
    const char *at = names ? names : "";
    *n = 0;
    while (*at) {
        size_t length = strcspn(at, ","), k = 0;
        if (*n == SESSION_ASKED)
            return session_fail(WEFT_ERROR_ARGUMENT, "an option has at most 32 names");
        if (!session_find(at, length, &x[*n]))
            return false;
        while (x[k].id != x[*n].id)
            k++;
        *n += k == *n;
        at += length + (at[length] == ',');
    }
    return true;
}

bool session_same_shape(const weft_shape *a, const weft_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

bool session_cotangent(weft_node y, weft_node *dy)
{
    weft_shape shape = weft_node_shape(y);
    *dy = (weft_node){.tape = NULL};
    if (!s->cotangent.data) {
        *dy = weft_shape_count(&shape) == 1 ? *dy : weft_full_like(y, 1);
        return weft_tape_status(s->tape) == WEFT_OK || session_fail_of_tape();
    }
    if (!session_same_shape(&s->cotangent_shape, &shape) || s->cotangent_dtype != weft_node_dtype(y))
        return session_fail(WEFT_ERROR_SHAPE, "the cotangent must have the shape and the number type of the result");
    *dy = s->cotangent.node = weft_input(s->tape, "cotangent", s->cotangent_dtype, shape.rank, shape.dim);
    return !weft_node_failed(*dy) || session_fail_of_tape();
}

size_t session_bindings(weft_binding bind[ENGINE_MOST_INPUTS + 1])
{
    for (size_t i = 0; i < s->n_inputs; i++)
        bind[i] = (weft_binding){s->inputs[i].node, s->inputs[i].data, s->inputs[i].bytes};
    if (!s->cotangent.data)
        return s->n_inputs;
    bind[s->n_inputs] = (weft_binding){s->cotangent.node, s->cotangent.data, s->cotangent.bytes};
    return s->n_inputs + 1;
}

