/* course.h: what the lessons share: running a tape, and printing formulas, matrices and claims. It adds nothing to what a lesson teaches.
 *
 * A lesson ends with claims, and each is tested before it is printed: a program that exits with 0 has shown what it says. Exit 1 means that
 * a claim does not hold, 2 that the engine reported an error. Nothing is printed as a number before it was computed. */
#ifndef COURSE_H
#define COURSE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft.h"

enum { COURSE_N = 4, COURSE_D = 3, COURSE_TEXT = 160, COURSE_WIDTH = 88 };

/* The batch of lessons 3 to 6. Its columns have mean 3, 8, 10 and variance 4, 25, 100, so that with eps = 0 it can be followed by hand:
 * hhat is (-1 1 -1 1), (-1.4 -0.2 0.2 1.4) and (0.2 1.4 -0.2 -1.4). dy is the gradient that arrives from later layers. */
static const double course_h[COURSE_N][COURSE_D] = {{1, 1, 12}, {5, 7, 24}, {1, 9, 8}, {5, 15, -4}};
static const double course_hhat[COURSE_N][COURSE_D] = {{-1, -1.4, 0.2}, {1, -0.2, 1.4}, {-1, 0.2, -0.2}, {1, 1.4, -1.4}};
static const double course_dy[COURSE_N][COURSE_D] = {{1, 0, 2}, {0, 2, 1}, {-1, 1, 0}, {3, 1, 1}};
static const double course_gamma[COURSE_D] = {2, 10, -10}, course_beta[COURSE_D] = {1, 0, -1};

/* Ends the lesson when the engine reports an error. */
static inline void course_status(weft_status status, const char *message)
{
    if (status == WEFT_OK)
        return;
    fprintf(stderr, "weft: %s: %s\n", weft_status_text(status), message);
    exit(2);
}

/* Prints a claim that holds; ends the lesson at one that does not. */
static inline void course_claim(bool holds, const char *claim)
{
    printf("  [%s] %s\n", holds ? "holds" : "FAILS", claim);
    if (!holds)
        exit(1);
}

/* The largest |a - b| among n elements. NaN counts as infinite. */
static inline double course_difference(const double *a, const double *b, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double off = fabs(a[i] - b[i]);
        largest = off <= largest ? largest : off == off ? off : INFINITY;
    }
    return largest;
}

/* Records an f64 input and notes where its data lies. */
static inline weft_node course_input(weft_tape *t, const char *name, int rank, const size_t *dim, const void *data, weft_binding *bind)
{
    weft_node x = weft_input(t, name, WEFT_F64, rank, dim);
    weft_shape shape = weft_node_shape(x);
    *bind = (weft_binding){x, data, weft_shape_count(&shape) * sizeof(double)};
    return x;
}

/* Compiles and runs outputs[0..n). The program is the caller's to free. */
static inline weft_program *course_run(const weft_node *outputs, size_t n, const weft_binding *bind, size_t n_bind)
{
    weft_tape *tape = outputs[0].tape;
    course_status(weft_tape_status(tape), weft_tape_message(tape));
    weft_program *p = weft_compile(outputs, n);
    for (size_t i = 0; i < n_bind; i++)
        course_status(weft_bind(p, bind[i].node, bind[i].data, bind[i].bytes), weft_program_message(p));
    course_status(weft_run(p), weft_program_message(p));
    return p;
}

/* The same for every node on the tape: output k is node k. */
static inline weft_program *course_run_all(weft_tape *tape, const weft_binding *bind, size_t n_bind)
{
    course_status(weft_tape_status(tape), weft_tape_message(tape));
    uint32_t n = weft_tape_count(tape);
    weft_node *nodes = malloc(n * sizeof *nodes);
    for (uint32_t id = 0; nodes && id < n; id++)
        nodes[id] = weft_tape_node(tape, id);
    course_status(nodes ? WEFT_OK : WEFT_ERROR_MEMORY, "the list of nodes");
    weft_program *p = course_run(nodes, n, bind, n_bind);
    free(nodes);
    return p;
}

