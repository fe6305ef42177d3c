/* 04_batchnorm.c: batch normalization, node by node, forward and back.
 *
 * weft_batchnorm() is an ordinary function that records the steps of the paper; nothing in the engine knows its derivative as a whole. The
 * gradient that comes out needs only lessons 1 to 3: the chain rule on each edge, adding up at forks, a sum for each broadcast. An element
 * of h moves y along three paths: itself, through sigma2 and through mu. eps is 0 here, so that all numbers can be checked by hand. */
#include "course.h"

typedef struct layer {
    weft_tape *tape;
    weft_node x[3], dy, y, dx[3]; /* x: h (N, D), gamma (D), beta (D); dx likewise */
    weft_node direct, through_sigma2, through_mu, sigma2_to_mu, three_paths, column_sums;
    weft_binding bind[4];
    uint32_t end; /* of the layer and its gradient */
} layer;

static void record(layer *l)
{
    const size_t shape[] = {COURSE_N, COURSE_D};
    weft_tape *t = l->tape = weft_tape_new(NULL);
    l->x[0] = course_input(t, "h", 2, shape, course_h, &l->bind[0]);
    l->x[1] = course_input(t, "gamma", 1, &shape[1], course_gamma, &l->bind[1]);
    l->x[2] = course_input(t, "beta", 1, &shape[1], course_beta, &l->bind[2]);
    l->dy = course_input(t, "dy", 2, shape, course_dy, &l->bind[3]);
    l->y = weft_batchnorm(l->x[0], l->x[1], l->x[2], 0);
    course_status(weft_vjp(&l->y, &l->dy, 1, l->x, 3, l->dx), weft_tape_message(t));
    l->end = weft_tape_count(t);
}

/* The first node of that name. */
static weft_node find(const layer *l, const char *name)
{
    for (uint32_t id = 0; id < l->end; id++)
        if (!strcmp(weft_node_name(weft_tape_node(l->tape, id)), name))
            return weft_tape_node(l->tape, id);
    return (weft_node){.id = WEFT_NO_ID};
}

/* What the backward walk sent along three edges adds up to dh. The fourth is asked for by itself: how sigma2 responds to mu. */
static void record_paths(layer *l)
{
    weft_node sigma2 = find(l, "sigma2"), dsigma2 = find(l, "dsigma2"), x[] = {find(l, "mu"), find(l, "centred")}, dx[2];
    bool found = course_sent(find(l, "hhat"), 0, &l->direct) && course_sent(find(l, "squared"), 0, &l->through_sigma2) &&
                 course_sent(weft_node_operand(x[0], 0), 0, &l->through_mu);
    course_status(found ? WEFT_OK : WEFT_ERROR_ARGUMENT, "an edge of the layer is not on the tape");
    weft_vjp(&sigma2, &dsigma2, 1, x, 2, dx); /* the walk named them dmu and dcentred, but these are only parts of those */
    l->sigma2_to_mu = weft_name(dx[0], "dmu_by_sigma2");
    weft_name(dx[1], "dcentred_by_sigma2");
    l->three_paths = weft_add(weft_add(l->direct, l->through_sigma2), l->through_mu);
    l->column_sums = weft_sum(l->dx[0], WEFT_AXIS(0), false);
    course_status(weft_tape_status(l->tape), weft_tape_message(l->tape));
}

static void print_graph(const layer *l, const weft_program *p)
{
    printf("Lesson 4. Batch normalization, node by node (values to 4 decimals)\n\nThe inputs\n\n");
    for (int i = 0; i < 3; i++)
        course_node(p, l->x[i], "");
    printf("\nForward: every node but the constants, in the order of the tape\n\n");
    for (uint32_t id = l->dy.id + 1; id <= l->y.id; id++)
        if (!weft_node_scalar(weft_tape_node(l->tape, id), NULL))
            course_node(p, weft_tape_node(l->tape, id), "");
    printf("\nBefore you read on: adding 1 to a column of h leaves y as it is. What is the sum of its dh?\n");
    printf("\nBackward: the adjoints of the named nodes\n\n");
    course_node(p, l->dy, "what arrives from later layers");
    for (uint32_t id = l->y.id + 1; id < l->end; id++)
        if (*weft_node_name(weft_tape_node(l->tape, id)))
            course_node(p, weft_tape_node(l->tape, id), "");
}

static void print_paths(const layer *l, const weft_program *p)
{
    printf("\nThe three paths from h to y, which add up to dh\n\n");
    course_node(p, l->direct, "h itself, with sigma2 and mu held fixed");
    course_node(p, l->through_sigma2, "through sigma2");
    course_node(p, l->through_mu, "through mu");
    printf("\nsigma2 depends on mu too. Along that edge the tape sends\n\n");
    course_node(p, l->sigma2_to_mu, "");
    course_paragraph("  ", "which is zero: it is a multiple of the sum of centred, and deviations from the mean add up to nothing. "
                           "The edge exists, but carries nothing, and derivations on paper leave it out.");
    printf("\n  The columns of dh add up to\n\n");
    course_node(p, l->column_sums, "");
    printf("\n");
}

/* All of them by hand from dh = gamma*rstd * (dy - mean(dy) - hhat * mean(dy*hhat)), where gamma*rstd is (1, 2, -1), mean(dy) is
 * (0.75, 1, 1) and mean(dy*hhat) is (0.75, 0.3, 0.1); and from dmu = -sum(dhhat * rstd), dsigma2 = -1/2 rstd**3 sum(dhhat * centred). */
static void claim(const layer *l, const weft_program *p)
{
    static const double dh[] = {1, -1.16, -0.98, -1.5, 2.12, 0.14, -1, -0.12, 0.98, 1.5, -0.84, -0.14}, zero[COURSE_D] = {0};
    static const double dgamma[] = {3, 1.2, 0.4}, dbeta[] = {3, 4, 4}, dmu[] = {-3, -8, 4}, dsigma2[] = {-0.75, -0.24, 0.02};
    course_claim_values(p, l->dx[0], dh, "dh is what the paper formula gives by hand");
    course_claim_values(p, l->dx[1], dgamma, "dgamma = sum(dy * hhat) = (3, 1.2, 0.4)");
    course_claim_values(p, l->dx[2], dbeta, "dbeta = sum(dy) = (3, 4, 4)");
    course_claim_values(p, find(l, "dmu"), dmu, "dmu = (-3, -8, 4)");
    course_claim_values(p, find(l, "dsigma2"), dsigma2, "dsigma2 = (-0.75, -0.24, 0.02)");
    course_claim_values(p, l->three_paths, dh, "the three paths add up to dh");
    course_claim_values(p, l->sigma2_to_mu, zero, "the edge from sigma2 to mu carries zero, up to rounding");
    course_claim_values(p, l->column_sums, zero, "every column of dh adds up to zero, up to rounding");
}

int main(void)
{
    layer l;
    record(&l);
    record_paths(&l);
    weft_program *p = course_run_all(l.tape, l.bind, 4);
    print_graph(&l, p);
    print_paths(&l, p);
    claim(&l, p);
    weft_program_free(p);
    weft_tape_free(l.tape);
    return 0;
}
