/* index_book.c: a book of formulas: its memory, its indices, and which nodes have letters of their own. Those are the leaves, what has a name, what
 * more than one op reads, what a function that is written with its operand reads, as relu(t7), and what cannot be written out, as take(x, index).
 * Formulas then stay as short as the ones on paper, and those of a graph without names have the numbers of its nodes. */
#include "engine/explain/index.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

weft_status weft__book_fail(weft__book *b, weft_status status, const char *format, ...)
{
    if (b->status != WEFT_OK)
        return b->status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(b->message, sizeof b->message, format, arguments);
    va_end(arguments);
    return b->status = status;
}

const weft__shape *weft__book_shape(const weft__book *b, uint32_t node)
{
    return weft__at(b->tape, node)->shape;
}

bool weft__is_quantity(const weft__book *b, uint32_t node)
{
    return node < b->end && b->quantity[node];
}

bool weft__is_needed_by_book(const weft__book *b, uint32_t node)
{
    return node < b->end && b->needed[node];
}

/* --- indices and lengths --- */

int32_t weft__book_index_new(weft__book *b, size_t length, int from_right, bool free_one)
{
    if (length == 1 || b->status != WEFT_OK)
        return -1;
    if (!weft__grow(&b->tape->allocator, &b->index, &b->index_allocated, b->n_index + 1, sizeof *b->index)) {
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
        return -1;
    }
    int at = b->rank - 1 - from_right;
    weft__book_index *i = &b->index[b->n_index];
    *i = (weft__book_index){.length = length};
    if (free_one && at >= 0 && at < (int)strlen(b->free_letters))
        i->letter = b->free_letters[at];
    if (at >= 0 && at < (int)strlen(b->bound_letters))
        i->preferred = b->bound_letters[at];
    return (int32_t)b->n_index++;
}

void weft__book_indices(weft__book *b, uint32_t node, bool free_ones, weft__index *index)
{
    const weft_shape *shape = &weft__book_shape(b, node)->dims;
    for (int i = 0; i < shape->rank; i++) {
        int32_t id = weft__book_index_new(b, shape->dim[i], shape->rank - 1 - i, free_ones);
        index[i] = (weft__index){.id = id, .times = id < 0 ? 0 : 1};
    }
}

/* The letter of a length follows the axes that are folded; lengths of different values have different ones. */
uint32_t weft__book_length(weft__book *b, size_t value, int first_axis, int last_axis, int rank)
{
    char wanted = first_axis == last_axis && first_axis == 0 ? 'N' : first_axis == last_axis && last_axis == rank - 1 ? 'D' : 'M';
    static const char others[] = "NDMPQR";
    for (size_t i = 0; i < b->n_lengths; i++)
        if (b->length[i].value == value && b->length[i].letter == wanted)
            return (uint32_t)i;
    if (b->n_lengths == WEFT__MOST_LENGTHS) {
        weft__book_fail(b, WEFT_ERROR_ARGUMENT, "means over more than %d lengths", WEFT__MOST_LENGTHS);
        return 0;
    }
    for (size_t i = 0, k = 0; i < b->n_lengths; i++)
        if (b->length[i].letter == wanted) {
            wanted = others[k++];
            i = SIZE_MAX; /* from the start */
        }
    b->length[b->n_lengths].value = value;
    b->length[b->n_lengths].letter = wanted;
    return (uint32_t)b->n_lengths++;
}

/* --- names --- */

/* A name that an earlier quantity has belongs to that one. */
static bool name_is_taken(const weft__book *b, uint32_t node)
{
    const char *name = weft__at(b->tape, node)->name;
    for (uint32_t id = 0; id < node; id++)
        if (b->quantity[id] && weft__at(b->tape, id)->name && !strcmp(weft__at(b->tape, id)->name, name))
            return true;
    return false;
}

const char *weft__book_label(const weft__book *b, uint32_t node, char text[64])
{
    const char *name = weft__at(b->tape, node)->name;
    if (name && *name && !name_is_taken(b, node))
        return name;
    if (node == b->y.id && !b->numbered && (b->loss || !b->has_y))
        return b->loss ? "L" : "y";
    snprintf(text, 64, "t%u", node);
    return text;
}

/* --- which nodes are quantities --- */

static const weft_paper *paper_of(const weft_op *op)
{
    static const weft_paper none = {.form = WEFT_PAPER_FUNCTION};
    return op->paper ? op->paper : &none;
}

