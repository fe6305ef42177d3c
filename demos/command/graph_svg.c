/* graph_svg.c: see graph_svg.h. A node stands below all its operands; within a row nodes are ordered by where their operands are, and then by where
 * their users are, a few times, so that few lines cross. Source of that: Sugiyama, Tagawa and Toda, 1981. */
#include "graph_svg.h"

#include "array_text.h"
#include "plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 60, BOX_WIDTH = 132, BOX_HEIGHT = 40, GAP_X = 16, GAP_Y = 30, MARGIN = 60 /* room for lines that go around */, TOP = 10, SWEEPS = 6 };

typedef struct box {
    weft_node node;
    int row;
    double place; /* within the row: what it is sorted by, then its number */
} box;

typedef struct drawing {
    box box[MOST_NODES]; /* in the order of the tape */
    int n, rows;
    int in_row[MOST_NODES];
} drawing;

static int box_of(const drawing *d, weft_node x)
{
    for (int k = 0; k < d->n; k++)
        if (d->box[k].node.id == x.id)
            return k;
    return -1;
}

/* Broadcasts and constants of one value say nothing that shapes do not. */
static bool is_shown(weft_node x)
{
    return !weft_node_scalar(x, NULL);
}

static bool collect(drawing *d, weft_node y)
{
    weft_node wanted[MOST_NODES];
    int n = 1;
    wanted[0] = y;
    while (n) { /* the latest node first: its users have all been seen */
        int latest = 0;
        for (int k = 1; k < n; k++)
            latest = wanted[k].id > wanted[latest].id ? k : latest;
        weft_node x = wanted[latest];
        wanted[latest] = wanted[--n];
        if (d->n == MOST_NODES)
            return false;
        memmove(d->box + 1, d->box, (size_t)d->n++ * sizeof *d->box);
        d->box[0] = (box){.node = x};
        for (int i = 0; i < weft_node_operand_count(x); i++) {
            weft_node operand = weft_node_operand(x, i);
            bool seen = !is_shown(operand);
            for (int k = 0; k < n && !seen; k++)
                seen = wanted[k].id == operand.id;
            if (seen)
                continue;
            if (n == MOST_NODES)
                return false;
            wanted[n++] = operand;
        }
    }
    return true;
}

static void find_rows(drawing *d)
{
    for (int k = 0; k < d->n; k++) {
        box *b = &d->box[k];
        for (int i = 0; i < weft_node_operand_count(b->node); i++) {
            int from = box_of(d, weft_node_operand(b->node, i));
            b->row = from >= 0 && d->box[from].row >= b->row ? d->box[from].row + 1 : b->row;
        }
        b->place = d->in_row[b->row]++;
        d->rows = b->row >= d->rows ? b->row + 1 : d->rows;
    }
}

static bool uses(const drawing *d, int user, int operand)
{
    for (int i = 0; i < weft_node_operand_count(d->box[user].node); i++)
        if (weft_node_operand(d->box[user].node, i).id == d->box[operand].node.id)
            return true;
    return false;
}

static double centre(const drawing *d, int k)
{
    return d->box[k].place - (d->in_row[d->box[k].row] - 1) / 2.0;
}

/* Sorts a row by the mean place of what its nodes are joined to above, or below. */
static void sort_row(drawing *d, int row, bool by_operands)
{
    double key[MOST_NODES];
    int order[MOST_NODES], n = 0;
    for (int k = 0; k < d->n; k++) {
        if (d->box[k].row != row)
            continue;
        double sum = 0;
        int joined = 0;
        for (int other = 0; other < d->n; other++)
            if (by_operands ? uses(d, k, other) : uses(d, other, k)) {
                sum += centre(d, other);
                joined++;
            }
        key[k] = joined ? sum / joined : centre(d, k);
        int at = n++;
        for (; at > 0 && key[order[at - 1]] > key[k]; at--)
            order[at] = order[at - 1];
        order[at] = k;
    }
    for (int i = 0; i < n; i++)
        d->box[order[i]].place = i;
}

