/* schedule.h: which loop or call computes what. It knows values and places, and neither storages nor strides of loops. */
#ifndef WEFT_RUN_SCHEDULE_H
#define WEFT_RUN_SCHEDULE_H

#include "engine/record/needed.h"
#include "engine/run/program.h"

#define NO_ENTRY UINT32_MAX
#define NO_VALUE UINT32_MAX

/* Where the value of a node is: a value, seen through strides from one of its elements on. */
typedef struct place {
    uint32_t value;
    const ptrdiff_t *stride; /* over the node's shape; NULL: contiguous, from the first element on */
    ptrdiff_t offset;        /* elements, from the value's first to the node's; 0 where stride is NULL */
    uint32_t after;          /* a value, plus 1, before which it is not to be read, as its view says; 0: none */
} place;

typedef enum value_kind { VALUE_LEAF, VALUE_MAP, VALUE_FOLD, VALUE_COPY, VALUE_CALL } value_kind;

typedef struct value {
    uint32_t node;  /* whose value it is; of a copy: whose place it copies */
    uint32_t entry; /* that computes it; NO_ENTRY: a leaf, or inlined */
    uint32_t next;  /* value of the same entry */
    uint32_t space; /* that a loop walks to compute it */
    uint32_t first_use, last_use; /* entries */
    uint32_t storage, twin; /* given by lower.c; twin: of an f32 constant of one element, the same in f64 */
    place from;     /* of a copy */
    uint8_t kind, dtype; /* dtype: as stored; f64 for a wide f32 node */
    uint8_t cost, loads; /* of inlining it: ops, weighed; large arrays read */
    bool inlined;   /* computed again in every loop that uses it */
    bool stored;    /* lies in memory: used outside of its own loop, or at other positions */
} value;

/* An iteration space: a shape without its axes of length 1. */
typedef struct space {
    weft_shape dims;
    size_t count;
    uint32_t index;
    uint32_t *entries; /* its loops, in order */
    size_t n_entries, entries_allocated;
    UT_hash_handle hh;
} space;

enum { LARGE_SPACE = 16384 /* elements */ };

/* A loop over a space, or a call. */
typedef struct entry {
    const space *space; /* NULL: a call */
    uint32_t call;      /* index */
    uint32_t first, last; /* of the list of its values */
    uint32_t length;    /* instructions, at most */
    uint32_t level;     /* large loops, in order, that its values wait for */
    uint32_t done;      /* and that those wait for which read its values from memory */
} entry;

typedef struct call {
    uint32_t node;
    uint32_t value; /* of its first output; those of the others follow */
    place operand[WEFT_MAX_OPERANDS];
} call;

typedef struct schedule {
    weft_program *program; /* takes errors; its arena keeps strides */
    weft_tape *tape;
    weft__needed needed;
    place *places;  /* (count), by node id; of a node that is not needed, only `after` */
    uint32_t count; /* the needed nodes, and further outputs of the last */
    value *values;  /* operands before users */
    size_t n_values, values_allocated;
    space *spaces;  /* hash table */
    space **space_at;
    size_t n_spaces, spaces_allocated;
    entry *entries;
    size_t n_entries, entries_allocated;
    uint32_t n_large; /* of them, loops over LARGE_SPACE elements or more */
    call *calls;
    size_t n_calls, calls_allocated;
    uint32_t *outputs; /* (n): values */
} schedule;

weft_status weft__schedule_make(schedule *s, weft_program *program, weft_tape *tape, const weft_node *outputs, size_t n);
void weft__schedule_free(schedule *s);

/* places.c: one value or place for each needed node. */
bool weft__places_find(schedule *s, const weft_node *outputs, size_t n);

/* True when an operand at this place can be a register of a loop over the space: same elements in the same order. */
static inline bool weft__in_register(const schedule *s, const place *at, uint32_t over)
{
    const value *v = &s->values[at->value];
    return !at->stride && v->space == over && (v->kind == VALUE_MAP || v->kind == VALUE_COPY);
}

void weft__contiguous(const weft_shape *shape, ptrdiff_t *stride); /* the strides of C order */

bool weft__schedule_no_memory(schedule *s); /* false */

#endif
