/* derivation.h: what the parts of a derivation share: the adjoints found so far, the rules that lead to the closed form, and the lines. */
#ifndef WEFT_EXPLAIN_DERIVATION_H
#define WEFT_EXPLAIN_DERIVATION_H

#include "engine/explain/index.h"

typedef struct weft__adjoint { /* of a quantity: NULL until the chain rule has given it */
    const weft__formula *formula;
    weft__index by[WEFT_MAX_RANK];
    bool on_way; /* of the x that is derived by to y */
} weft__adjoint;

typedef struct weft__rule_use { /* what a rule did */
    const weft__formula *after;
    uint32_t node;                /* that it is about; WEFT_NO_ID: none */
    const weft__formula *about;   /* or NULL */
} weft__rule_use;

typedef struct weft__paper_rule {
    const char *name, *proof[3]; /* by notation */
    bool (*apply)(weft__book *b, const weft__adjoint *adjoint, const weft__formula *x, weft__rule_use *use); /* false: it does not apply */
} weft__paper_rule;

extern const weft__paper_rule weft__paper_rules[]; /* in the order in which they are tried */
extern const size_t weft__paper_rule_count;

typedef struct weft__line { /* beside the public one: what it is computed from */
    const weft__formula *formula; /* NULL: it is not checked */
    const weft__index *index;
    size_t output; /* of the program that computes them: the first that is the line's */
    uint32_t value, before, staged; /* nodes; before: WEFT_NO_ID in a first line */
} weft__line;

/* derivation_check.c: values, differences and proofs of the lines. adjoints: (end) */
weft_status weft__check_lines(weft__book *b, weft_derivation *d, weft__line *lines, const uint32_t *adjoints, const weft_binding *bind, size_t n_bind,
                              const weft_derive_options *options);

#endif
