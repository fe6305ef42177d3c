/* derive_text.c: see derive_text.h. */
#include "derive_text.h"
#include "array_text.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- for the terminal --- */

static bool continues(char c) /* a byte that begins no character of UTF-8 */
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Columns of the first n bytes; a combining circumflex has none. */
static size_t columns(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += !continues(text[i]) && (unsigned char)text[i] != 0xcc;
    return count;
}

/* Where a line may end: before a sign or a sum that has room on both sides. */
static bool may_break(const char *at, bool ascii)
{
    if (at[0] != ' ' || !at[1])
        return false;
    return !strncmp(at, " + ", 3) || !strncmp(at, " - ", 3) || !strncmp(at, " −", 4) || !strncmp(at, ascii ? " sum_" : " Σ_", ascii ? 5 : 4);
}

/* text, from column `indent` on, in lines up to the width. */
static void put_wrapped(const derive_about *about, const char *text, size_t indent)
{
    size_t room = about->width > 30 + (int)indent ? (size_t)about->width - indent : 30;
    while (columns(text, strlen(text)) > room) {
        size_t at = 0;
        for (size_t i = 1; text[i] && columns(text, i) <= room; i++)
            if (may_break(text + i, about->ascii))
                at = i;
        if (!at)
            for (at = 1; text[at] && !may_break(text + at, about->ascii);)
                at++;
        if (!text[at])
            break;
        printf("%.*s\n%*s", (int)at, text, (int)indent + 2, "");
        text += at + 1;
    }
    printf("%s\n", text);
}

static void head(const char *text)
{
    printf("\n%s%s%s\n", paint(0), text, paint_end());
}

/* From column `at` on, where the line stands already. */
static void put_formula_at(const derive_about *about, size_t at, const char *left, const char *right)
{
    printf("%s = ", left);
    put_wrapped(about, right, at + columns(left, strlen(left)) + 3);
}

static void put_formula(const derive_about *about, size_t at, const char *left, const char *right)
{
    printf("%*s", (int)at, "");
    put_formula_at(about, at, left, right);
}

static size_t left_column(const char *left)
{
    return columns(left, strlen(left));
}

static void put_checked(const weft_derivation_line *line, const derive_about *about, bool against_staged)
{
    const char *verdict = about->unproved ? "" : line->proved == WEFT_PROVED ? ", proved" : line->proved == WEFT_REFUTED ? ", REFUTED" : ", not proved";
    double off = against_staged ? line->from_staged : line->moved;
    bool good = off <= 1e-9 && line->proved != WEFT_REFUTED;
    printf("%s%s", paint(good ? 1 : -1), against_staged ? "the engine's gradient" : "the same numbers");
    if (off != 0)
        printf(" within %.0e", off);
    printf("%s%s", verdict, paint_end());
}

static void put_step(const derive_about *about, const weft_derivation_line *line, size_t at)
{
    printf("\n%*s", (int)at + 2, "");
    printf("%s%s%s", paint(0), line->rule, paint_end());
    if (*line->about)
        printf(" %s", line->about);
    printf(": %s\n%*s= ", line->proof, (int)at, "");
    put_wrapped(about, line->right, at + 2);
    printf("%*s", (int)at + 2, "");
    put_checked(line, about, false);
    printf("\n");
}

static void put_start(const derive_about *about, const weft_derivation *d, const weft_derivation_line *line, bool *said)
{
    char text[160];
    bool ends = line + 1 == d->line + d->n || line[1].kind != WEFT_DERIVATION_STEP;
    snprintf(text, sizeof text, "%s: %s", line->left, ends ? "the chain rule's last line is the closed form" : "from the chain rule to the closed form");
    head(text);
    const char *loss = about->ascii ? "dL" : "∂L", *d_of = about->ascii ? "d" : "∂";
    for (size_t i = 0; i < d->n && !*said; i++)
        if (d->line[i].kind == WEFT_DERIVATION_ADJOINT && *d->line[i].left)
            loss = d->line[i].left;
    if (!*said)
        printf("  dx is short for %.*s/%sx, whatever x is.\n", (int)strcspn(loss, "/"), loss, d_of);
    *said = true;
    put_formula(about, 2, line->left, line->right);
    printf("%*s", (int)left_column(line->left) + 5, "");
    put_checked(line, about, true);
    printf("\n");
}

