/* heat.c: see heat.h. */
#include "heat.h"
#include "terminal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_COLUMNS = 8, MOST_SHOWN = 64, CELL = 10, BLOCK = 3 };

double heat_value(weft_node of, const void *data, size_t element)
{
    switch (weft_node_dtype(of)) {
    case WEFT_F32:
        return (double)((const float *)data)[element];
    case WEFT_F64:
        return ((const double *)data)[element];
    default:
        return (double)((const int64_t *)data)[element];
    }
}

/* Nothing, then quarters of the largest. */
static void print_block(const heat *h, double value, double largest)
{
    static const char *const blocks[2][5] = {{"\302\267", "\342\226\221", "\342\226\222", "\342\226\223", "\342\226\210"}, {".", ":", "o", "O", "@"}};
    double share = fabs(value) / largest;
    int sign = value > 0 ? 1 : value < 0 ? -1 : 0, shade = !sign ? 0 : !(share < 1) ? 4 : 1 + (int)(4 * share);
    if (isnan(value))
        printf(" nan");
    else
        printf(" %s%c%s%s", paint_sign(sign), sign > 0 ? '+' : sign < 0 ? '-' : ' ', blocks[h->ascii][shade], sign ? paint_end() : "");
}

static void print_row(const heat *h, int indent, weft_node of, const void *data, size_t first, size_t columns, double largest, int behind)
{
    bool room = indent + (int)columns * (CELL + BLOCK) + 2 + behind < h->width;
    printf("%*s", indent, "");
    for (size_t k = 0; k < columns; k++) {
        double value = heat_value(of, data, first + k);
        printf("%*.4g", CELL, value == 0 ? 0 : value);
    }
    printf("%s", room ? "  " : "");
    for (size_t k = 0; k < columns && room; k++)
        print_block(h, heat_value(of, data, first + k), largest);
}

static void print_summary(int indent, weft_node of, const void *data, size_t count)
{
    double low = INFINITY, high = -INFINITY, sum = 0;
    size_t not_finite = 0;
    for (size_t i = 0; i < count; i++) {
        double value = heat_value(of, data, i);
        if (!isfinite(value)) {
            not_finite++;
            continue;
        }
        low = fmin(low, value);
        high = fmax(high, value);
        sum += value;
    }
    printf("%*s%zu numbers", indent, "", count);
    if (count > not_finite)
        printf(" from %.4g to %.4g, mean %.4g", low, high, sum / (double)(count - not_finite));
    if (not_finite)
        printf(", %zu not finite", not_finite);
    printf("\n");
}

void heat_print(const heat *h, int indent, weft_node of, const void *data)
{
    weft_shape shape = weft_node_shape(of);
    size_t count = weft_shape_count(&shape), columns = shape.rank ? shape.dim[shape.rank - 1] : 1, rows = columns ? count / columns : 0, alike = 1;
    double largest = 0;
    if (count > MOST_SHOWN || columns > MOST_COLUMNS || !count) {
        print_summary(indent, of, data, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(heat_value(of, data, i)));
    size_t bytes = columns * weft_dtype_size(weft_node_dtype(of));
    while (alike < rows && !memcmp(data, (const char *)data + alike * bytes, bytes))
        alike++;
    for (size_t i = 0; i < (alike == rows ? 1 : rows); i++) {
        print_row(h, indent, of, data, i * columns, columns, largest, alike == rows && rows > 1 ? (int)sizeof " in each of 64 rows" : 0);
        printf(alike == rows && rows > 1 ? "   in each of %zu rows\n" : "\n", rows);
    }
}
