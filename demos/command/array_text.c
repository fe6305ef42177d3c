/* array_text.c: see array_text.h. */
#include "array_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { SHOWN = 200, EDGE = 3 };

const char *array_shape(const weft_shape *shape, char text[ARRAY_SHAPE])
{
    size_t used = (size_t)snprintf(text, ARRAY_SHAPE, "(");
    for (int i = 0; i < shape->rank; i++)
        used += (size_t)snprintf(text + used, ARRAY_SHAPE - used, "%s%zu", i ? ", " : "", shape->dim[i]);
    snprintf(text + used, ARRAY_SHAPE - used, shape->rank == 1 ? ",)" : ")");
    return text;
}

static double element(const weft_array *a, size_t i)
{
    return a->dtype == WEFT_F32   ? (double)((const float *)a->data)[i]
           : a->dtype == WEFT_F64 ? ((const double *)a->data)[i]
                                  : (double)((const int64_t *)a->data)[i];
}

static void print_element(const weft_array *a, size_t i)
{
    if (a->dtype == WEFT_I64)
        printf("%" PRId64, ((const int64_t *)a->data)[i]);
    else
        printf("%.8g", element(a, i));
}

/* The part behind axis `axis`, of which it is element `at` so far. */
static void print_axis(const weft_array *a, int axis, size_t at, bool whole)
{
    if (axis == a->shape.rank) {
        print_element(a, at);
        return;
    }
    size_t n = a->shape.dim[axis];
    bool last = axis + 1 == a->shape.rank;
    printf("[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            printf(last ? ", " : "\n%*s", last ? 0 : axis + 1, "");
        if (!whole && i == EDGE && n > 2 * EDGE) {
            printf(last ? "..., " : "...\n%*s", last ? 0 : axis + 1, "");
            i = n - EDGE;
        }
        print_axis(a, axis + 1, at * n + i, whole);
    }
    printf("]");
}

void array_print(const weft_array *array)
{
    size_t count = weft_shape_count(&array->shape);
    if (count)
        print_axis(array, 0, 0, count <= SHOWN);
    else
        printf("[]");
    printf("\n");
}

cJSON *number_to_json(double x)
{
    return isfinite(x) ? cJSON_CreateNumber(x) : cJSON_CreateString(isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity");
}

void array_to_json(cJSON *to, const weft_array *array, bool values)
{
    cJSON_AddStringToObject(to, "dtype", weft_dtype_name(array->dtype));
    cJSON *shape = cJSON_AddArrayToObject(to, "shape");
    for (int i = 0; i < array->shape.rank; i++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)array->shape.dim[i]));
    if (!values)
        return;
    cJSON *list = cJSON_AddArrayToObject(to, "values");
    for (size_t i = 0; i < weft_shape_count(&array->shape); i++)
        cJSON_AddItemToArray(list, number_to_json(element(array, i)));
}