static void put_legend(const weft_derivation *d)
{
    for (size_t i = 0; i < d->n_symbols; i++)
        printf("%s%s = %g", i ? ", " : "  where ", d->symbol[i].text, d->symbol[i].value);
    printf("%s", d->n_symbols ? "\n" : "");
}

static void put_result(const derive_about *about, const weft_derivation *d)
{
    head("Result");
    for (size_t i = 0; i < d->n; i++) {
        const char *left = d->line[i].left;
        if (d->line[i].kind != WEFT_DERIVATION_START)
            continue;
        while (i + 1 < d->n && d->line[i + 1].kind == WEFT_DERIVATION_STEP)
            i++;
        put_formula(about, 2, left, d->line[i].right);
    }
    printf("%zu lines computed in f64: at most %.0e from the engine's gradient", d->checked, d->from_staged);
    if (!about->unproved)
        printf("; %zu proved", d->proved);
    printf("\n");
}

/* Of L, where the result is not one number itself, and of the delta. */
static void put_meaning(const derive_about *about, const weft_derivation *d)
{
    const char *y = "", *derived = about->ascii ? "dL/d" : "∂L/∂", *delta = about->ascii ? "delta" : "δ";
    bool loss = false, deltas = false;
    for (size_t i = 0; i < d->n; i++) {
        if (d->line[i].kind == WEFT_DERIVATION_DEFINITION)
            y = d->line[i].left;
        deltas |= d->line[i].kind == WEFT_DERIVATION_LOCAL && strstr(d->line[i].right, delta);
        loss |= d->line[i].kind == WEFT_DERIVATION_LOCAL;
    }
    if (loss && strchr(y, '_'))
        printf("  L is any one number computed from %s, and %s%s is what arrives from there.\n", y, derived, y);
    if (deltas)
        printf("  %s_ij is 1 where i = j and 0 elsewhere: it picks one term out of a sum.\n", delta);
}

void derive_print_text(const derive_about *about, const weft_derivation *d)
{
    size_t column = 0;
    bool chained = false, said = false;
    printf("%s%s%s\n", paint(0), about->expression, paint_end());
    head("Definitions");
    for (size_t i = 0; i < d->n; i++) {
        const weft_derivation_line *line = &d->line[i];
        bool chain = line->kind == WEFT_DERIVATION_CHAIN || (line->kind == WEFT_DERIVATION_ADJOINT && *line->left);
        if (chain && !chained) {
            put_legend(d);
            head("Chain rule: what reaches each array from those that are computed with it, the last one first");
            put_meaning(about, d);
        }
        chained |= chain;
        switch (line->kind) {
        case WEFT_DERIVATION_DEFINITION:
            put_formula(about, 2, line->left, line->right);
            break;
        case WEFT_DERIVATION_LOCAL:
            printf("%*s", (int)column + 3, "");
            printf("with ");
            put_formula_at(about, column + 8, line->left, line->right);
            break;
        case WEFT_DERIVATION_CHAIN:
        case WEFT_DERIVATION_INSERTED:
        case WEFT_DERIVATION_ADJOINT:
            if (*line->left) {
                printf("\n");
                column = 2 + left_column(line->left);
                put_formula(about, 2, line->left, line->right);
            } else {
                printf("%*s = ", (int)column, "");
                put_wrapped(about, line->right, column + 3);
            }
            if (line->kind == WEFT_DERIVATION_ADJOINT) {
                printf("%*s", (int)column + 3, "");
                put_checked(line, about, true);
                printf("\n");
            }
            break;
        case WEFT_DERIVATION_START:
            put_start(about, d, line, &said);
            column = 2 + left_column(line->left);
            break;
        default:
            put_step(about, line, column + 1);
        }
    }
    put_result(about, d);
}

/* --- TeX --- */

/* Of text between formulas. */
static void tex_escaped(const char *text)
{
    for (; *text; text++) {
        if (strchr("_#$%&{}", *text))
            printf("\\%c", *text);
        else if (*text == '^' || *text == '~' || *text == '\\')
            printf("\\char%d{}", *text);
        else if (*text == '\n')
            printf("; ");
        else
            putchar((unsigned char)*text >= ' ' && (unsigned char)*text < 0x7f ? *text : '?');
    }
}

