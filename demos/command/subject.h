/* subject.h: an expression with its arrays, what to differentiate it by and where the gradient starts, as people type them: what the commands that explain
 * have in common. A preset's name stands for all of it, and what is typed beside it counts more. */
#ifndef WEFT_DEMOS_SUBJECT_H
#define WEFT_DEMOS_SUBJECT_H

#include "demos/presets.h"
#include "named.h"

#define SUBJECT_USAGE                                                                                                                               \
    "  NAME=WHAT              an array of the expression, also behind --in: a number, [[1,2],[3,4]], (4,3) for normal numbers of that shape,\n"     \
    "                         FILE.npy, FILE.npz or FILE.npz:ENTRY\n"                                                                               \
    "  --wrt NAME,...         gradients with respect to these, arrays or what the expression names (default all arrays but those of indices)\n"     \
    "  --cotangent WHAT       dy, so that the loss is sum(dy * y): an array of the result's shape (default ones)\n"                                 \
    "  --dtype f32|f64        of the numbers (default f64 unless all files are f32)\n"                                                              \
    "  --seed N               of normal numbers (default 1)\n"

enum { SUBJECT_IN = 2000, SUBJECT_WRT, SUBJECT_COTANGENT, SUBJECT_DTYPE, SUBJECT_SEED, SUBJECT_PRESETS, SUBJECT_THROUGH };

/* For the table of getopt_long(). */
#define SUBJECT_OPTIONS                                                                                                                             \
    {"in", required_argument, NULL, SUBJECT_IN}, {"wrt", required_argument, NULL, SUBJECT_WRT}, {"through", required_argument, NULL, SUBJECT_THROUGH}, \
    {"cotangent", required_argument, NULL, SUBJECT_COTANGENT}, {"dtype", required_argument, NULL, SUBJECT_DTYPE},                                     \
    {"seed", required_argument, NULL, SUBJECT_SEED}, {"presets", no_argument, NULL, SUBJECT_PRESETS}, LIMITS_OPTIONS

typedef struct subject {
    const char *command, *expression;
    const preset *preset; /* or NULL */
    const char *wrt[MOST_NAMED], *through[MOST_NAMED];
    size_t n_wrt, n_through;
    named_list in, cotangent;
    generator g;
    bool dtype_given;
    weft_dtype dtype;
    limits limits;
    weft_tape *tape;
    weft_node y;
    weft_node x[MOST_NAMED], by[MOST_NAMED]; /* (n_x), (n_by): those of --wrt and --through */
    size_t n_x, n_by;
    weft_trace_options trace; /* of all this */
    weft_binding bind[2 * MOST_NAMED];
} subject;

void subject_begin(subject *s, const char *command);
bool subject_set(subject *s, int option, const char *value); /* false after saying on stderr what is wrong */
bool subject_words(subject *s, int argc, char **argv);       /* those behind the options */
bool subject_record(subject *s);                             /* the tape, y, and what trace points to */
bool subject_allow(subject *s);                              /* whether a walk, and the check if there is one, stay within the limits */
void subject_end(subject *s);

void subject_print_presets(void);

#endif
