/* quiz_question.c: what all questions share: lengths, arrays, and the judging of answers. */
#include "quiz.h"

#include "array_text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const quiz_topic_name[QUIZ_TOPICS] = {"shapes", "values", "sums", "paths"};

bool quiz_draw(quiz_topic topic, generator *g, quiz_question *q)
{
    static bool (*const draw[QUIZ_TOPICS])(generator *, quiz_question *) = {quiz_draw_shape, quiz_draw_value, quiz_draw_sum, quiz_draw_path};
    *q = (quiz_question){.topic = topic};
    return draw[topic](g, q);
}

size_t quiz_below(generator *g, size_t n)
{
    return (size_t)(next_uniform(g) * (double)n);
}

void quiz_order(generator *g, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = quiz_below(g, i + 1);
        order[i] = order[k];
        order[k] = i;
    }
}

quiz_lengths quiz_draw_lengths(generator *g)
{
    size_t order[6];
    quiz_order(g, 6, order);
    return (quiz_lengths){order[0] + 2, order[1] + 2, order[2] + 2};
}

static size_t length_of(char letter, quiz_lengths lengths)
{
    return letter == 'N' ? lengths.n : letter == 'D' ? lengths.d : letter == 'K' ? lengths.k : (size_t)(letter - '0');
}

void quiz_add_arrays(quiz_question *q, const quiz_names *arrays, quiz_lengths lengths)
{
    for (int i = 0; i < QUIZ_ARRAYS && arrays[i].name; i++) {
        quiz_array *to = &q->array[q->arrays++];
        char text[ARRAY_SHAPE];
        to->name = arrays[i].name;
        for (const char *letter = arrays[i].shape; *letter; letter++)
            to->shape.dim[to->shape.rank++] = length_of(*letter, lengths);
        size_t used = strlen(q->given);
        if (to->shape.rank)
            snprintf(q->given + used, sizeof q->given - used, i ? ", %s has %s" : "%s has the shape %s", to->name, array_shape(&to->shape, text));
        else
            snprintf(q->given + used, sizeof q->given - used, "%s%s is one number", i ? ", " : "", to->name);
    }
}

bool quiz_record(const quiz_question *q, weft_tape *tape, weft_node *x, weft_node *y)
{
    weft_binding_name names[QUIZ_ARRAYS];
    for (int i = 0; i < q->arrays; i++) {
        x[i] = weft_input(tape, q->array[i].name, WEFT_F64, q->array[i].shape.rank, q->array[i].shape.dim);
        names[i] = (weft_binding_name){q->array[i].name, x[i]};
    }
    return weft_parse(tape, q->expression, names, (size_t)q->arrays, y, NULL) == WEFT_OK;
}

/* --- answers --- */

/* "(4, 3)", "4,3", "4x3", "4 3", "()" and "scalar". */
static bool read_shape(const char *text, weft_shape *shape)
{
    *shape = (weft_shape){.rank = 0};
    if (!strcmp(text, "scalar"))
        return true;
    bool any = false;
    for (; *text; text++) {
        if (isdigit((unsigned char)*text)) {
            char *end;
            if (shape->rank == WEFT_MAX_RANK)
                return false;
            shape->dim[shape->rank++] = (size_t)strtoull(text, &end, 10);
            text = end - 1;
        } else if (!strchr("(), x*[]", *text)) {
            return false;
        }
        any |= *text != ' ';
    }
    return any;
}

/* "-1.5", "3/2". */
static bool read_number(const char *text, double *x)
{
    char *end;
    *x = strtod(text, &end);
    if (end == text)
        return false;
    if (*end == '/') {
        const char *below = end + 1;
        *x /= strtod(below, &end);
        if (end == below)
            return false;
    }
    return !*end;
}

int quiz_judge(const quiz_question *q, const char *answer)
{
    char text[QUIZ_LINE];
    weft_shape shape;
    double number;
    while (isspace((unsigned char)*answer))
        answer++;
    snprintf(text, sizeof text, "%s", answer);
    for (size_t n = strlen(text); n && isspace((unsigned char)text[n - 1]); n--)
        text[n - 1] = 0;
    switch (q->kind) {
    case QUIZ_SHAPE:
        if (!read_shape(text, &shape))
            return -1;
        return shape.rank == q->shape.rank && !memcmp(shape.dim, q->shape.dim, (size_t)shape.rank * sizeof *shape.dim);
    case QUIZ_NUMBER:
        return read_number(text, &number) ? fabs(number - q->number) <= 1e-3 * fmax(1, fabs(q->number)) : -1;
    default:
        if (text[0] && (!text[1] || (text[1] == ')' && !text[2])) && tolower((unsigned char)text[0]) >= 'a' && tolower((unsigned char)text[0]) < 'a' + q->choices)
            return tolower((unsigned char)text[0]) - 'a' == q->right;
        return -1;
    }
}
