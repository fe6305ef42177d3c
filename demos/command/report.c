/* report.c: see report.h. */
#include "report.h"

#include "graph_svg.h"
#include "terminal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is wider than a phone scrolls in a box of its own, by keys too. */
#define SCROLL "<div class=\"scroll\" tabindex=\"0\">"

static const char style[] =
    ":root{--ink:#222;--paper:#fff;--faint:#8886;--good:#1a7f4b;--bad:#b3261e}"
    "@media screen{:root{color-scheme:light dark}}@media screen and (prefers-color-scheme:dark)"
    "{:root{--ink:#ddd;--paper:#1b1b1b;--good:#5fcf95;--bad:#ff8a80}}"
    "body{font:16px/1.5 sans-serif;color:var(--ink);background:var(--paper);max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}code,pre{font-family:monospace;font-size:.9rem;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;margin:.5rem 0}th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid var(--faint)}"
    "th:first-child,td:first-child{text-align:left}.good{color:var(--good)}.bad{color:var(--bad)}.verdict{font-size:1.15rem}"
    ".scroll{overflow-x:auto;margin:0}svg{max-width:100%;height:auto}.scroll svg{min-width:34rem}.scroll .graph{min-width:0;max-width:none}.graph{background:none;color:var(--ink)}"
    ".graph text{fill:var(--ink);font:12px sans-serif;text-anchor:middle}"
    ".graph .shape{opacity:.7;font-size:11px}.graph rect{fill:var(--paper);stroke:var(--ink)}.graph .leaf rect{stroke-dasharray:4 3}"
    ".graph .edge{fill:none;stroke:var(--ink);opacity:.6}details{margin:.25rem 0 1rem}"
    "@media print{body{max-width:none;margin:0}h2{break-after:avoid}figure,table,svg{break-inside:avoid}}";

static void text(FILE *out, const char *before, const char *words, const char *after)
{
    fputs(before, out);
    plot_escape(out, words);
    fputs(after, out);
}

static void print_head(FILE *out, const report *r)
{
    const weft_comparison *c = r->comparison;
    bool good = c->agreement == WEFT_SIDES_AGREE;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n", out);
    text(out, "<title>", r->expression[0], " against ");
    text(out, "", r->expression[1], "</title>\n");
    fprintf(out, "<style>%s</style>\n</head>\n<body>\n<main>\n<h1>Two sides compared</h1>\n", style);
    text(out, "<p>First: <code>", r->expression[0], "</code><br>\n");
    text(out, "Second: <code>", r->expression[1], "</code></p>\n");
    for (size_t i = 0; r->gradient && i < r->n; i++)
        if (r->gradient[i]) {
            text(out, "<p>Its gradient of ", r->input[i].name, " by hand: <code>");
            text(out, "", r->gradient[i], "</code></p>\n");
        }
    fprintf(out, "<p class=\"verdict %s\"><strong>%s %s.</strong> ", good ? "good" : "bad", good ? "&#10003;" : "&#10007;", r->verdict);
    text(out, "", c->message, "</p>\n");
    fprintf(out, "<p>%zu case%s in f64: values, gradients for a random cotangent, derivatives along random directions%s; both refused %zu "
                 "shape%s.</p>\n",
            c->trials, c->trials == 1 ? "" : "s", r->options->first_order ? "" : ", second derivatives", c->refused, c->refused == 1 ? "" : "s");
    fputs("<h2>Inputs</h2>\n<table><thead><tr><th scope=\"col\">name</th><th scope=\"col\">shape</th><th scope=\"col\">numbers</th></tr></thead><tbody>\n", out);
    for (size_t i = 0; i < r->n; i++) {
        const weft_compare_input *in = &r->input[i];
        text(out, "<tr><td>", in->name, "</td>");
        text(out, "<td>(", in->shape ? in->shape : "", ")</td><td>");
        if (in->below)
            text(out, "indices below ", in->below, "");
        else if (in->low == 0 && in->high == 0)
            fputs("any", out);
        else
            fprintf(out, "%g to %g", in->low, in->high);
        fputs(in->constant ? ", constant</td></tr>\n" : "</td></tr>\n", out);
    }
    fputs("</tbody></table>\n", out);
}

