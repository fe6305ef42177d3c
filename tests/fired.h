/* fired.h: rewriting one node, with a record of the rules that fired, and a proof that the value stays. */
#ifndef WEFT_TESTS_FIRED_H
#define WEFT_TESTS_FIRED_H

#include "weft_op.h"

#include <check.h>
#include <string.h>

enum { MOST_FIRED = 64 };

typedef struct record {
    const char *rule[MOST_FIRED];
    size_t n;
} record;

static inline void note(void *context, const weft_rule *rule, weft_node before, weft_node after)
{
    record *r = context;
    ck_assert(!weft_node_failed(before) && !weft_node_failed(after));
    if (r->n < MOST_FIRED)
        r->rule[r->n++] = rule->name;
}

static inline bool fired(const record *r, const char *rule)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->rule[i], rule))
            return true;
    return false;
}

static inline weft_node rewrite(weft_node y, weft_rewriting level, record *r)
{
    weft_node z;
    ck_assert_msg(weft_rewrite(&y, 1, level, note, r, &z) == WEFT_OK, "%s", weft_tape_message(y.tape));
    ck_assert_int_eq(weft_tape_verify(y.tape), WEFT_OK);
    return z;
}

/* Rewriting changes nothing: exactly, in the fields of weft_prove(). */
static inline void expect_proved(const char *rule, weft_node before, weft_node after)
{
    weft_proof proof;
    ck_assert_msg(weft_prove(&before, &after, 1, NULL, &proof) == WEFT_OK, "%s", weft_tape_message(before.tape));
    ck_assert_msg(proof.verdict == WEFT_PROVED, "%s: %s", rule, proof.message);
}

#endif