static bool is_number(const weft__book *b, uint32_t node)
{
    return weft_node_scalar(weft__handle(b->tape, node), NULL);
}

/* Can be written out as a formula of its operands. */
static bool is_written(const weft__book *b, uint32_t id)
{
    const weft__node *node = weft__at(b->tape, id);
    weft__index index[WEFT_MAX_RANK], of_operand[WEFT_MAX_RANK];
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        index[i] = (weft__index){.id = i, .times = 1};
    switch (node->op->kind) {
    case WEFT_ELEMENTWISE:
        return node->n <= 3 && !node->op->attribute_size;
    case WEFT_REDUCTION:
        return true;
    case WEFT_VIEW:
        return node->n == 1 && weft__view_map(b, id, index, of_operand);
    default:
        return paper_of(node->op)->form == WEFT_PAPER_CONTRACTION;
    }
}

/* What a view shows, of those that are written out. */
static uint32_t see_through(const weft__book *b, uint32_t id)
{
    while (weft__at(b->tape, id)->op->kind == WEFT_VIEW && is_written(b, id) && !b->quantity[id])
        id = weft__at(b->tape, id)->operand[0];
    return id;
}

static bool is_sum_of_terms(const weft__book *b, uint32_t id)
{
    const weft__node *node = weft__at(b->tape, id);
    return node->op->kind == WEFT_ELEMENTWISE && node->n > 1 && paper_of(node->op)->form == WEFT_PAPER_TERMS;
}

/* Operand i of an op gets a letter: a function is written with it; or it is a sum, and in a product or a square, where its parentheses would have to be
 * multiplied out. Below a root or a line they may stay. */
static bool wants_letter(const weft__book *b, const weft__node *node, int i)
{
    const weft_paper *paper = paper_of(node->op);
    double exponent = paper->of[i < 2 ? i : 0];
    if (node->op->kind != WEFT_ELEMENTWISE || node->op->flags & WEFT_ZERO_DERIVATIVE)
        return false;
    if (paper->form == WEFT_PAPER_FUNCTION)
        return true;
    if (paper->form == WEFT_PAPER_POWER && (i || !weft_node_scalar(weft__handle(b->tape, node->operand[1]), &exponent)))
        return true;
    return paper->form != WEFT_PAPER_TERMS && exponent > 0 && exponent == floor(exponent) && is_sum_of_terms(b, see_through(b, node->operand[i]));
}

/* A sum over axes divided by a number, and a sum that nothing divides: what one calls a statistic. */
static bool is_statistic(const weft__book *b, uint32_t id, const uint8_t *divided)
{
    const weft__node *node = weft__at(b->tape, id);
    if (node->op->kind == WEFT_REDUCTION)
        return !divided[id];
    return node->op->kind == WEFT_ELEMENTWISE && node->n == 2 && paper_of(node->op)->form == WEFT_PAPER_FACTORS && is_number(b, node->operand[1]) &&
           weft__at(b->tape, see_through(b, node->operand[0]))->op->kind == WEFT_REDUCTION;
}

/* Nothing is written out more than MOST_DEEP ops deep. depth: (end), for its use alone. */
static void bound_depth(weft__book *b, uint32_t *depth)
{
    enum { MOST_DEEP = 48 };
    for (uint32_t id = 0; id < b->end; id++) {
        const weft__node *node = weft__at(b->tape, id);
        depth[id] = 0;
        for (int i = 0; i < node->n && !b->quantity[id]; i++)
            depth[id] = depth[node->operand[i]] + 1 > depth[id] ? depth[node->operand[i]] + 1 : depth[id];
        if (depth[id] > MOST_DEEP) {
            b->quantity[id] = 1;
            depth[id] = 0;
        }
    }
}

