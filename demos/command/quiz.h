/* quiz.h: questions about derivatives, drawn from a seed. Answers come from the engine: a shape or a number from the graph that the question is about, a
 * choice from a formula that `weft check --claimed` judges alike.
 *
 *     quiz_shapes.c    which shape, of a value or of a gradient
 *     quiz_values.c    f and df/dx of small scalar graphs
 *     quiz_claims.c    a gradient that somebody derived: which sum is missing, which path was forgotten
 *     quiz_code.c      the gradient of batch normalization as a C function that the learner writes
 *     quiz_sheet.c     questions on paper, and their key
 *     quiz.c           the command: it asks, reads answers and counts */
#ifndef WEFT_DEMOS_QUIZ_H
#define WEFT_DEMOS_QUIZ_H

#include "sample.h"

#include <stdio.h>

enum { QUIZ_CHOICES = 6, QUIZ_ARRAYS = 4, QUIZ_TEXT = 1024, QUIZ_LINE = 160 };

typedef enum quiz_topic { QUIZ_SHAPES, QUIZ_VALUES, QUIZ_SUMS, QUIZ_PATHS, QUIZ_TOPICS } quiz_topic;
typedef enum quiz_kind { QUIZ_SHAPE, QUIZ_NUMBER, QUIZ_CHOICE } quiz_kind;

extern const char *const quiz_topic_name[QUIZ_TOPICS];

typedef struct quiz_array {
    const char *name;
    weft_shape shape;
    double value; /* of a scalar */
} quiz_array;

typedef struct quiz_question {
    quiz_topic topic;
    quiz_kind kind;
    char given[QUIZ_TEXT];  /* lines: what there is */
    char ask[QUIZ_TEXT];    /* the question */
    char answer[QUIZ_LINE]; /* in words, for the key */
    char because[QUIZ_TEXT];
    weft_shape shape;       /* the answer */
    double number;
    int right, choices;     /* the answer, from 0; of so many */
    const char *choice[QUIZ_CHOICES];
    /* what it is about, for programs */
    char expression[QUIZ_TEXT], claimed[QUIZ_LINE];
    const char *wrt;        /* NULL: the value */
    quiz_array array[QUIZ_ARRAYS];
    int arrays;
} quiz_question;

/* Draws a question; false when the engine refuses it, as stderr says: out of memory. */
bool quiz_draw(quiz_topic topic, generator *g, quiz_question *q);
bool quiz_draw_shape(generator *g, quiz_question *q);
bool quiz_draw_value(generator *g, quiz_question *q);
bool quiz_draw_sum(generator *g, quiz_question *q);
bool quiz_draw_path(generator *g, quiz_question *q);

/* The lengths of one question, all different: letters N, D and K stand for them, digits for themselves, as "N1" for (N, 1). */
typedef struct quiz_lengths {
    size_t n, d, k;
} quiz_lengths;

quiz_lengths quiz_draw_lengths(generator *g);
size_t quiz_below(generator *g, size_t n); /* 0 to n - 1 */
void quiz_order(generator *g, size_t n, size_t *order); /* 0 to n - 1, shuffled */

/* Reads "h:ND gamma:D" into the arrays of the question, and adds a line to `given`: "h has the shape (4, 3), gamma has (3,)". names stay the caller's. */
typedef struct quiz_names {
    const char *name, *shape;
} quiz_names;
void quiz_add_arrays(quiz_question *q, const quiz_names *arrays, quiz_lengths lengths);
bool quiz_record(const quiz_question *q, weft_tape *tape, weft_node *x, weft_node *y); /* x: (arrays); false: the tape says why */

/* Whether an answer is right; -1: it cannot be read. */
int quiz_judge(const quiz_question *q, const char *answer);

/* Questions on paper, as text or as a document for LaTeX; with the answers: a key. */
bool quiz_sheet_write(const char *path, const quiz_question *q, size_t n, uint64_t seed, bool key);

/* The exercise in C. False: what is wrong stands on stderr. */
bool quiz_code_start(const char *path);             /* writes the file to begin with; it must not be there yet */
int quiz_code_check(const char *path, bool json);   /* exit code */

#endif