static void tex_checked(const weft_derivation_line *line, const derive_about *about, bool against_staged)
{
    double off = against_staged ? line->from_staged : line->moved;
    printf("\\hfill\\footnotesize %s", against_staged ? "the engine's gradient" : "equal");
    char text[32];
    snprintf(text, sizeof text, "%.0e", off);
    char *power = strchr(text, 'e');
    if (power)
        *power++ = 0;
    if (off != 0)
        printf(power ? " within $%s \\cdot 10^{%d}$" : " within %s", text, power ? atoi(power) : 0);
    printf("%s", about->unproved ? "" : line->proved == WEFT_PROVED ? ", proved" : line->proved == WEFT_REFUTED ? ", refuted" : ", not proved");
}

typedef enum block { NONE, DEFINED, CHAINED, CLOSED } block;

static void tex_end(block *open)
{
    printf("%s", *open != NONE ? "\n\\end{align*}\n" : "");
    *open = NONE;
}

static void tex_line(const derive_about *about, const weft_derivation_line *line, block *open)
{
    const char *next = *open == NONE ? "\\begin{align*}\n" : " \\\\\n";
    switch (line->kind) {
    case WEFT_DERIVATION_DEFINITION:
        printf("%s%s &= %s", next, line->left_tex, line->right_tex);
        *open = DEFINED;
        break;
    case WEFT_DERIVATION_CHAIN:
        tex_end(open);
        printf("\\begin{align*}\n%s &= %s", line->left_tex, line->right_tex);
        *open = CHAINED;
        break;
    case WEFT_DERIVATION_LOCAL:
        printf("%s&\\qquad\\text{with } %s = %s", next, line->left_tex, line->right_tex);
        break;
    case WEFT_DERIVATION_INSERTED:
    case WEFT_DERIVATION_ADJOINT:
        if (*line->left_tex) {
            tex_end(open);
            next = "\\begin{align*}\n";
            *open = CHAINED;
        }
        printf("%s%s &= %s", next, line->left_tex, line->right_tex);
        break;
    case WEFT_DERIVATION_START:
        tex_end(open);
        printf("\\begin{align*}\n%s &= %s", line->left_tex, line->right_tex);
        *open = CLOSED;
        break;
    default:
        printf(" \\\\\n\\intertext{\\small\\emph{%s}", line->rule);
        if (*line->about_tex)
            printf(" $%s$", line->about_tex);
        printf(": %s", line->proof_tex);
        tex_checked(line, about, false);
        printf("}\n&= %s", line->right_tex);
    }
}

static void tex_legend(const weft_derivation *d)
{
    for (size_t i = 0; i < d->n_symbols; i++) {
        double x = d->symbol[i].value, ten = pow(10, floor(log10(fabs(x))));
        printf("%s $%s = ", i ? "," : "where", d->symbol[i].tex);
        if (x >= 1e-3)
            printf("%g$", x);
        else if (round(x / ten) == 1)
            printf("10^{%.0f}$", floor(log10(x)));
        else
            printf("%g \\cdot 10^{%.0f}$", x / ten, floor(log10(x)));
    }
    printf("%s\n", d->n_symbols ? "." : "");
}

static void tex_meaning(const weft_derivation *d)
{
    const char *y = "";
    bool locals = false;
    for (size_t i = 0; i < d->n; i++) {
        if (d->line[i].kind == WEFT_DERIVATION_DEFINITION)
            y = d->line[i].left_tex;
        locals |= d->line[i].kind == WEFT_DERIVATION_LOCAL && strstr(d->line[i].right_tex, "\\delta");
    }
    if (strchr(y, '_'))
        printf("$L$ is any one number computed from $%s$.\n", y);
    if (locals)
        printf("$\\delta_{ij}$ is 1 where $i = j$ and 0 elsewhere: it picks one term out of a sum.\n");
}

static void tex_result(const weft_derivation *d)
{
    printf("\\subsection*{Result}\n");
    const char *next = "\\begin{align*}\n";
    for (size_t i = 0; i < d->n; i++) {
        const char *left = d->line[i].left_tex;
        if (d->line[i].kind != WEFT_DERIVATION_START)
            continue;
        while (i + 1 < d->n && d->line[i + 1].kind == WEFT_DERIVATION_STEP)
            i++;
        printf("%s%s &= %s", next, left, d->line[i].right_tex);
        next = " \\\\\n";
    }
    printf("\n\\end{align*}\n");
}

