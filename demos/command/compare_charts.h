/* compare_charts.h: what the page of a comparison draws: error against step, against an offset of the input, time against size. */
#ifndef WEFT_DEMOS_COMPARE_CHARTS_H
#define WEFT_DEMOS_COMPARE_CHARTS_H

#include "report.h"

enum { CHART_POINTS = 11, CHART_LINES = 3 };

typedef struct compare_charts {
    chart chart[REPORT_CHARTS];
    const char *note[REPORT_CHARTS];
    size_t n;
    series line[REPORT_CHARTS][CHART_LINES];
    double y[REPORT_CHARTS][CHART_LINES][CHART_POINTS];
    char text[REPORT_CHARTS][CHART_POINTS][16];
    const char *x_text[REPORT_CHARTS][CHART_POINTS];
} compare_charts;

/* Measures all of it; options has a size. What cannot be measured has no points, or no chart. false: out of memory. */
bool compare_charts_measure(compare_charts *c, const weft_side sides[2], const weft_compare_input *inputs, size_t n, const weft_compare_options *options);

#endif
