/* needed.c: one walk back over the ids: users come after their operands. */
#include "engine/record/needed.h"

#include <string.h>

static size_t bitmap_bytes(const weft__needed *needed)
{
    return (size_t)needed->end / 8 + 1;
}

static void mark(weft__needed *needed, uint32_t id)
{
    needed->bits[id / 8] |= (uint8_t)(1u << id % 8);
}

/* How many of its operands a node needs: a view reads one, and waits for another. */
static int reads(const weft__node *node, bool waits)
{
    return node->op->kind == WEFT_VIEW && !waits ? 1 : node->n;
}

static weft_status find(weft__needed *needed, const weft_node *outputs, size_t n, bool waits)
{
    *needed = (weft__needed){.tape = outputs[0].tape};
    for (size_t i = 0; i < n; i++)
        needed->end = outputs[i].id >= needed->end ? outputs[i].id + 1 : needed->end;
    needed->bits = weft__allocate(&needed->tape->allocator, bitmap_bytes(needed));
    if (!needed->bits)
        return WEFT_ERROR_MEMORY;
    memset(needed->bits, 0, bitmap_bytes(needed));
    for (size_t i = 0; i < n; i++)
        mark(needed, outputs[i].id);
    for (uint32_t id = needed->end; id-- > 0;) { /* users come after their operands, so each is final when it is reached */
        const weft__node *node = weft__at(needed->tape, id);
        for (int i = 0; weft__is_needed(needed, id) && i < reads(node, waits); i++)
            mark(needed, node->operand[i]);
    }
    return WEFT_OK;
}

weft_status weft__needed_find(weft__needed *needed, const weft_node *outputs, size_t n)
{
    return find(needed, outputs, n, true);
}

weft_status weft__needed_to_compute(weft__needed *needed, const weft_node *outputs, size_t n)
{
    return find(needed, outputs, n, false);
}

void weft__needed_free(weft__needed *needed)
{
    weft__release(&needed->tape->allocator, needed->bits, bitmap_bytes(needed));
}