void derive_print_tex(const derive_about *about, const weft_derivation *d)
{
    block open = NONE;
    weft_derivation_kind part = WEFT_DERIVATION_DEFINITION;
    printf("\\documentclass[a4paper]{article}\n\\usepackage[margin=20mm]{geometry}\n\\usepackage{amsmath}\n\\allowdisplaybreaks\n\\setlength{\\parindent}{0pt}\n"
           "\\begin{document}\n\\section*{\\texttt{");
    tex_escaped(about->expression);
    printf("}}\n\\subsection*{Definitions}\n");
    for (size_t i = 0; i < d->n; i++) {
        const weft_derivation_line *line = &d->line[i];
        bool chain = line->kind >= WEFT_DERIVATION_CHAIN && line->kind <= WEFT_DERIVATION_ADJOINT;
        if (chain && part == WEFT_DERIVATION_DEFINITION) {
            tex_end(&open);
            tex_legend(d);
            printf("\\subsection*{Chain rule}\n");
            tex_meaning(d);
            part = WEFT_DERIVATION_CHAIN;
        }
        if (line->kind == WEFT_DERIVATION_START) {
            tex_end(&open);
            printf("\\subsection*{Closed form of $%s$}\n", line->left_tex);
            if (part != WEFT_DERIVATION_START)
                printf("Here $\\mathrm{d}x$ is short for $\\partial L / \\partial x$.\n");
            part = WEFT_DERIVATION_START;
        }
        tex_line(about, line, &open);
    }
    tex_end(&open);
    if (part == WEFT_DERIVATION_START)
        tex_result(d);
    printf("\n\\end{document}\n");
}

/* --- JSON --- */

static const char *const kind_name[] = {"definition", "chain", "local", "inserted", "adjoint", "start", "step"};
static const char *const verdict_name[] = {"not proved", "proved", "refuted"};

static void add_line(cJSON *to, const derive_about *about, const weft_derivation_line *line)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddItemToArray(to, one);
    cJSON_AddStringToObject(one, "kind", kind_name[line->kind]);
    cJSON_AddNumberToObject(one, "node", (double)line->node.id);
    cJSON_AddStringToObject(one, "name", weft_node_name(line->node));
    cJSON_AddStringToObject(one, "left", line->left);
    cJSON_AddStringToObject(one, "right", line->right);
    cJSON_AddStringToObject(one, "left_tex", line->left_tex);
    cJSON_AddStringToObject(one, "right_tex", line->right_tex);
    if (line->kind == WEFT_DERIVATION_STEP) {
        cJSON_AddStringToObject(one, "rule", line->rule);
        cJSON_AddStringToObject(one, "proof", line->proof);
        cJSON_AddStringToObject(one, "proof_tex", line->proof_tex);
        cJSON_AddStringToObject(one, "about", line->about);
        cJSON_AddStringToObject(one, "about_tex", line->about_tex);
    }
    if (!line->checked)
        return;
    cJSON_AddItemToObject(one, "moved", number_to_json(line->moved));
    cJSON_AddItemToObject(one, "from_staged", number_to_json(line->from_staged));
    if (!about->unproved)
        cJSON_AddStringToObject(one, "proved", verdict_name[line->proved]);
}

bool derive_print_json(const derive_about *about, const weft_derivation *d, bool good)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "derive");
    cJSON_AddStringToObject(root, "expression", about->expression);
    cJSON *symbols = cJSON_AddArrayToObject(root, "symbols"), *lines = cJSON_AddArrayToObject(root, "lines");
    for (size_t i = 0; i < d->n_symbols; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(symbols, one);
        cJSON_AddStringToObject(one, "text", d->symbol[i].text);
        cJSON_AddStringToObject(one, "tex", d->symbol[i].tex);
        cJSON_AddItemToObject(one, "value", number_to_json(d->symbol[i].value));
    }
    for (size_t i = 0; i < d->n; i++)
        add_line(lines, about, &d->line[i]);
    cJSON_AddNumberToObject(root, "checked", (double)d->checked);
    cJSON_AddNumberToObject(root, "proved", (double)d->proved);
    cJSON_AddItemToObject(root, "moved", number_to_json(d->moved));
    cJSON_AddItemToObject(root, "from_staged", number_to_json(d->from_staged));
    cJSON_AddBoolToObject(root, "verdict", good);
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    else
        fprintf(stderr, "weft: derive: out of memory\n");
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}
