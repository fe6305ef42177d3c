/* program.c: the public life of a program: compile, bind, run, read. */
#include "engine/run/c_compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

weft_status weft__program_fail(weft_program *program, weft_status status, const char *format, ...)
{
    if (program->status != WEFT_OK)
        return program->status;
    program->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(program->message, sizeof program->message, format, arguments);
    va_end(arguments);
    return status;
}

static weft_tape *tape_of(const weft_node *outputs, size_t n)
{
    for (size_t k = 0; outputs && k < n; k++)
        if (outputs[k].tape)
            return outputs[k].tape;
    return NULL;
}

static weft_status check_outputs(weft_program *program, weft_tape *tape, const weft_node *outputs, size_t n)
{
    if (!tape)
        return weft__program_fail(program, WEFT_ERROR_ARGUMENT, "compile: no output is a node");
    if (tape->status != WEFT_OK)
        return weft__program_fail(program, tape->status, "%s", tape->message);
    for (size_t k = 0; k < n; k++)
        if (outputs[k].tape != tape || !weft__look(outputs[k]))
            return weft__program_fail(program, WEFT_ERROR_ARGUMENT, "compile: output %zu is %s", k,
                                      outputs[k].tape && outputs[k].tape != tape ? "on another tape than the first" : "no node, or was rewound");
    return WEFT_OK;
}

/* Lowers the outputs as they are rewritten, and then forgets the rewritten nodes. */
static void rewrite_and_lower(weft_program *program, weft_tape *tape, const weft_node *outputs, size_t n, weft_rewriting level)
{
    if (level == WEFT_REWRITE_NONE || !n) {
        weft__lower(program, tape, outputs, n);
        return;
    }
    size_t bytes = n * sizeof(weft_node);
    weft_node *rewritten = weft__allocate(&program->allocator, bytes);
    if (!rewritten) {
        weft__program_fail(program, WEFT_ERROR_MEMORY, "out of memory");
        return;
    }
    weft_mark mark = weft_tape_mark(tape);
    if (weft_rewrite(outputs, n, level, NULL, NULL, rewritten) == WEFT_OK)
        weft__lower(program, tape, rewritten, n);
    else
        weft__program_fail(program, tape->status, "%s", tape->message);
    weft_tape_rewind(tape, mark);
    weft__release(&program->allocator, rewritten, bytes);
}

static weft_status start_threads(weft_program *program)
{
    if (program->threads < 2 || !program->shares)
        return WEFT_OK;
    program->pool = weft__pool_new(&program->allocator, program->threads);
    return program->pool ? WEFT_OK : weft__program_fail(program, WEFT_ERROR_MEMORY, "out of memory");
}

/* The caller's arrays take what a printed program gives out; what it assigns goes through the workspace, since the old value may be read to
 * the end. */
static void give_outputs_away(weft_program *program, const weft_node *outputs)
{
    for (size_t k = 0; k < program->n_outputs && program->status == WEFT_OK; k++)
        if (weft_node_op(outputs[k])->kind != WEFT_ASSIGN)
            program->storages[program->outputs[k]].kind = STORAGE_OUTPUT;
}

static weft_program *compile(const weft_node *outputs, size_t n, const weft_options *chosen, bool for_c, bool printed)
{
    weft_tape *tape = tape_of(outputs, n);
    weft_allocator allocator = weft__allocator_or_default(tape ? &tape->allocator : NULL);
    weft_program *program = weft__allocate(&allocator, sizeof *program);
    if (!program)
        return NULL;
    *program = (weft_program){.allocator = allocator, .tape = tape, .for_c = for_c, .printed = printed};
    weft__arena_init(&program->arena, &allocator);
    if (check_outputs(program, tape, outputs, n) != WEFT_OK)
        return program;
    program->threads = weft__thread_count(chosen->threads);
    if (!program->threads) {
        weft__program_fail(program, WEFT_ERROR_ARGUMENT, "compile: %d threads; give 0, a number, or WEFT_ALL_CORES", chosen->threads);
        return program;
    }
    program->outputs = weft__arena_take(&program->arena, n * sizeof *program->outputs + 1);
    program->n_outputs = n;
    if (!program->outputs)
        weft__program_fail(program, WEFT_ERROR_MEMORY, "out of memory");
    else
        rewrite_and_lower(program, tape, outputs, n, chosen->rewriting);
    if (printed)
        give_outputs_away(program, outputs);
    program->ready = program->status == WEFT_OK && weft__cut_loops(program) == WEFT_OK && weft__plan(program) == WEFT_OK;
    program->ready = program->ready && weft__traffic_count(program) == WEFT_OK;
    program->ready = program->ready && (printed || start_threads(program) == WEFT_OK);
    return program;
}

weft_program *weft__compile_to_print(const weft_node *outputs, size_t n)
{
    return compile(outputs, n, &(weft_options){.rewriting = WEFT_REWRITE_NONE}, false, true);
}

