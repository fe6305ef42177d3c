/* plot.h: line charts as SVG, for a browser or a paper, light or dark. */
#ifndef WEFT_DEMOS_PLOT_H
#define WEFT_DEMOS_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct series {
    const char *name;
    const double *y; /* (n), at x = 1, 2, ... n; NaN leaves a gap */
    size_t n;
} series;

typedef struct chart {
    const char *title, *x_label, *y_label;
    bool logarithmic; /* the y axis */
    const char *const *x_text; /* (n), what stands below the points; NULL: their numbers */
    const series *line;
    size_t lines; /* at most 6 */
} chart;

void plot_escape(FILE *out, const char *text); /* text for SVG and HTML, attributes included */
void plot_print(FILE *out, const chart *charts, size_t n); /* charts below each other, as one svg element */

/* The same as a file; false after saying on stderr what is wrong. */
bool plot_write(const char *path, const chart *charts, size_t n);

#endif
