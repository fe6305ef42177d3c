/* precise_absent.c: the library without MPFR. Whoever asks for it is told. */
#include "engine/judge/precise.h"

#include <math.h>
#include <stdio.h>

bool weft__precise_built_in(void)
{
    return false;
}

weft_status weft__precise_run(weft__precise *p, const weft_node *outputs, size_t n, const weft_binding *bind, size_t n_bind, double most_work,
                              bool many, char *message)
{
    (void)outputs, (void)n, (void)most_work, (void)many;
    *p = (weft__precise){.options = {.bind = bind, .n_bind = n_bind}};
    snprintf(message, WEFT_MESSAGE_SIZE, "this library was built without MPFR, so the truth can be f64 only; with libmpfr-dev installed, build it again");
    return WEFT_ERROR_ARGUMENT;
}

void weft__precise_free(weft__precise *p)
{
    p->made = false;
}

/* Nothing below is reached, since no run is good. */

weft_exact_number weft__precise_at(const weft__precise *p, weft_node x, size_t element)
{
    (void)p, (void)x, (void)element;
    return (weft_exact_number){.real = NAN};
}

weft_status weft__precise_change(weft__precise *p, weft_node x, const double *data, char *message)
{
    (void)x, (void)data;
    return weft__precise_run(p, NULL, 0, NULL, 0, 0, false, message);
}

double weft__precise_moved(const weft__precise *p, weft_node y, size_t element)
{
    (void)p, (void)y, (void)element;
    return NAN;
}

void weft__precise_back(weft__precise *p)
{
    p->made = false;
}

double weft__real_double(weft_exact_number x)
{
    return x.real;
}

double weft__real_difference(weft_exact_number a, weft_exact_number b)
{
    return a.real - b.real;
}

double weft__real_off(double value, weft_exact_number truth)
{
    return value - truth.real;
}
