/* named.h: arrays by name, as people type them: x=FILE.npy, x=FILE.npz, x=FILE.npz:ENTRY, x=2.5,
 * x=[[1,2],[3,4]], and x=(4,3) for normal numbers of that shape. */
#ifndef WEFT_DEMOS_NAMED_H
#define WEFT_DEMOS_NAMED_H

#include "limits.h"
#include "sample.h"

enum { MOST_NAMED = 64, NAMED_LENGTH = 64 };

typedef struct named {
    char name[NAMED_LENGTH];
    const char *from; /* as typed */
    weft_array array;
    bool random; /* its numbers are for named_draw() to draw */
    weft_node node; /* its input on the tape, once there is one */
} named;

typedef struct named_list {
    const char *command, *option; /* for what is said on stderr */
    limits *limits;
    named item[MOST_NAMED];
    size_t n;
} named_list;

/* Adds what is typed, NAME=WHAT; unnamed: "NAME=" may be missing, and the name is "" then. False after saying on stderr what is wrong. */
bool named_add(named_list *list, const char *text, bool unnamed);
bool named_add_shape(named_list *list, const char *option, const char *text); /* NAME=4,3: normal numbers of that shape */
void named_draw(named_list *list, generator *g);
void named_free(named_list *list);

bool named_has(const named_list *list, const char *name, size_t length);
named *named_find(named_list *list, const char *name, size_t length); /* NULL: there is none, as stderr says */
bool named_pick(named_list *list, const char *names, named **picked, size_t *n); /* "x,gamma"; picked (MOST_NAMED), each once */

/* f64 if one of the arrays is, else f32; f64 where there is none. */
weft_dtype named_dtype(const named_list *list);
bool named_convert(named_list *list, weft_dtype dtype); /* all but i64 */

/* An input on the tape for each, called prefix and name. */
void named_inputs(named_list *list, weft_tape *tape, const char *prefix);
void named_bind(const named_list *list, weft_program *program);

/* The expression over the arrays of the list; a failed node after saying on stderr what is wrong. */
weft_node named_parse(const named_list *list, weft_tape *tape, const char *expression);

/* The first word behind the options, the expression, after adding the words behind it, each NAME=WHAT; NULL after saying on stderr what is wrong. */
const char *named_expression(named_list *list, int argc, char **argv);

#endif
