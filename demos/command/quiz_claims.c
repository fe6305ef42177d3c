/* quiz_claims.c: a gradient that somebody derived by hand, and what is wrong with it. */
#include "quiz.h"

#include <string.h>

enum { CLAIMS = 5 };

typedef struct claim {
    const char *gradient;
    int right; /* which of the choices */
    const char *because;
} claim;

typedef struct claimed_graph {
    quiz_names array[QUIZ_ARRAYS];
    const char *lines;         /* the last of them is y */
    const char *wrt;
    const char *choice[QUIZ_CHOICES];
    claim claims[CLAIMS];
} claimed_graph;

/* --- which sum is missing --- */

enum { NOTHING, OVER_ROWS, OVER_COLUMNS, OVER_ALL, REPEATED };
#define SUMS {"nothing is: it is right", "a sum over axis 0", "a sum over axis 1", "a sum over all axes", "it must be repeated along axis 0"}

static const claimed_graph sums[] = {
    {{{"x", "ND"}, {"w", "D"}, {"b", "D"}}, "y = x * w + b", "b", SUMS,
     {{"dy", OVER_ROWS, "b is used in every row: each row adds its part. It was repeated along axis 0, so its gradient is summed over axis 0."},
      {"sum(dy, 0)", NOTHING, "b was repeated along axis 0, and its gradient is summed over axis 0."}}},
    {{{"x", "ND"}, {"w", "D"}, {"b", "D"}}, "y = x * w + b", "w", SUMS,
     {{"dy * x", OVER_ROWS, "w was repeated along axis 0, so its gradient is summed over axis 0: what meets in w is added up."},
      {"sum(dy * x, 0)", NOTHING, "w was repeated along axis 0, and its gradient is summed over axis 0."}}},
    {{{"x", "ND"}, {"w", "D"}, {"b", "D"}}, "y = x * w + b", "x", SUMS,
     {{"dy * w", NOTHING, "x has the shape of y: each element is used once, and nothing meets."}}},
    {{{"x", "ND"}, {"s", "N1"}}, "y = x * s", "s", SUMS,
     {{"dy * x", OVER_COLUMNS, "s was repeated along axis 1, so its gradient is summed over axis 1, which stays as an axis of length 1."},
      {"sum(dy * x, 1, keepdims=1)", NOTHING, "s was repeated along axis 1, and its gradient is summed over axis 1."}}},
    {{{"x", "ND"}, {"c", ""}}, "y = c * x", "c", SUMS,
     {{"dy * x", OVER_ALL, "One number was repeated everywhere: every element of y adds its part."},
      {"sum(dy * x)", NOTHING, "One number was repeated everywhere, and its gradient is summed over all axes."}}},
    {{{"h", "ND"}, {"mu", "D"}}, "y = h - mu", "mu", SUMS,
     {{"-dy", OVER_ROWS, "mu was repeated along axis 0, so what arrives is summed over axis 0."},
      {"-sum(dy, 0)", NOTHING, "mu was repeated along axis 0, and its gradient is summed over axis 0."}}},
    {{{"h", "ND"}}, "y = sum(h, 0)", "h", SUMS,
     {{"dy", REPEATED, "A sum backward is a repetition, as a repetition backward is a sum: each row gets the same dy."}}},
};

/* --- which path was forgotten --- */

#define NORM_CHOICES {"nothing was: it is right", "the path through mu", "the path through sigma2", "both paths, through mu and through sigma2", "the factor gamma"}
#define NORM_LINES(axis, keep, n)                                                                                                                        \
    "mu = sum(h, " axis keep ") / " n "\nsigma2 = sum((h - mu)**2, " axis keep ") / " n                                                                  \
    "\nr = (sigma2 + 1e-5)**(-1/2)\nhath = (h - mu) * r\ny = gamma * hath + beta"

