/* tile_prepare.c: the shape of a loop's tiles, how its loads are read, and where registers are kept. */
#include "engine/run/tile.h"

#include <string.h>

static bool grouped(const loop *l)
{
    return l->run == l->extent[l->rank - 1] && l->rows > 1;
}

static uint8_t reading_of(const loop *l, const instruction *load)
{
    int last = l->rank - 1;
    const ptrdiff_t *stride = load->stride;
    if (!grouped(l))
        return stride[last] ? READ_DIRECT : READ_UNIFORM;
    if (!stride[last] && !stride[last - 1])
        return READ_UNIFORM;
    if (stride[last - 1] == stride[last] * (ptrdiff_t)l->extent[last])
        return READ_DIRECT;
    for (int i = 0; i < last; i++)
        if (stride[i])
            return READ_GATHERED;
    return READ_REPEATED;
}

static void shape_tiles(loop *l)
{
    size_t inner = l->extent[l->rank - 1], above = l->extent[l->rank - 2];
    l->rows = 1;
    l->run = inner < TILE ? inner : TILE;
    if (l->split == l->rank - 2 && l->parts > 1)
        above = l->step;
    if (inner && inner <= TILE / 2 && l->split != l->rank - 1) {
        l->rows = TILE / inner;
        l->rows = l->rows > above ? above : l->rows;
        l->rows = l->rows ? l->rows : 1;
    }
}

/* Gives each register a slot that is free from its making to its last use. From the end, the last use of a register is where it is met
 * first, and its slot is free again where it is made. next: (length) links the free slots. */
static void give_slots(loop *l, instruction *body, uint16_t *next)
{
    uint16_t free_slot = NO_SLOT, top = 0;
    for (int i = 0; i < l->length; i++)
        body[i].slot = body[i].action == ACTION_LOAD && body[i].reading == READ_REPEATED ? top++ : NO_SLOT; /* theirs to the end */
    for (int i = l->length; i-- > 0;) {
        instruction *b = &body[i];
        for (int k = 0; k < b->n; k++) {
            instruction *x = &body[b->operand[k]];
            bool needs = x->action == ACTION_LOAD ? x->reading == READ_GATHERED : x->into == NO_INSTRUCTION;
            if (!needs || x->slot != NO_SLOT)
                continue;
            x->slot = free_slot == NO_SLOT ? top++ : free_slot;
            if (x->slot == free_slot)
                free_slot = next[free_slot];
        }
        if (b->slot != NO_SLOT && !(b->action == ACTION_LOAD && b->reading == READ_REPEATED)) {
            next[b->slot] = free_slot;
            free_slot = b->slot;
        }
    }
    l->slots = top;
}

/* Marks the products that are only summed. */
static void find_products(const loop *l, instruction *body, uint16_t *users)
{
    memset(users, 0, (size_t)l->length * sizeof *users);
    for (int i = 0; i < l->length; i++)
        for (int k = 0; k < body[i].n; k++)
            users[body[i].operand[k]]++;
    for (int i = 0; i + 1 < l->length; i++) {
        const instruction *fold = &body[i + 1];
        body[i].folded = body[i].action == ACTION_MAP && body[i].dtype == WEFT_F64 && users[i] == 1 && fold->action == ACTION_FOLD &&
                         fold->operand[0] == i && fold->op->fold->product == body[i].op && fold->stride[l->rank - 1];
    }
}

void weft__tiles_prepare(loop *l, instruction *body, uint16_t *scratch)
{
    shape_tiles(l);
    find_products(l, body, scratch);
    size_t blocks = 0;
    for (int i = 0; i < l->length; i++) {
        instruction *b = &body[i];
        if (b->action == ACTION_LOAD)
            b->reading = reading_of(l, b);
        else if (b->action == ACTION_FOLD && weft__in_blocks(l, b))
            blocks++;
        else if (b->action == ACTION_STORE && !l->past && !b->updates) {
            instruction *x = &body[b->operand[0]];
            if ((x->action == ACTION_MAP || x->action == ACTION_CONVERT) && x->into == NO_INSTRUCTION)
                x->into = (uint16_t)i;
        }
    }
    give_slots(l, body, scratch);
    l->worker_bytes = weft__states_bytes(l) + weft__whole_lines((size_t)l->slots * weft__slot_bytes(l)) +
                      blocks * weft__whole_lines(l->extent[l->rank - 1] * sizeof(double));
}