static double left_of(const drawing *d, int k, double width)
{
    int n = d->in_row[d->box[k].row];
    double row = n * BOX_WIDTH + (n - 1) * GAP_X;
    return (width - row) / 2 + d->box[k].place * (BOX_WIDTH + GAP_X);
}

static double top_of(const drawing *d, int k)
{
    return TOP + d->box[k].row * (BOX_HEIGHT + GAP_Y);
}

static void print_box(FILE *out, const drawing *d, int k, double width)
{
    weft_node x = d->box[k].node;
    weft_shape shape = weft_node_shape(x);
    char text[ARRAY_SHAPE], line[80];
    double left = left_of(d, k, width), top = top_of(d, k);
    const char *name = weft_node_name(x), *op = weft_op_name(weft_node_op(x));
    bool leaf = !weft_node_operand_count(x);
    fprintf(out, "<g class=\"%s\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"6\"/>", leaf ? "leaf" : "node", left, top, BOX_WIDTH, BOX_HEIGHT);
    snprintf(line, sizeof line, *name && strcmp(name, op) ? "%.24s: %.24s" : "%.0s%.24s", name, leaf && *name ? name : op);
    if (leaf && *name)
        snprintf(line, sizeof line, "%.30s", name);
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">", left + BOX_WIDTH / 2.0, top + 17);
    plot_escape(out, line);
    fprintf(out, "</text><text class=\"shape\" x=\"%.1f\" y=\"%.1f\">", left + BOX_WIDTH / 2.0, top + 32);
    plot_escape(out, array_shape(&shape, text));
    fputs("</text></g>\n", out);
}

/* From row to row an edge goes from box to box; further down it leaves and arrives at their sides, and so passes those between. */
static void print_edge(FILE *out, const drawing *d, int from, int to, double width)
{
    double half = BOX_WIDTH / 2.0, x0 = left_of(d, from, width) + half, x1 = left_of(d, to, width) + half;
    double y0 = top_of(d, from) + BOX_HEIGHT, y1 = top_of(d, to), bend = (y1 - y0) / 2, xa = x0, xb = x1;
    if (d->box[to].row - d->box[from].row > 1) {
        double side = x0 + x1 < width ? -1 : 1, far = side < 0 ? fmin(x0, x1) : fmax(x0, x1);
        xa = xb = far + side * (half + 50);
        x0 += side * half;
        x1 += side * half;
        y0 -= BOX_HEIGHT / 2.0;
        y1 += BOX_HEIGHT / 2.0;
        bend = 10;
    }
    fprintf(out, "<path class=\"edge\" d=\"M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f\"/>\n", x0, y0, xa, y0 + bend, xb, y1 - bend, x1, y1);
}

bool graph_svg_print(FILE *out, weft_node y, const char *title)
{
    drawing *d = calloc(1, sizeof *d);
    if (!d || weft_node_failed(y) || !collect(d, y)) {
        free(d);
        return false;
    }
    find_rows(d);
    for (int s = 0; s < SWEEPS; s++)
        for (int row = 1; row < d->rows; row++)
            sort_row(d, s % 2 ? d->rows - 1 - row : row, s % 2 == 0);
    int most = 1;
    for (int row = 0; row < d->rows; row++)
        most = d->in_row[row] > most ? d->in_row[row] : most;
    double width = most * BOX_WIDTH + (most - 1) * GAP_X + 2 * MARGIN, height = d->rows * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * TOP;
    fprintf(out, "<svg class=\"graph\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\"><title>", width, height, width, height);
    plot_escape(out, title);
    fputs("</title>\n", out);
    for (int user = 0; user < d->n; user++)
        for (int k = 0; k < d->n; k++)
            if (uses(d, user, k))
                print_edge(out, d, k, user, width);
    for (int k = 0; k < d->n; k++)
        print_box(out, d, k, width);
    fputs("</svg>\n", out);
    free(d);
    return true;
}