static const claimed_graph paths[] = {
    {{{"h", "43"}, {"gamma", "3"}, {"beta", "3"}}, NORM_LINES("0", "", "4"), "h", NORM_CHOICES,
     {{"gamma * r / 4 * (4*dy - sum(dy, 0) - hath * sum(dy * hath, 0))", 0, "4 dy is the direct way, sum(dy) came through mu, the term with hath through sigma2."},
      {"gamma * r / 4 * (4*dy - hath * sum(dy * hath, 0))", 1, "sum(dy, 0) is missing: h moves the mean, and the mean moves every row."},
      {"gamma * r / 4 * (4*dy - sum(dy, 0))", 2, "hath * sum(dy * hath, 0) is missing: h moves the variance, and the variance scales every row."},
      {"gamma * r * dy", 3, "That is the direct way alone, as if mu and sigma2 were constants."},
      {"r / 4 * (4*dy - sum(dy, 0) - hath * sum(dy * hath, 0))", 4, "y = gamma * hath: what arrives at hath is gamma * dy. With gamma = 1 a check would not see it."}}},
    {{{"h", "35"}, {"gamma", "5"}, {"beta", "5"}}, NORM_LINES("1", ", keepdims=1", "5"), "h", NORM_CHOICES,
     {{"r / 5 * (5*gamma*dy - sum(gamma*dy, 1, keepdims=1) - hath * sum(gamma*dy*hath, 1, keepdims=1))", 0, "As in batch normalization, along the other axis; gamma stays inside the sums."},
      {"r / 5 * (5*gamma*dy - hath * sum(gamma*dy*hath, 1, keepdims=1))", 1, "The sum of gamma*dy along the row is missing: h moves the mean of its row."},
      {"r / 5 * (5*gamma*dy - sum(gamma*dy, 1, keepdims=1))", 2, "The term with hath is missing: h moves the variance of its row."},
      {"r * gamma * dy", 3, "That is the direct way alone, as if mu and sigma2 were constants."},
      {"r / 5 * (5*dy - sum(dy, 1, keepdims=1) - hath * sum(dy*hath, 1, keepdims=1))", 4, "y = gamma * hath: what arrives at hath is gamma * dy."}}},
    {{{"z", "34"}}, "e = exp(z)\ns = sum(e, 1, keepdims=1)\ny = e / s", "z",
     {"nothing was: it is right", "the path through s", "what z does to the other elements of its row, by way of s"},
     {{"y * (dy - sum(y * dy, 1, keepdims=1))", 0, "y * dy is the direct way, the rest came through s."},
      {"y * dy", 1, "Every z of a row is in s, and s divides every element."},
      {"y * (1 - y) * dy", 2, "y * (1 - y) is dy_i/dz_i alone: the diagonal of the Jacobian. z_i moves every other element of its row, too."}}},
    {{{"x", "5"}}, "n = sum(x**2)**(1/2)\ny = x / n", "x", {"nothing was: it is right", "the path through n"},
     {{"(dy - y * sum(dy * y)) / n", 0, "dy / n is the direct way, the rest came through n."}, {"dy / n", 1, "n is made of x, too: longer x, larger n."}}},
    {{{"x", "43"}, {"w", "33"}}, "f = relu(x @ w)\ny = f + x", "x", {"nothing was: it is right", "the way around f, x itself", "the mask of relu"},
     {{"(dy * (f > 0)) @ w.T + dy", 0, "Two ways lead from x to y, and what arrives over them is added up."},
      {"(dy * (f > 0)) @ w.T", 1, "y = f + x: x leads to y directly, too, and that way brings dy."},
      {"dy @ w.T + dy", 2, "relu lets nothing back where its operand is not above 0."}}},
};

static bool draw_claim(generator *g, quiz_question *q, const claimed_graph *from, const char *asked)
{
    size_t claims = 0, choices = 0;
    while (claims < CLAIMS && from->claims[claims].gradient)
        claims++;
    while (choices < QUIZ_CHOICES && from->choice[choices])
        choices++;
    const claim *c = &from->claims[quiz_below(g, claims)];
    quiz_add_arrays(q, from->array, quiz_draw_lengths(g));
    size_t used = strlen(q->given);
    snprintf(q->given + used, sizeof q->given - used, "\n%s", from->lines);
    snprintf(q->expression, sizeof q->expression, "%s", from->lines);
    snprintf(q->claimed, sizeof q->claimed, "%s", c->gradient);
    q->wrt = from->wrt;
    snprintf(q->ask, sizeof q->ask, "Somebody writes\nd%s = %s\n%s", from->wrt, c->gradient, asked);
    q->kind = QUIZ_CHOICE;
    size_t order[QUIZ_CHOICES];
    quiz_order(g, choices, order);
    q->choices = (int)choices;
    for (size_t i = 0; i < choices; i++) {
        q->choice[i] = from->choice[order[i]];
        if ((int)order[i] == c->right)
            q->right = (int)i;
    }
    snprintf(q->answer, sizeof q->answer, "%c) %s", 'a' + q->right, q->choice[q->right]);
    snprintf(q->because, sizeof q->because, "%s", c->because);
    return true;
}

bool quiz_draw_sum(generator *g, quiz_question *q)
{
    return draw_claim(g, q, &sums[quiz_below(g, sizeof sums / sizeof *sums)], "What is missing?");
}

bool quiz_draw_path(generator *g, quiz_question *q)
{
    return draw_claim(g, q, &paths[quiz_below(g, sizeof paths / sizeof *paths)], "What was forgotten?");
}