weft_program *weft_compile_with(const weft_node *outputs, size_t n, const weft_options *options)
{
    static const weft_options defaults;
    const weft_options *chosen = options ? options : &defaults;
    weft_program *program = compile(outputs, n, chosen, chosen->backend == WEFT_BACKEND_C, false);
    if (!program || !program->ready || !program->for_c || weft__c_compile(program, chosen) == WEFT_OK)
        return program;
    program->ready = false;
    if (program->status == WEFT_ERROR_MEMORY)
        return program;
    weft_program *on_tiles = compile(outputs, n, chosen, false, false);
    if (on_tiles && on_tiles->status == WEFT_OK)
        weft__program_fail(on_tiles, program->status, "%s", program->message);
    weft_program_free(program);
    return on_tiles;
}

weft_program *weft_compile(const weft_node *outputs, size_t n)
{
    return weft_compile_with(outputs, n, NULL);
}

void weft_program_free(weft_program *program)
{
    if (!program)
        return;
    weft_allocator allocator = program->allocator;
    weft__pool_free(program->pool);
    weft__release(&allocator, program->memory, program->memory_bytes);
    if (program->local_base)
        weft__release(&allocator, program->local_base, program->local_workers * program->n_storages * sizeof *program->local_base);
    if (program->base)
        weft__release(&allocator, program->base, (program->n_storages + 1) * sizeof *program->base);
    weft__release(&allocator, program->steps, program->steps_allocated * sizeof *program->steps);
    weft__release(&allocator, program->storages, program->storages_allocated * sizeof *program->storages);
    weft__release(&allocator, program->leaves, program->leaves_allocated * sizeof *program->leaves);
    weft__release(&allocator, program->assignments, program->assignments_allocated * sizeof *program->assignments);
    weft__arena_free(&program->arena);
    weft__c_unload(program->library);
    weft__release(&allocator, program, sizeof *program);
}

weft_status weft_program_status(const weft_program *program)
{
    return program ? program->status : WEFT_ERROR_MEMORY;
}

const char *weft_program_message(const weft_program *program)
{
    return program ? program->message : weft_status_text(WEFT_ERROR_MEMORY);
}

weft_backend weft_program_backend(const weft_program *program)
{
    return program && program->library ? WEFT_BACKEND_C : WEFT_BACKEND_TILES;
}

weft_memory weft_program_memory(const weft_program *program)
{
    return program ? program->sizes : (weft_memory){0};
}

weft_traffic weft_program_traffic(const weft_program *program)
{
    return program ? program->traffic : (weft_traffic){0};
}

/* An error of compiling stays; any other is that of the last call. */
static bool begin(weft_program *program)
{
    if (!program || !program->ready)
        return false;
    program->status = WEFT_OK;
    program->message[0] = 0;
    return true;
}

static leaf *find_leaf(weft_program *program, weft_node node, bool parameter)
{
    size_t low = 0, high = program->n_leaves;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (program->leaves[middle].id < node.id)
            low = middle + 1;
        else
            high = middle;
    }
    leaf *found = low < program->n_leaves ? &program->leaves[low] : NULL;
    if (found && found->id == node.id && found->era == node.era && node.tape == program->tape && found->parameter == parameter)
        return found;
    weft__program_fail(program, WEFT_ERROR_ARGUMENT, "%s: the node is no %s of the tape that this program was compiled from",
                       parameter ? "parameter" : "bind", parameter ? "parameter" : "input");
    return NULL;
}

static bool check_bytes(weft_program *program, const leaf *l, const void *data, size_t bytes)
{
    if (bytes == l->bytes && (data || !bytes))
        return true;
    if (!data)
        weft__program_fail(program, WEFT_ERROR_ARGUMENT, "\"%.60s\": the memory given is NULL", l->name);
    else
        weft__program_fail(program, WEFT_ERROR_SHAPE, "\"%.60s\" takes %zu bytes of %s, %zu were given; is the dtype or a dim another?", l->name,
                           l->bytes, weft_dtype_name((weft_dtype)l->dtype), bytes);
    return false;
}

weft_status weft_bind(weft_program *program, weft_node input, const void *data, size_t bytes)
{
    if (!begin(program))
        return weft_program_status(program);
    leaf *l = find_leaf(program, input, false);
    if (!l || !check_bytes(program, l, data, bytes))
        return program->status;
    if (data && (uintptr_t)data % weft_dtype_size((weft_dtype)l->dtype))
        return weft__program_fail(program, WEFT_ERROR_ARGUMENT, "\"%.60s\": the memory is not aligned to its elements of %zu bytes", l->name,
                                  weft_dtype_size((weft_dtype)l->dtype));
    l->bound = true;
    if (l->storage != NO_STORAGE)
        program->base[l->storage] = data ? (void *)(uintptr_t)data : program->memory; /* only ever read; an empty array is somewhere too */
    return WEFT_OK;
}

weft_status weft_parameter_write(weft_program *program, weft_node parameter, const void *data, size_t bytes)
{
    if (!begin(program))
        return weft_program_status(program);
    leaf *l = find_leaf(program, parameter, true);
    if (l && check_bytes(program, l, data, bytes) && l->storage != NO_STORAGE && bytes)
        memcpy(program->base[l->storage], data, bytes);
    return program->status;
}

