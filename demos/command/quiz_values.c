/* quiz_values.c: values and derivatives of scalar graphs that fit into the head. */
#include "quiz.h"

#include <math.h>
#include <string.h>

enum { NAMES = 3 };

typedef struct scalar_graph {
    const char *lines, *name[NAMES];
    const char *derivative[NAMES]; /* for the explanation: what the engine finds is the answer, and this must agree */
    const char *because;
} scalar_graph;

#define TWICE "What arrives over several ways is added up."
#define CHAIN "Along a way local derivatives are multiplied."

static const scalar_graph graphs[] = {
    {"f = (x + y) * z", {"x", "y", "z"}, {"z", "z", "x + y"}, "A sum hands on what arrives; a product hands each factor the other one. " CHAIN},
    {"f = x * y + x", {"x", "y"}, {"y + 1", "x"}, TWICE},
    {"f = (x - y)**2", {"x", "y"}, {"2*(x - y)", "-2*(x - y)"}, CHAIN},
    {"f = x**2 * y", {"x", "y"}, {"2*x*y", "x**2"}, CHAIN},
    {"f = x * x * x", {"x"}, {"3*x**2"}, TWICE " Three ways, each of x * x."},
    {"s = x + y\nf = s * s", {"x", "y"}, {"2*(x + y)", "2*(x + y)"}, "s is used twice. " TWICE},
    {"s = x * y\nf = s + s * z", {"x", "y", "z"}, {"y + y*z", "x + x*z", "x*y"}, "s is used twice. " TWICE},
    {"f = relu(x * w + b)", {"x", "w", "b"}, {"(x*w + b > 0)*w", "(x*w + b > 0)*x", "(x*w + b > 0)*1"},
     "relu hands on what arrives where its operand is above 0, and nothing elsewhere."},
    {"f = maximum(x, y)", {"x", "y"}, {"(x > y)*1", "(y > x)*1"}, "A maximum hands what arrives to the larger one, and nothing to the other."},
    {"f = x / y", {"x", "y"}, {"1/y", "-x/y**2"}, "x / y is x times y**(-1)."},
    {"m = (x + y) / 2\nf = (x - m) * z", {"x", "y", "z"}, {"z/2", "-z/2", "(x - y)/2"}, "x leads to f directly, and by way of m. " TWICE},
};

static double run(weft_node y, const weft_binding *bind, size_t n)
{
    double value = NAN;
    weft_program *p = weft_compile(&y, 1);
    for (size_t i = 0; i < n; i++)
        weft_bind(p, bind[i].node, bind[i].data, bind[i].bytes);
    if (weft_run(p) == WEFT_OK)
        value = *(const double *)weft_output(p, 0);
    weft_program_free(p);
    return value;
}

static double evaluate(weft_tape *tape, const char *text, const weft_binding_name *names, size_t n, const weft_binding *bind)
{
    weft_node y;
    return weft_parse(tape, text, names, n, &y, NULL) == WEFT_OK ? run(y, bind, n) : NAN;
}

static double gradient(weft_node y, weft_node x, const weft_binding *bind, size_t n)
{
    weft_node dx;
    return weft_grad(y, &x, 1, &dx) == WEFT_OK ? run(dx, bind, n) : NAN;
}

bool quiz_draw_value(generator *g, quiz_question *q)
{
    static const double plain[] = {-4, -3, -2, -1, 1, 2, 3, 4, 5};
    const scalar_graph *from = &graphs[quiz_below(g, sizeof graphs / sizeof *graphs)];
    size_t order[sizeof plain / sizeof *plain], n = 0;
    weft_tape *tape = weft_tape_new(NULL);
    weft_node x[NAMES], y;
    weft_binding_name names[NAMES];
    weft_binding bind[NAMES];
    quiz_order(g, sizeof plain / sizeof *plain, order); /* all different: no tie is drawn */
    for (; n < NAMES && from->name[n]; n++) {
        q->array[n] = (quiz_array){.name = from->name[n], .value = plain[order[n]]};
        x[n] = weft_input(tape, from->name[n], WEFT_F64, 0, NULL);
        names[n] = (weft_binding_name){from->name[n], x[n]};
        bind[n] = (weft_binding){x[n], &q->array[n].value, sizeof(double)};
        size_t used = strlen(q->given);
        snprintf(q->given + used, sizeof q->given - used, "%s%s = %g", n ? ", " : "", from->name[n], q->array[n].value);
    }
    q->arrays = (int)n;
    size_t used = strlen(q->given);
    snprintf(q->given + used, sizeof q->given - used, "\n%s", from->lines);
    snprintf(q->expression, sizeof q->expression, "%s", from->lines);
    q->kind = QUIZ_NUMBER;
    bool good = weft_parse(tape, from->lines, names, n, &y, NULL) == WEFT_OK;
    if (good && quiz_below(g, 4) == 0) {
        q->number = evaluate(tape, from->lines, names, n, bind);
        snprintf(q->ask, sizeof q->ask, "What is f?");
        snprintf(q->because, sizeof q->because, "Put the numbers in, line by line.");
    } else if (good) {
        size_t wrt = quiz_below(g, n);
        q->wrt = from->name[wrt];
        q->number = gradient(y, x[wrt], bind, n);
        good = fabs(evaluate(tape, from->derivative[wrt], names, n, bind) - q->number) < 1e-12; /* the explanation is held to the engine */
        snprintf(q->ask, sizeof q->ask, "What is df/d%s?", q->wrt);
        snprintf(q->because, sizeof q->because, "df/d%s = %s. %s", q->wrt, from->derivative[wrt], from->because);
    }
    if (!good)
        fprintf(stderr, "weft: quiz: the derivative of %s is not what is said of it: %s\n", from->lines, weft_tape_message(tape));
    weft_tape_free(tape);
    snprintf(q->answer, sizeof q->answer, "%.6g", q->number);
    return good;
}
