/* schedule.c: which loop computes which value. Values are taken in the order of the tape; each joins the earliest loop over its space that
 * comes after what it needs, so that reductions of one level share a pass over memory. Small values join only what waits for the same large loops:
 * what one of these needs then does not wait for another as well, and nest.c can have them in turn. Calls stand between loops, in the order of the
 * tape.
 * Afterwards, from the end, a value whose users are all in one later loop moves there, where it need not be stored.
 * Linear in the needed nodes, but for a binary search among the loops of a space. */
#include "engine/run/schedule.h"

#include <string.h>

/* What a value must wait for. */
typedef struct wait {
    uint32_t after; /* the first entry that it may be in, as far as memory goes */
    uint32_t with;  /* the first entry, as far as registers go */
    uint32_t cost;  /* instructions that it adds, at most */
    uint32_t level; /* large loops, in order, that come before */
} wait;

typedef void (*visitor)(schedule *s, const place *at, uint32_t over, void *context);

/* Visits what a value reads, through what is inlined. The depth is bounded by the cost of what may be. */
static void visit_operands(schedule *s, const value *v, uint32_t over, visitor visit, void *context)
{
    const weft__node *node = weft__at(s->tape, v->node);
    int n = v->kind == VALUE_COPY ? 1 : node->n;
    for (int k = 0; k < n; k++) {
        const place *at = v->kind == VALUE_COPY ? &v->from : &s->places[node->operand[k]];
        if (s->values[at->value].inlined)
            visit_operands(s, &s->values[at->value], over, visit, context);
        else
            visit(s, at, over, context);
    }
}

static void wait_for(schedule *s, const place *at, uint32_t over, void *context)
{
    wait *w = context;
    uint32_t computed = s->values[at->value].entry;
    w->cost += 3; /* a load, a conversion, an op */
    if (computed == NO_ENTRY)
        return;
    bool near = weft__in_register(s, at, over);
    uint32_t level = near ? s->entries[computed].level : s->entries[computed].done;
    w->level = level > w->level ? level : w->level;
    if (near)
        w->with = computed > w->with ? computed : w->with;
    else
        w->after = computed + 1 > w->after ? computed + 1 : w->after;
}

/* Not before a value is computed, or what it is computed from, where it is inlined. */
static void wait_until(schedule *s, const place *at, uint32_t over, void *context)
{
    wait *w = context;
    uint32_t computed = s->values[at->value].entry;
    (void)over;
    if (computed != NO_ENTRY && computed > w->after)
        w->after = computed;
}

/* What the views between a value and its operands ask for. It is a matter of memory, not of results: a value that moves to its users afterwards
 * may leave behind what was to come after it. */
static void wait_for_views(schedule *s, const value *v, wait *w)
{
    const weft__node *node = weft__at(s->tape, v->node);
    int n = v->kind == VALUE_COPY ? 1 : node->n;
    for (int k = 0; k < n; k++) {
        const place *at = v->kind == VALUE_COPY ? &v->from : &s->places[node->operand[k]];
        if (at->after && s->values[at->after - 1].inlined)
            visit_operands(s, &s->values[at->after - 1], v->space, wait_until, w);
        else if (at->after)
            wait_until(s, &(place){.value = at->after - 1}, v->space, w);
        if (s->values[at->value].inlined)
            wait_for_views(s, &s->values[at->value], w);
    }
}

static bool new_entry(schedule *s, const entry *made)
{
    if (s->n_entries >= NO_ENTRY - 1 || !weft__grow(&s->program->allocator, &s->entries, &s->entries_allocated, s->n_entries + 1, sizeof *s->entries))
        return weft__schedule_no_memory(s);
    s->entries[s->n_entries++] = *made;
    return true;
}

