/* explain_text.h: an explanation as text, a step at a time: what is given, each node forward, each node backward, and what has come of it. */
#ifndef WEFT_DEMOS_EXPLAIN_TEXT_H
#define WEFT_DEMOS_EXPLAIN_TEXT_H

#include "heat.h"
#include "subject.h"

typedef enum step_kind { STEP_GIVEN, STEP_FORWARD, STEP_START, STEP_BACK, STEP_END } step_kind;

typedef struct step {
    step_kind kind;
    size_t at; /* FORWARD: which node; BACK: the first edge of its node */
} step;

typedef struct explanation {
    const subject *s;
    weft_walk walk;
    heat h;
    step *steps; /* (n) */
    size_t n;
    const weft_gradcheck *check; /* (n_x) of the walk; NULL: there is none */
    const char *unchecked;       /* then why */
} explanation;

bool explanation_list(explanation *e); /* the steps, once the walk is there; false: out of memory */
void explanation_title(const explanation *e);
void explanation_step(const explanation *e, size_t k);

#endif
