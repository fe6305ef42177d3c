/* checkpoint.h: what stands for the nodes of checkpointed scopes while reverse mode walks back through them. */
#ifndef WEFT_DERIVE_CHECKPOINT_H
#define WEFT_DERIVE_CHECKPOINT_H

#include "engine/derive/derive.h"

typedef struct weft__checkpoints {
    weft_tape *tape;
    uint32_t hi;         /* the walk begins below it */
    weft__scope **scope; /* (n) those that reach below hi and have not been walked through, in the order in which the walk meets them */
    size_t n, met;
    uint32_t *copy;      /* (hi) of each node in a scope that was met, the last one; WEFT_NO_ID: none */
    uint32_t *late;      /* (hi) a node from outside a scope, as its copies read it; WEFT_NO_ID: none */
    uint32_t *late_for;  /* (hi) the scope that this is for, by its place in the list */
} weft__checkpoints;

/* The scopes with nodes in lo <= id < hi. Takes memory only if there are any. False: out of memory, and there is nothing to free. */
bool weft__checkpoints_find(weft__checkpoints *c, weft_tape *tape, uint32_t lo, uint32_t hi);
void weft__checkpoints_free(weft__checkpoints *c);

/* The walk comes to node id. Where scopes end there, records the copies that the rules of the nodes `needed` may ask for, once what `adjoint` has for
 * these nodes is there. Both arrays begin with node lo; an adjoint is WEFT_NO_ID where there is none. */
void weft__checkpoints_meet(weft__checkpoints *c, uint32_t id, uint32_t lo, const uint8_t *needed, const uint32_t *adjoint);

/* Node `of`, and one that it reads, as the rule of `of` is to see them. */
weft_node weft__checkpoints_value(const weft__checkpoints *c, uint32_t of);
weft_node weft__checkpoints_operand(const weft__checkpoints *c, uint32_t of, uint32_t operand);

#endif
