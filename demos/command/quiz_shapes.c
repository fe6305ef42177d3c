/* quiz_shapes.c: which shape has a value, or a gradient. */
#include "quiz.h"

#include "array_text.h"

#include <string.h>

typedef struct shapes_of {
    quiz_names array[QUIZ_ARRAYS];
    const char *expression, *because;
} shapes_of;

#define REPEATS "Shapes are aligned at their last axis; an axis that is missing, or of length 1, is repeated."
#define FOLDS "A sum, mean or maximum over an axis takes that axis away."
#define KEEPS "keepdims leaves the axis that is summed over behind, with length 1, so that the result still lines up with what it came from."
#define PRODUCT "(a, b) @ (b, c) is (a, c): rows of the first with columns of the second."

static const shapes_of values[] = {
    {{{"h", "ND"}, {"gamma", "D"}}, "gamma * h", REPEATS},
    {{{"h", "ND"}}, "mean(h, 0)", FOLDS},
    {{{"h", "ND"}}, "sum(h, 1)", FOLDS},
    {{{"h", "ND"}}, "sum(h, axis=1, keepdims=1)", KEEPS},
    {{{"h", "ND"}}, "h - mean(h, 0)", FOLDS " Then it is repeated again."},
    {{{"h", "ND"}}, "h - mean(h, 1, keepdims=1)", KEEPS},
    {{{"x", "NK"}, {"w", "KD"}}, "x @ w", PRODUCT},
    {{{"x", "NK"}, {"w", "KD"}, {"b", "D"}}, "x @ w + b", PRODUCT " " REPEATS},
    {{{"x", "NK"}}, "x.T @ x", PRODUCT},
    {{{"z", "NK"}}, "max(z, 1)", FOLDS},
    {{{"h", "ND"}, {"v", "N1"}}, "h * v", REPEATS},
    {{{"u", "N1"}, {"v", "1D"}}, "u * v", REPEATS " Here both are."},
    {{{"h", "ND"}}, "h.T", "Transposing turns the axes around."},
    {{{"h", "ND"}}, "sum(h * h)", "A sum over all axes leaves one number, a scalar: ()."},
    {{{"h", "ND"}, {"gamma", "D"}}, "sum(h, 0) * gamma", FOLDS},
};

#define OWN "A gradient has the shape of what it belongs to: each of its elements says how the loss varies with one element of that."

static const shapes_of gradients[] = {
    {{{"gamma", "D"}, {"h", "ND"}}, "gamma * h", OWN " gamma was repeated down the rows, so dy * h is summed over them."},
    {{{"b", "D"}, {"x", "NK"}, {"w", "KD"}}, "x @ w + b", OWN " b was repeated down the rows, so dy is summed over them."},
    {{{"w", "KD"}, {"x", "NK"}}, "x @ w", OWN " It is x.T @ dy."},
    {{{"x", "NK"}, {"w", "KD"}}, "x @ w", OWN " It is dy @ w.T."},
    {{{"h", "ND"}}, "mean(h, 0)", OWN " Each row gets dy / N."},
    {{{"v", "N1"}, {"h", "ND"}}, "h * v", OWN " v was repeated along axis 1, so dy * h is summed over it, and the axis stays with length 1."},
    {{{"c", ""}, {"h", "ND"}}, "c * h", OWN " One number was repeated everywhere, so dy * h is summed over all axes."},
    {{{"h", "ND"}}, "h - mean(h, 0)", OWN},
};

bool quiz_draw_shape(generator *g, quiz_question *q)
{
    bool gradient = next_bits(g) >> 63;
    size_t n = gradient ? sizeof gradients / sizeof *gradients : sizeof values / sizeof *values;
    const shapes_of *from = (gradient ? gradients : values) + quiz_below(g, n);
    quiz_add_arrays(q, from->array, quiz_draw_lengths(g));
    snprintf(q->expression, sizeof q->expression, "%s", from->expression);
    snprintf(q->because, sizeof q->because, "%s", from->because);
    q->kind = QUIZ_SHAPE;
    weft_tape *tape = weft_tape_new(NULL);
    weft_node x[QUIZ_ARRAYS], y = {.tape = NULL};
    bool good = quiz_record(q, tape, x, &y);
    char text[ARRAY_SHAPE];
    if (gradient) {
        q->wrt = q->array[0].name;
        weft_shape shape = weft_node_shape(y);
        snprintf(q->ask, sizeof q->ask, "y = %s\ndy, of the shape %s, arrives from the loss. Which shape has d%s?", from->expression,
                 array_shape(&shape, text), q->wrt);
        weft_node dy = weft_input(tape, "dy", WEFT_F64, shape.rank, shape.dim), dx = {.tape = NULL};
        good = good && weft_vjp(&y, &dy, 1, x, 1, &dx) == WEFT_OK;
        q->shape = weft_node_shape(dx);
    } else {
        snprintf(q->ask, sizeof q->ask, "Which shape has %s?", from->expression);
        q->shape = weft_node_shape(y);
    }
    if (!good)
        fprintf(stderr, "weft: quiz: %s\n", weft_tape_message(tape));
    weft_tape_free(tape);
    snprintf(q->answer, sizeof q->answer, "%s", array_shape(&q->shape, text));
    return good;
}