static bool new_loop(schedule *s, space *walked, uint32_t level)
{
    if (!weft__grow(&s->program->allocator, &walked->entries, &walked->entries_allocated, walked->n_entries + 1, sizeof *walked->entries))
        return weft__schedule_no_memory(s);
    walked->entries[walked->n_entries++] = (uint32_t)s->n_entries;
    bool large = walked->count >= LARGE_SPACE;
    s->n_large += large;
    return new_entry(s, &(entry){.space = walked, .first = NO_VALUE, .last = NO_VALUE, .level = level, .done = large ? s->n_large : level});
}

enum { MOST_ASKED = 8 /* loops of a space, before it is the last or a new one */ };

/* The earliest loop over the space from an entry on, with room, and over a small space of the same level. */
static bool find_loop(schedule *s, space *walked, uint32_t first, const wait *w, uint32_t *found)
{
    size_t low = 0, high = walked->n_entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (walked->entries[middle] < first)
            low = middle + 1;
        else
            high = middle;
    }
    for (int asked = 0; low < walked->n_entries; low++, asked++) {
        *found = walked->entries[low];
        const entry *e = &s->entries[*found];
        if (e->length + w->cost <= MOST_INSTRUCTIONS && (walked->count >= LARGE_SPACE || e->level == w->level))
            return true;
        if (asked >= MOST_ASKED && low + 1 < walked->n_entries)
            low = walked->n_entries - 2; /* not one by one */
    }
    *found = (uint32_t)s->n_entries;
    return new_loop(s, walked, w->level);
}

static bool schedule_in_loop(schedule *s, value *v)
{
    wait w = {.cost = 4};
    visit_operands(s, v, v->space, wait_for, &w);
    wait_for_views(s, v, &w);
    uint32_t first = w.after > w.with ? w.after : w.with;
    if (!find_loop(s, s->space_at[v->space], first, &w, &v->entry))
        return false;
    s->entries[v->entry].length += w.cost;
    return true;
}

static bool schedule_all(schedule *s)
{
    uint32_t next_call = 0;
    for (size_t i = 0; i < s->n_values; i++) {
        value *v = &s->values[i];
        if (v->kind == VALUE_LEAF || v->inlined)
            continue;
        if (v->kind != VALUE_CALL) {
            if (!schedule_in_loop(s, v))
                return false;
            continue;
        }
        bool first = next_call < s->n_calls && s->calls[next_call].value == i;
        if (first && !new_entry(s, &(entry){.call = next_call++, .first = NO_VALUE, .last = NO_VALUE, .level = s->n_large, .done = s->n_large}))
            return false;
        v->entry = (uint32_t)s->n_entries - 1;
    }
    return true;
}

/* --- moving values to their users --- */

typedef struct use {
    uint32_t entry;
} use;

static void use_place(schedule *s, const place *at, uint32_t over, void *context)
{
    const use *u = context;
    value *v = &s->values[at->value];
    (void)over;
    v->first_use = u->entry < v->first_use ? u->entry : v->first_use;
    v->last_use = u->entry > v->last_use ? u->entry : v->last_use;
}

/* The last loop that reads all large arrays that an output is made of. */
typedef struct latest {
    uint32_t entry; /* NO_ENTRY: there is none */
    bool any;
} latest;

static void find_latest(schedule *s, const place *at, uint32_t over, void *context)
{
    latest *l = context;
    const value *v = &s->values[at->value];
    if (weft__at(s->tape, v->node)->shape->count < s->space_at[over]->count)
        return;
    if (l->any && v->last_use != l->entry)
        l->entry = NO_ENTRY;
    else if (!l->any)
        l->entry = v->last_use;
    l->any = true;
}

/* An output that no loop reads is written by the last loop that has what it is made of, and not by one that sums meanwhile. */
static void sink_output(schedule *s, value *v)
{
    latest l = {NO_ENTRY, false};
    if (v->kind != VALUE_MAP || v->last_use != TO_THE_END || v->first_use != NO_ENTRY)
        return;
    visit_operands(s, v, v->space, find_latest, &l);
    if (!l.any || l.entry == NO_ENTRY || l.entry <= v->entry || l.entry >= s->n_entries)
        return;
    entry *e = &s->entries[l.entry];
    if (e->space != s->space_at[v->space] || e->length + 32 > MOST_INSTRUCTIONS)
        return;
    e->length += 32; /* what is inlined costs 8 at most, with its loads and conversions */
    v->entry = l.entry;
}

