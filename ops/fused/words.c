/* words.c: see words.h. */
#include "ops/fused/words.h"

#include <stdio.h>
#include <stdlib.h>

/* In as few digits as say which double it is. */
void weft__eps_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    (void)x;
    double eps = *(const double *)attributes;
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, ", eps=%.*g", digits, eps);
        if (strtod(text + sizeof ", eps=" - 1, NULL) == eps)
            return;
    }
}

void weft__axis_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    (void)x;
    snprintf(text, size, ", axis=%lld", (long long)*(const int64_t *)attributes);
}

static void number_eps_words(const char *name, const weft__eps_number *a, char *text, size_t size)
{
    int used = snprintf(text, size, ", %s=%lld", name, (long long)a->number);
    if (used >= 0 && (size_t)used < size)
        weft__eps_words(&a->eps, NULL, text + used, size - (size_t)used);
}

void weft__axis_eps_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    (void)x;
    number_eps_words("axis", attributes, text, size);
}

void weft__groups_eps_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    (void)x;
    number_eps_words("groups", attributes, text, size);
}