static void print_measured(FILE *out, const report *r)
{
    const weft_comparison *c = r->comparison;
    char time[UNIT_TEXT], bytes[4][UNIT_TEXT];
    fprintf(out, "<h2>Errors in %s, at", weft_dtype_name(r->options->dtype));
    for (size_t k = 0; k < r->options->n_size; k++)
        fprintf(out, "%s %s = %zu", k ? "," : "", r->options->size[k].name, r->options->size[k].value);
    fprintf(out, "</h2>\n<p>In units in the last place of each result's largest entry; the truth is the first side in %s.</p>\n",
            c->truth == WEFT_TRUTH_MPFR ? "MPFR, with 256 bits or more" : "f64");
    fputs("<table><thead><tr><th scope=\"col\">result</th>"
          "<th scope=\"col\">apart</th><th scope=\"col\">first</th><th scope=\"col\">second</th></tr></thead><tbody>\n", out);
    for (size_t k = 0; k < c->n_results; k++) {
        const weft_compared *at = &c->result[k];
        if (isnan(at->max_ulp))
            continue;
        text(out, "<tr><td>", at->name, "</td>");
        fprintf(out, "<td>%.3g</td><td>%.3g</td><td>%.3g</td></tr>\n", at->max_ulp, at->error[0], at->error[1]);
    }
    fputs("</tbody></table>\n<h2>Costs there, of y and the gradients</h2>\n" SCROLL "<table><thead><tr><th scope=\"col\">side</th><th scope=\"col\">a run</th>"
          "<th scope=\"col\">passes</th><th scope=\"col\">read</th><th scope=\"col\">written</th><th scope=\"col\">peak</th>"
          "<th scope=\"col\">kept for the gradient</th></tr></thead><tbody>\n", out);
    for (int s = 0; s < 2; s++) {
        const weft_cost *at = &c->cost[s];
        fprintf(out, "<tr><td>%s</td><td>%s</td><td>%zu</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", s ? "second" : "first",
                print_seconds(at->seconds, time), at->traffic.passes, print_bytes((double)at->traffic.bytes_read, bytes[0]),
                print_bytes((double)at->traffic.bytes_written, bytes[1]), print_bytes((double)at->memory.peak, bytes[2]),
                print_bytes((double)at->memory.kept, bytes[3]));
    }
    fputs("</tbody></table></div>\n", out);
}

/* A chart, and its numbers for who cannot see it. */
static void print_chart(FILE *out, const chart *c, const char *note)
{
    text(out, "<h2>", c->title, "</h2>\n");
    text(out, "<p>", note, "</p>\n<figure class=\"scroll\" tabindex=\"0\">\n");
    plot_print(out, c, 1);
    text(out, "</figure>\n<details><summary>The numbers</summary>\n" SCROLL "<table><thead><tr><th scope=\"col\">", c->x_label, "</th>");
    for (size_t k = 0; k < c->lines; k++)
        text(out, "<th scope=\"col\">", c->line[k].name, "</th>");
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; c->lines && i < c->line[0].n; i++) {
        text(out, "<tr><td>", c->x_text[i], "</td>");
        for (size_t k = 0; k < c->lines; k++)
            if (isfinite(c->line[k].y[i]))
                fprintf(out, "<td>%.3g</td>", c->line[k].y[i]);
            else
                fputs("<td>&ndash;</td>", out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

static bool write_listing(void *context, const char *words, size_t bytes)
{
    FILE *out = context;
    for (size_t k = 0; k < bytes; k++)
        plot_escape(out, (char[]){words[k], 0});
    return !ferror(out);
}

static void print_graphs(FILE *out, const report *r)
{
    static const char *const names[] = {"first", "second"};
    fputs("<h2>The two graphs</h2>\n", out);
    for (int s = 0; s < 2; s++) {
        char title[80];
        if (weft_node_failed(r->graph[s]))
            continue;
        snprintf(title, sizeof title, "the graph of the %s side, from the inputs down to y", names[s]);
        fprintf(out, "<h3>%s</h3>\n" SCROLL, s ? "Second" : "First");
        if (!graph_svg_print(out, r->graph[s], title))
            fputs("<p>It has too many nodes for a drawing.</p>\n", out);
        fputs("</div>\n<details><summary>The listing</summary>\n<pre>", out);
        weft_print_listing((weft_writer){write_listing, out}, &r->graph[s], 1);
        fputs("</pre></details>\n", out);
    }
}

bool report_write(const char *path, const report *r)
{
    errno = 0;
    FILE *out = fopen(path, "w");
    if (out) {
        print_head(out, r);
        if (r->options->size)
            print_measured(out, r);
        for (size_t k = 0; k < r->n_charts; k++)
            print_chart(out, &r->charts[k], r->notes[k]);
        print_graphs(out, r);
        fputs("</main>\n</body>\n</html>\n", out);
        bool good = !ferror(out);
        if (!fclose(out) && good)
            return true;
    }
    fprintf(stderr, "weft: cannot write %s: %s\n", path, strerror(errno));
    return false;
}
