/* quiz_sheet.c: questions on paper: plain text, or a document for LaTeX that needs no package; the same with the answers is the key. */
#include "quiz.h"

#include <errno.h>
#include <string.h>

/* What TeX would take for a command, as it is read. */
static void put_tex(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '\\':
            fputs("\\textbackslash{}", out);
            break;
        case '^':
        case '~':
            fprintf(out, "\\%c{}", *text);
            break;
        case '_':
        case '#':
        case '$':
        case '%':
        case '&':
        case '{':
        case '}':
            fprintf(out, "\\%c", *text);
            break;
        case '<':
        case '>':
            fprintf(out, "$%c$", *text);
            break;
        case '-': /* so that two of them stay two */
            fputs("{-}", out);
            break;
        default:
            fputc(*text, out);
        }
}

/* Prose, and lines with a formula in letters of one width: those that have a " = ". */
static void put_lines(FILE *out, const char *text, bool tex, const char *indent)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        char line[QUIZ_TEXT];
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        bool formula = strstr(line, " = ") && !strchr(line, '?');
        if (!tex) {
            fprintf(out, "%s%s%s\n", indent, formula ? "  " : "", line);
        } else if (formula) {
            fputs("\\hspace*{1em}\\texttt{", out);
            put_tex(out, line);
            fputs("}\\\\\n", out);
        } else {
            put_tex(out, line);
            fputs("\\\\\n", out);
        }
        text += n + (text[n] == '\n');
    }
}

static void put_question(FILE *out, const quiz_question *q, bool tex, bool key)
{
    put_lines(out, q->given, tex, "   ");
    put_lines(out, q->ask, tex, "   ");
    for (int i = 0; i < q->choices; i++) {
        fprintf(out, tex ? "\\hspace*{1em}%c) " : "     %c) ", 'a' + i);
        if (tex)
            put_tex(out, q->choice[i]);
        else
            fputs(q->choice[i], out);
        fputs(tex ? "\\\\\n" : "\n", out);
    }
    if (!key) {
        fputs(tex ? "Answer: \\underline{\\hspace{5cm}}\n\n" : "\n   Answer: ______________________\n\n", out);
        return;
    }
    fputs(tex ? "\\textbf{" : "\n   Answer: ", out);
    if (tex)
        put_tex(out, q->answer);
    else
        fputs(q->answer, out);
    fputs(tex ? "} --- " : "\n   ", out);
    if (tex)
        put_tex(out, q->because);
    else
        fputs(q->because, out);
    fputs("\n\n", out);
}

bool quiz_sheet_write(const char *path, const quiz_question *q, size_t n, uint64_t seed, bool key)
{
    const char *end = strrchr(path, '.'), *title = key ? "Derivatives: the key" : "Derivatives: questions";
    bool tex = end && !strcmp(end, ".tex"), out_is_stdout = !strcmp(path, "-");
    errno = 0;
    FILE *out = out_is_stdout ? stdout : fopen(path, "w");
    if (!out) {
        fprintf(stderr, "weft: quiz: cannot write %s: %s\n", path, strerror(errno));
        return false;
    }
    if (tex)
        fprintf(out, "\\documentclass[11pt,a4paper]{article}\n\\setlength{\\parindent}{0pt}\n\\raggedright\n\\begin{document}\n"
                     "\\section*{%s}\n%s\\hfill seed %llu\n\\begin{enumerate}\n",
                title, key ? "" : "Name: \\underline{\\hspace{6cm}}", (unsigned long long)seed);
    else
        fprintf(out, "%s (seed %llu)\n%s\n", title, (unsigned long long)seed, key ? "" : "\nName: ______________________\n");
    for (size_t i = 0; i < n; i++) {
        if (tex)
            fputs("\\item \\begin{minipage}[t]{\\linewidth}\n", out);
        else
            fprintf(out, "%zu.\n", i + 1);
        put_question(out, &q[i], tex, key);
        if (tex)
            fputs("\\end{minipage}\\vspace{1.5em}\n", out);
    }
    if (tex)
        fputs("\\end{enumerate}\n\\end{document}\n", out);
    bool good = !ferror(out);
    if (out_is_stdout ? fflush(out) : fclose(out))
        good = false;
    if (!good)
        fprintf(stderr, "weft: quiz: cannot write %s: %s\n", path, strerror(errno));
    return good;
}