weft_status weft_parameter_read(weft_program *program, weft_node parameter, void *data, size_t bytes)
{
    if (!begin(program))
        return weft_program_status(program);
    leaf *l = find_leaf(program, parameter, true);
    if (!l || !check_bytes(program, l, data, bytes))
        return program->status;
    if (l->storage == NO_STORAGE)
        return weft__program_fail(program, WEFT_ERROR_ARGUMENT, "parameter \"%.60s\" is not used by this program, so it holds no value of it",
                                  l->name);
    if (bytes)
        memcpy(data, program->base[l->storage], bytes);
    return WEFT_OK;
}

typedef struct loop_run {
    const weft_program *program;
    const step *s, *end; /* a loop, or a nest of them */
} loop_run;

static void run_part(void *context, size_t part, int worker)
{
    const loop_run *r = context;
    void *const *base = weft__local_base(r->program, r->s, part, worker);
    for (const step *s = r->s; s < r->end; s++)
        if (s->compiled)
            s->compiled(base, part);
        else
            weft__tiles_run(s->loop, base, part, worker);
}

/* Runs the loop of a step, or the nest that it begins; returns the last step that is done. */
static const step *run_loops(const weft_program *program, const step *s)
{
    loop_run r = {program, s, s + (s->together ? s->together : 1)};
    weft__pool_run(s->loop->shared ? program->pool : NULL, run_part, &r, s->loop->parts);
    for (; s < r.end; s++)
        weft__loop_finish(s->loop, program->base);
    return r.end - 1;
}

/* What weft_call_parts() needs of the program. */
typedef struct call_threads {
    weft__pool *pool;
    char *workspace;
    size_t worker_bytes;
} call_threads;

typedef struct call_run {
    const call_threads *threads;
    void (*work)(void *context, size_t part, void *workspace);
    void *context;
} call_run;

static void run_call_part(void *context, size_t part, int worker)
{
    const call_run *r = context;
    char *workspace = r->threads->workspace;
    r->work(r->context, part, workspace ? workspace + (size_t)worker * r->threads->worker_bytes : NULL);
}

void weft_call_parts(const weft_call *call, void (*work)(void *context, size_t part, void *workspace), void *context, size_t parts)
{
    weft__pool_run(((const call_threads *)call->threads)->pool, run_call_part, &(call_run){call->threads, work, context}, parts);
}

static weft_status call_kernel(weft_program *program, const step *s)
{
    weft_view view[WEFT_MAX_OUTPUTS + WEFT_MAX_OPERANDS];
    for (int i = 0; i < s->n_out + s->n_in; i++) {
        const port *p = &s->port[i];
        char *data = program->base[p->storage];
        view[i] = (weft_view){.data = p->offset ? data + p->offset * (ptrdiff_t)weft_dtype_size((weft_dtype)p->dtype) : data,
                              .dtype = (weft_dtype)p->dtype,
                              .rank = p->layout->rank,
                              .dim = p->layout->dim,
                              .stride = p->layout->stride};
    }
    call_threads threads = {.pool = s->op->flags & WEFT_IN_PARTS ? program->pool : NULL,
                            .workspace = s->workspace == NO_STORAGE ? NULL : program->base[s->workspace],
                            .worker_bytes = s->worker_bytes};
    weft_call call = {.y = view,
                      .x = view + s->n_out,
                      .attributes = s->attributes,
                      .workspace = threads.workspace,
                      .message = program->message,
                      .threads = &threads};
    weft_status status = s->op->kernel(&call);
    if (status != WEFT_OK) {
        program->status = status;
        if (!program->message[0])
            snprintf(program->message, sizeof program->message, "%s: %s", s->op->name, weft_status_text(status));
    }
    return status;
}

static weft_status check_bound(weft_program *program)
{
    for (size_t i = 0; i < program->n_leaves; i++) {
        const leaf *l = &program->leaves[i];
        if (!l->parameter && !l->bound && l->storage != NO_STORAGE)
            return weft__program_fail(program, WEFT_ERROR_UNBOUND, "input \"%.60s\" (%%%u) has no memory; give it some with weft_bind()",
                                      l->name, l->id);
    }
    return WEFT_OK;
}

weft_status weft_run(weft_program *program)
{
    if (!begin(program))
        return weft_program_status(program);
    if (check_bound(program) != WEFT_OK)
        return program->status;
    program->has_run = false;
    for (const step *s = program->steps, *end = s + program->n_steps; s < end; s++) {
        if (s->loop) {
            s = run_loops(program, s);
        } else if (call_kernel(program, s) != WEFT_OK) {
            return program->status;
        }
    }
    for (size_t i = 0; i < program->n_assignments; i++) {
        const assignment *a = &program->assignments[i];
        if (program->storages[a->parameter].bytes)
            memcpy(program->base[a->parameter], program->base[a->value], program->storages[a->parameter].bytes);
    }
    program->has_run = true;
    return WEFT_OK;
}

const void *weft_output(const weft_program *program, size_t k)
{
    return program && program->has_run && k < program->n_outputs ? program->base[program->outputs[k]] : NULL;
}