/* Views and what one op alone reads are written out there. */
static void choose(weft__book *b, const weft__needed *needed, uint32_t *users, uint8_t *divided)
{
    for (uint32_t id = 0; id < b->end; id++) {
        const weft__node *node = weft__at(b->tape, id);
        for (int i = 0; i < node->n && weft__is_needed(needed, id); i++)
            users[node->operand[i]]++;
    }
    for (uint32_t id = b->end; id-- > 0;) { /* a view's users are those of what it shows */
        const weft__node *node = weft__at(b->tape, id);
        if (weft__is_needed(needed, id) && node->op->kind == WEFT_VIEW && users[id] > 1)
            users[node->operand[0]] += users[id] - 1;
    }
    for (uint32_t id = 0; id < b->end; id++) {
        const weft__node *node = weft__at(b->tape, id);
        if (!weft__is_needed(needed, id) || is_number(b, id))
            continue;
        bool view = node->op->kind == WEFT_VIEW;
        b->quantity[id] |= !node->n || id == b->y.id || (node->name && *node->name) || !is_written(b, id) || (!view && users[id] > 1);
        if (b->quantity[id] && !is_written(b, id))
            for (int i = 0; i < node->n; i++)
                b->quantity[node->operand[i]] |= !is_number(b, node->operand[i]);
    }
    for (uint32_t id = 0; id < b->end; id++) { /* now that it is known which views are seen through */
        const weft__node *node = weft__at(b->tape, id);
        if (!weft__is_needed(needed, id))
            continue;
        for (int i = 0; i < node->n; i++) {
            uint32_t operand = see_through(b, node->operand[i]);
            b->quantity[operand] |= wants_letter(b, node, i) && !is_number(b, operand);
        }
        if (paper_of(node->op)->form == WEFT_PAPER_FACTORS && node->n == 2 && is_number(b, node->operand[1]))
            divided[see_through(b, node->operand[0])] = 1;
    }
    for (uint32_t id = 0; id < b->end; id++)
        b->quantity[id] |= weft__is_needed(needed, id) && is_statistic(b, id, divided);
    bound_depth(b, users);
}

void weft__book_letter(weft__book *b, uint32_t node)
{
    uint32_t shown = see_through(b, node);
    if (!is_number(b, shown))
        b->quantity[shown] = 1;
}

static void choose_letters(weft__book *b)
{
    char taken[256] = "";
    for (uint32_t id = 0; id < b->end; id++) {
        const char *name = weft__at(b->tape, id)->name;
        if (!b->quantity[id])
            continue;
        b->has_y |= name && !strcmp(name, "y");
        if (name && name[0] && !name[1])
            taken[(unsigned char)name[0]] = 1;
        int rank = weft__book_shape(b, id)->dims.rank;
        b->rank = rank > b->rank ? rank : b->rank;
    }
    size_t n = 0;
    for (const char *c = "ijrsabcdefg"; *c && n < (size_t)b->rank; c++)
        if (!taken[(unsigned char)*c])
            b->free_letters[n++] = *c;
    n = 0;
    for (const char *c = "klmnpquvwxyzoh"; *c && n < WEFT__MOST_LETTERS; c++)
        if (!taken[(unsigned char)*c])
            b->bound_letters[n++] = *c;
}

bool weft__book_open(weft__book *b, weft_node y)
{
    memset(b, 0, sizeof *b);
    b->tape = y.tape;
    if (!weft__look(y)) {
        weft__book_fail(b, WEFT_ERROR_ARGUMENT, "the node to explain is none");
        return false;
    }
    weft__needed needed;
    weft__arena_init(&b->arena, &y.tape->allocator);
    b->y = y;
    b->loss = weft__look(y)->shape->count == 1;
    if (weft__needed_find(&needed, &y, 1) != WEFT_OK)
        return weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory") == WEFT_OK;
    b->end = needed.end;
    b->quantity = weft__arena_take(&b->arena, b->end);
    b->needed = weft__arena_take(&b->arena, b->end);
    uint32_t *users = weft__arena_take(&b->arena, b->end * sizeof *users);
    uint8_t *divided = weft__arena_take(&b->arena, b->end);
    if (b->quantity && b->needed && users && divided) {
        for (uint32_t id = 0; id < b->end; id++)
            b->needed[id] = weft__is_needed(&needed, id);
        memset(b->quantity, 0, b->end);
        memset(users, 0, b->end * sizeof *users);
        memset(divided, 0, b->end);
        choose(b, &needed, users, divided);
        choose_letters(b);
    } else {
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
    }
    weft__needed_free(&needed);
    return b->status == WEFT_OK;
}

void weft__book_close(weft__book *b)
{
    if (!b->tape)
        return;
    const weft_allocator allocator = b->arena.allocator; /* the tape may be gone */
    weft__release(&allocator, b->index, b->index_allocated * sizeof *b->index);
    weft__arena_free(&b->arena);
    b->index = NULL;
    b->tape = NULL;
}
