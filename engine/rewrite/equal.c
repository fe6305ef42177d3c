/* equal.c: common subexpressions. Two nodes are equal when op, operands and attributes are; operands of a commutative op count in either
 * order. Ops are pure, so the first node stands for the others. Constants are equal when dtype, shape and bytes are. Assignments are never
 * equal to anything. The key is the concatenation of all that, as bytes, in an arena. */
#include "engine/rewrite/rewrite.h"

#include <string.h>

struct weft__equal_entry {
    uint32_t id;
    UT_hash_handle hh;
};

typedef struct key_head {
    const weft_op *op;
    const weft__shape *shape; /* of a constant */
    uint64_t bytes;           /* of attributes */
    uint32_t n, dtype;
    uint32_t operand[WEFT_MAX_OPERANDS];
} key_head;

/* The key of a draft, at the end of the arena; NULL when out of memory. */
static char *make_key(weft__rewriter *r, const weft__draft *d, size_t bytes, size_t *size)
{
    key_head head;
    memset(&head, 0, sizeof head); /* padding is hashed too */
    head.op = d->op;
    head.bytes = bytes;
    head.n = (uint32_t)d->n;
    for (int i = 0; i < d->n; i++)
        head.operand[i] = d->x[i].id;
    if (d->op->flags & WEFT_COMMUTATIVE && d->n == 2 && head.operand[0] > head.operand[1]) {
        head.operand[0] = d->x[1].id;
        head.operand[1] = d->x[0].id;
    }
    if (d->op->kind == WEFT_CONSTANT) { /* its draft carries the constant itself as operand */
        const weft__node *node = weft__at(r->tape, d->x[0].id);
        head.shape = node->shape;
        head.dtype = node->dtype;
        head.operand[0] = 0;
    }
    *size = sizeof head + bytes;
    char *key = weft__arena_take(&r->keys, *size);
    if (!key)
        return NULL;
    memcpy(key, &head, sizeof head);
    if (bytes)
        memcpy(key + sizeof head, d->attributes, bytes);
    return key;
}

static weft_node out_of_memory(weft__rewriter *r)
{
    weft__tape_fail(r->tape, WEFT_ERROR_MEMORY, "out of memory");
    return weft__no_node();
}

weft_node weft__equal_find(weft__rewriter *r, const weft__draft *draft, size_t bytes)
{
    weft__arena_mark mark = weft__arena_here(&r->keys);
    weft__equal_entry *found;
    size_t size;
    char *key = make_key(r, draft, bytes, &size);
    if (!key)
        return out_of_memory(r);
    HASH_FIND(hh, r->equal, key, size, found);
    weft__arena_rewind(&r->keys, mark);
    return found ? weft__handle(r->tape, found->id) : weft__no_node();
}

bool weft__equal_remember(weft__rewriter *r, const weft__draft *draft, size_t bytes, weft_node node)
{
    const weft_allocator *hash_allocator = &r->keys.allocator;
    size_t size;
    weft__equal_entry *entry = weft__arena_take(&r->keys, sizeof *entry);
    char *key = entry ? make_key(r, draft, bytes, &size) : NULL;
    if (key) {
        memset(entry, 0, sizeof *entry);
        entry->id = node.id;
        HASH_ADD_KEYPTR(hh, r->equal, key, size, entry);
    }
    if (key && entry->hh.tbl)
        return true;
    out_of_memory(r);
    return false;
}

void weft__equal_free(weft__rewriter *r)
{
    const weft_allocator *hash_allocator = &r->keys.allocator;
    HASH_CLEAR(hh, r->equal);
    weft__arena_free(&r->keys);
}
