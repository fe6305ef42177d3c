/* needed.h: which nodes some outputs need: what every stage that follows outputs back to their leaves starts with. */
#ifndef WEFT_RECORD_NEEDED_H
#define WEFT_RECORD_NEEDED_H

#include "engine/record/tape.h"

/* One bit a node, for the ids below end, which is one past the last output. */
typedef struct weft__needed {
    weft_tape *tape;
    uint32_t end;
    uint8_t *bits;
} weft__needed;

/* outputs: at least one, all nodes of one tape. WEFT_ERROR_MEMORY leaves nothing to free; the tape's own status stays as it is. */
weft_status weft__needed_find(weft__needed *needed, const weft_node *outputs, size_t n);

/* The same without what views wait for and nothing else reads: what has to be computed. */
weft_status weft__needed_to_compute(weft__needed *needed, const weft_node *outputs, size_t n);
void weft__needed_free(weft__needed *needed);

static inline bool weft__is_needed(const weft__needed *needed, uint32_t id)
{
    return id < needed->end && needed->bits[id / 8] >> id % 8 & 1;
}

#endif