static void sink(schedule *s)
{
    for (size_t i = s->n_calls; i-- > 0;)
        for (int k = 0; k < weft__at(s->tape, s->calls[i].node)->n; k++)
            use_place(s, &s->calls[i].operand[k], 0, &(use){s->values[s->calls[i].value].entry});
    for (size_t i = s->n_values; i-- > 0;) {
        value *v = &s->values[i];
        if (v->kind == VALUE_LEAF || v->kind == VALUE_CALL || v->inlined)
            continue;
        bool one_user = v->first_use == v->last_use && v->first_use != NO_ENTRY && v->first_use > v->entry;
        if (v->kind == VALUE_MAP && !v->stored && one_user && s->entries[v->first_use].length + 4 <= MOST_INSTRUCTIONS) {
            v->entry = v->first_use;
            s->entries[v->entry].length += 4;
        }
        sink_output(s, v);
        use u = {v->entry};
        visit_operands(s, v, v->space, use_place, &u);
    }
}

/* What is read by another loop than its own lies in memory. */
static void store_place(schedule *s, const place *at, uint32_t over, void *context)
{
    const use *u = context;
    (void)over;
    if (s->values[at->value].entry != u->entry)
        s->values[at->value].stored = true;
}

static void list_values(schedule *s)
{
    for (size_t i = 0; i < s->n_values; i++) {
        value *v = &s->values[i];
        if (v->kind == VALUE_LEAF || v->kind == VALUE_CALL || v->inlined)
            continue;
        use u = {v->entry};
        visit_operands(s, v, v->space, store_place, &u);
        entry *e = &s->entries[v->entry];
        if (e->last == NO_VALUE)
            e->first = (uint32_t)i;
        else
            s->values[e->last].next = (uint32_t)i;
        e->last = (uint32_t)i;
    }
}

weft_status weft__schedule_make(schedule *s, weft_program *program, weft_tape *tape, const weft_node *outputs, size_t n)
{
    *s = (schedule){.program = program, .tape = tape};
    if (weft__needed_to_compute(&s->needed, outputs, n) != WEFT_OK) {
        weft__schedule_no_memory(s);
        return program->status;
    }
    s->count = s->needed.end;
    for (uint32_t i = 1; s->count < tape->count && weft__at(tape, s->count)->op->kind == WEFT_PART && i < WEFT_MAX_OUTPUTS; i++)
        s->count++;
    s->places = weft__allocate(&program->allocator, (size_t)s->count * sizeof *s->places);
    s->outputs = weft__arena_take(&program->arena, n * sizeof *s->outputs + 1);
    if (!s->places || !s->outputs)
        weft__schedule_no_memory(s);
    else if (weft__places_find(s, outputs, n) && schedule_all(s)) {
        sink(s);
        list_values(s);
    }
    return program->status;
}

void weft__schedule_free(schedule *s)
{
    const weft_allocator *allocator = &s->program->allocator, *hash_allocator = allocator;
    HASH_CLEAR(hh, s->spaces);
    for (size_t i = 0; i < s->n_spaces; i++)
        weft__release(allocator, s->space_at[i]->entries, s->space_at[i]->entries_allocated * sizeof(uint32_t));
    weft__release(allocator, s->space_at, s->spaces_allocated * sizeof *s->space_at);
    weft__release(allocator, s->places, (size_t)s->count * sizeof *s->places);
    weft__release(allocator, s->values, s->values_allocated * sizeof *s->values);
    weft__release(allocator, s->entries, s->entries_allocated * sizeof *s->entries);
    weft__release(allocator, s->calls, s->calls_allocated * sizeof *s->calls);
    weft__needed_free(&s->needed);
}
