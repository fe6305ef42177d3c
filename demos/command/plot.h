/* plot.h: line charts as SVG, for a browser or a paper, light or dark. */
#ifndef WEFT_DEMOS_PLOT_H
#define WEFT_DEMOS_PLOT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct series {
    const char *name;
    const double *y; /* (n), at x = 1, 2, ... n; NaN leaves a gap */
    size_t n;
} series;

typedef struct chart {
    const char *title, *x_label, *y_label;
    bool logarithmic; /* the y axis */
    const series *line;
    size_t lines; /* at most 6 */
} chart;

/* Writes charts below each other; false after saying on stderr what is wrong. */
bool plot_write(const char *path, const chart *charts, size_t n);

#endif