/* Values of a node, from a program of course_run_all(). */
static inline const double *course_values(const weft_program *p, weft_node x)
{
    return weft_output(p, x.id);
}

static inline bool course_append(void *text, const char *more, size_t bytes)
{
    size_t used = strlen(text), room = COURSE_TEXT - 1 - used;
    memcpy((char *)text + used, more, bytes < room ? bytes : room);
    return true;
}

/* What the tape recorded for x, as infix text; "input" for an input. text: COURSE_TEXT bytes; returned. */
static inline const char *course_formula(weft_node x, char *text)
{
    memset(text, 0, COURSE_TEXT);
    if (!strcmp(weft_op_name(weft_node_op(x)), "input"))
        return strcpy(text, "input");
    course_status(weft_print_expression((weft_writer){course_append, text}, x), "the formula of a node");
    return text;
}

/* The name of x, or %id. */
static inline const char *course_label(weft_node x, char *text)
{
    if (*weft_node_name(x))
        snprintf(text, COURSE_TEXT, "%s", weft_node_name(x));
    else
        snprintf(text, COURSE_TEXT, "%%%u", x.id);
    return text;
}

/* What the backward walk sent from y to its operand `edge`: the last node recorded for that edge. False: nothing had to be recorded, since
 * the local derivative is 1 and the adjoint of y passes on as it is. */
static inline bool course_sent(weft_node y, int edge, weft_node *sent)
{
    bool found = false;
    for (uint32_t id = y.id; id < weft_tape_count(y.tape); id++) {
        weft_node of, x = weft_tape_node(y.tape, id);
        int e;
        if (weft_node_adjoint_of(x, &of, &e) && of.id == y.id && e == edge) {
            *sent = x;
            found = true;
        }
    }
    return found;
}

/* Rows of an array of rank 0 to 2, to 4 decimals; rows that are all alike are printed once. */
static inline void course_matrix(weft_node x, const double *values)
{
    weft_shape s = weft_node_shape(x);
    size_t width = s.rank ? s.dim[s.rank - 1] : 1, rows = s.rank == 2 ? s.dim[0] : 1, alike = 1;
    while (alike < rows && !memcmp(values, values + alike * width, width * sizeof *values))
        alike++;
    for (size_t i = 0; i < (alike == rows ? 1 : rows); i++) {
        printf("     ");
        for (size_t j = 0; j < width; j++)
            printf(" %9.4f", fabs(values[i * width + j]) < 0.5e-4 ? 0 : values[i * width + j]);
        printf(rows > 1 && alike == rows ? "   in each of %zu rows\n" : "\n", rows);
    }
}

/* "  y = gamma * hhat   (4, 3)   note" and the values below; p is from course_run_all(). */
static inline void course_node(const weft_program *p, weft_node x, const char *note)
{
    char text[COURSE_TEXT];
    weft_shape s = weft_node_shape(x);
    printf("  %s", course_label(x, text));
    printf(" = %s   (", course_formula(x, text));
    for (int i = 0; i < s.rank; i++)
        printf(i ? ", %zu" : "%zu", s.dim[i]);
    printf(")%s%s\n", *note ? "   " : "", note);
    course_matrix(x, course_values(p, x));
}

/* Claims that the values of x are those worked out by hand, up to rounding. */
static inline void course_claim_values(const weft_program *p, weft_node x, const double *by_hand, const char *claim)
{
    weft_shape s = weft_node_shape(x);
    course_claim(course_difference(course_values(p, x), by_hand, weft_shape_count(&s)) < 1e-14, claim);
}

/* A paragraph, broken between words, each line behind the indent. */
static inline void course_paragraph(const char *indent, const char *text)
{
    size_t room = COURSE_WIDTH - strlen(indent);
    while (*text) {
        size_t n = strlen(text);
        for (size_t i = n; n > room && i-- > 0;)
            n = text[i] == ' ' && i <= room ? i : n;
        printf("%s%.*s\n", indent, (int)n, text);
        text += n + strspn(text + n, " ");
    }
}

#endif
