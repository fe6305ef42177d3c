/* report.h: a comparison as one page of HTML that needs nothing else: no scripts, light and dark, on paper too. */
#ifndef WEFT_DEMOS_REPORT_H
#define WEFT_DEMOS_REPORT_H

#include "plot.h"
#include "weft.h"

enum { REPORT_CHARTS = 3 };

typedef struct report {
    const char *expression[2];
    const char *const *gradient; /* by hand, of the second: (n); or NULL */
    const weft_compare_input *input;
    size_t n;
    const char *verdict; /* in a word */
    const weft_comparison *comparison;
    const weft_compare_options *options;
    const chart *charts; /* (n_charts), each on the same points for all of its lines */
    const char *const *notes; /* (n_charts): what to see in it */
    size_t n_charts;
    weft_node graph[2]; /* y of each side */
} report;

bool report_write(const char *path, const report *r); /* false after saying on stderr what is wrong */

#endif
