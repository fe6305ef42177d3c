/* plot.c: see plot.h. Text and axes take currentColor, which the style block sets for light and for dark; lines differ in colour and in
 * dash, so that they can be told apart without colour. */
#include "plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 300, LEFT = 84, RIGHT = 150, TOP = 40, BOTTOM = 48, COLOURS = 6 };

static const char *const colour[COLOURS] = {"#d95f02", "#1b78b5", "#9b62cf", "#1b9e77", "#b5306a", "#8a6d00"};
static const char *const dash[COLOURS] = {"none", "7 4", "2 3", "10 3 2 3", "12 4", "4 2"};

typedef struct frame {
    double low, high; /* of y, as drawn: logarithms on a logarithmic axis */
    size_t n;         /* of x */
    bool logarithmic;
    int top;
} frame;

static double scaled(const frame *f, double y)
{
    return f->logarithmic ? log10(y) : y;
}

static double at_x(const frame *f, double x)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * (f->n > 1 ? (x - 1) / (double)(f->n - 1) : 0.5);
}

static double at_y(const frame *f, double s)
{
    return f->top + TOP + (HEIGHT - TOP - BOTTOM) * (1 - (s - f->low) / (f->high - f->low));
}

static frame fit(const chart *c, int top)
{
    frame f = {.low = INFINITY, .high = -INFINITY, .logarithmic = c->logarithmic, .top = top};
    for (size_t k = 0; k < c->lines; k++) {
        f.n = c->line[k].n > f.n ? c->line[k].n : f.n;
        for (size_t i = 0; i < c->line[k].n; i++) {
            double s = scaled(&f, c->line[k].y[i]);
            if (isfinite(s)) {
                f.low = fmin(f.low, s);
                f.high = fmax(f.high, s);
            }
        }
    }
    if (!(f.high > f.low)) {
        f.low = isfinite(f.low) ? f.low - 1 : 0;
        f.high = f.low + 2;
    }
    if (f.logarithmic && f.high - f.low < 1) { /* so that a tick falls into it */
        double middle = (f.low + f.high) / 2;
        f.low = middle - 0.5;
        f.high = middle + 0.5;
    }
    double margin = 0.04 * (f.high - f.low);
    f.low -= margin;
    f.high += margin;
    return f;
}

/* 1, 2 or 5 times a power of ten, so that about `want` of them fit. */
static double tick_step(double range, double want)
{
    double power = pow(10, floor(log10(range / want))), rest = range / want / power;
    return power * (rest > 5 ? 10 : rest > 2 ? 5 : rest > 1 ? 2 : 1);
}

void plot_escape(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
}

static void print_text(FILE *out, double x, double y, const char *attributes, const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
    plot_escape(out, text);
    fputs("</text>\n", out);
}

static void print_y_tick(FILE *out, const frame *f, double s)
{
    char text[32];
    double y = at_y(f, s);
    fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", LEFT, WIDTH - RIGHT, y, y);
    snprintf(text, sizeof text, "%.3g", f->logarithmic ? pow(10, s) : s);
    print_text(out, LEFT - 8, y + 4, "text-anchor=\"end\"", text);
}

static void print_y_ticks(FILE *out, const frame *f)
{
    if (f->logarithmic) { /* 1, 2 and 5 of each decade; over many decades only 1 */
        static const double of_decade[] = {1, 2, 5};
        for (double decade = floor(f->low); decade <= f->high; decade++)
            for (int i = 0; i < (f->high - f->low > 4 ? 1 : 3); i++) {
                double s = decade + log10(of_decade[i]);
                if (s >= f->low && s <= f->high)
                    print_y_tick(out, f, s);
            }
        return;
    }
    double step = tick_step(f->high - f->low, 5);
    for (double k = ceil(f->low / step); k * step <= f->high; k++)
        print_y_tick(out, f, k * step);
}

static void print_axes(FILE *out, const frame *f, const chart *c)
{
    char text[32];
    print_y_ticks(out, f);
    double every = c->x_text ? 1 : tick_step((double)(f->n > 1 ? f->n - 1 : 1), 8);
    every = every < 1 ? 1 : every;
    for (double x = every; x <= (double)f->n; x += every) {
        snprintf(text, sizeof text, "%.0f", x);
        if (c->x_text)
            snprintf(text, sizeof text, "%s", c->x_text[(size_t)x - 1]);
        print_text(out, at_x(f, x), f->top + HEIGHT - BOTTOM + 18, "text-anchor=\"middle\"", text);
    }
    fprintf(out, "<path class=\"axis\" d=\"M%d %d V%d H%d\"/>\n", LEFT, f->top + TOP, f->top + HEIGHT - BOTTOM, WIDTH - RIGHT);
    print_text(out, LEFT, f->top + 24, "class=\"title\"", c->title);
    print_text(out, (LEFT + WIDTH - RIGHT) / 2.0, f->top + HEIGHT - 10, "text-anchor=\"middle\"", c->x_label);
    char turned[96];
    double middle = f->top + (TOP + HEIGHT - BOTTOM) / 2.0;
    snprintf(turned, sizeof turned, "text-anchor=\"middle\" transform=\"rotate(-90 14 %.1f)\"", middle);
    print_text(out, 14, middle, turned, c->y_label);
}

static void print_line(FILE *out, const frame *f, const series *line, size_t k)
{
    fprintf(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" d=\"", colour[k], dash[k]);
    bool pen_down = false;
    for (size_t i = 0; i < line->n; i++) {
        double s = scaled(f, line->y[i]);
        if (!isfinite(s)) {
            pen_down = false;
            continue;
        }
        fprintf(out, "%c%.1f %.1f ", pen_down ? 'L' : 'M', at_x(f, (double)i + 1), at_y(f, s));
        pen_down = true;
    }
    fputs("\"><title>", out);
    plot_escape(out, line->name);
    fputs("</title></path>\n", out);
    double y = f->top + TOP + 10 + 20 * (double)k;
    fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n", WIDTH - RIGHT + 12,
            WIDTH - RIGHT + 44, y, y, colour[k], dash[k]);
    print_text(out, WIDTH - RIGHT + 50, y + 4, "", line->name);
}

static void print_chart(FILE *out, const chart *c, int top)
{
    frame f = fit(c, top);
    print_axes(out, &f, c);
    for (size_t k = 0; k < c->lines && k < COLOURS; k++)
        print_line(out, &f, &c->line[k], k);
}

void plot_print(FILE *out, const chart *charts, size_t n)
{
    int height = (int)n * HEIGHT;
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n<title>", WIDTH, height, WIDTH,
            height);
    plot_escape(out, n ? charts[0].title : "");
    fputs("</title>\n<style>svg{color:#222;background:#fff;font:13px sans-serif}text{fill:currentColor}.title{font-weight:bold}"
          ".axis{fill:none;stroke:currentColor}.grid{stroke:currentColor;opacity:.15}"
          "@media screen and (prefers-color-scheme:dark){svg{color:#ddd;background:#1b1b1b}}</style>\n",
          out);
    for (size_t i = 0; i < n; i++)
        print_chart(out, &charts[i], (int)i * HEIGHT);
    fputs("</svg>\n", out);
}

bool plot_write(const char *path, const chart *charts, size_t n)
{
    errno = 0;
    FILE *out = fopen(path, "w");
    if (out) {
        plot_print(out, charts, n);
        bool good = !ferror(out);
        if (!fclose(out) && good)
            return true;
    }
    fprintf(stderr, "weft: cannot write %s: %s\n", path, strerror(errno));
    return false;
}
