/* presets.h: examples that people call by name: `weft explain batchnorm`, and the list of the explorer in the browser. */
#ifndef WEFT_DEMOS_PRESETS_H
#define WEFT_DEMOS_PRESETS_H

#include <stddef.h>

enum { PRESET_ARRAYS = 6 };

typedef struct preset {
    const char *name, *title;
    const char *teaches;    /* one sentence */
    const char *expression; /* see weft_parse(); its last line has a name */
    const char *arrays[PRESET_ARRAYS]; /* "h=[[1, 2], [3, 4]]", f64; NULL behind the last */
    const char *wrt;        /* "h,gamma": gradients with respect to these */
    const char *through;    /* "mu,sigma2": nodes that tell the paths of the first of them apart; NULL: none */
    const char *cotangent;  /* an array of the result's shape; NULL: the result is one number */
} preset;

size_t preset_count(void);
const preset *preset_at(size_t i);           /* NULL beyond the last */
const preset *preset_find(const char *name); /* NULL: there is none */

#endif
