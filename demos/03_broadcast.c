/* 03_broadcast.c: broadcasting, and why its derivative is a sum.
 *
 * gamma (D) meets hhat (N, D): NumPy's rule stretches gamma over the N rows, and the tape records that as a node of its own. A broadcast is
 * a fork with N branches, so by lesson 2 the N contributions add up: backwards it is a sum over the batch. Whoever writes
 * dgamma = dy * hhat has forgotten that sum, the commonest mistake of hand-written layers. */
#include "course.h"

typedef struct lesson {
    weft_tape *tape;
    weft_node gamma, hhat, dy, y, dgamma; /* (D), (N, D), (N, D), (N, D), (D) */
    weft_binding bind[3];
} lesson;

static void record(lesson *l)
{
    const size_t shape[] = {COURSE_N, COURSE_D};
    weft_tape *t = l->tape = weft_tape_new(NULL);
    l->gamma = course_input(t, "gamma", 1, &shape[1], course_gamma, &l->bind[0]);
    l->hhat = course_input(t, "hhat", 2, shape, course_hhat, &l->bind[1]);
    l->dy = course_input(t, "dy", 2, shape, course_dy, &l->bind[2]);
    l->y = weft_name(weft_mul(l->gamma, l->hhat), "y");
    course_status(weft_vjp(&l->y, &l->dy, 1, &l->gamma, 1, &l->dgamma), weft_tape_message(t));
}

/* The broadcast node that y = gamma * hhat put in, and the sum that stands against it in the backward walk. */
static bool print_both_ways(const lesson *l, const weft_program *p)
{
    weft_node stretched = weft_node_operand(l->y, 0), of;
    int edge = -1;
    printf("Lesson 3. Broadcast forward, sum backward\n\nForward\n\n");
    course_node(p, l->gamma, "one number for each column");
    course_node(p, stretched, "recorded by itself, because the shapes differ");
    course_node(p, l->hhat, "the batch");
    course_node(p, l->y, "");
    printf("\nBefore you read on: how many entries of y depend on gamma[0]? What shape does dgamma have?\n\nBackward\n\n");
    course_node(p, l->dy, "what arrives from later layers");
    course_node(p, weft_node_operand(l->dgamma, 0), "what each row contributes");
    course_node(p, l->dgamma, "added up over the rows");
    printf("\nThe tape lists the pair; \"# d %%%u[0]\" says that the sum is the derivative of that broadcast:\n\n", stretched.id);
    weft_print_listing((weft_writer){weft_write_file, stdout}, (weft_node[]){l->y, l->dgamma}, 2);
    return !strcmp(weft_op_name(weft_node_op(stretched)), "broadcast") && !strcmp(weft_op_name(weft_node_op(l->dgamma)), "sum") &&
           weft_node_adjoint_of(l->dgamma, &of, &edge) && of.id == stretched.id && edge == 0;
}

static weft_verdict judge(const lesson *l, const char *what, weft_node claimed)
{
    static const char *const verdict[] = {"RIGHT", "WRONG", "EMPTY"};
    weft_gradcheck result;
    weft_gradcheck_options options = {.bind = l->bind, .n_bind = 2, .cotangent = l->dy, .claimed = &claimed};
    course_status(weft_gradient_check(l->y, &l->gamma, 1, &options, &result), weft_tape_message(l->tape));
    printf("  dgamma = %s: %s\n", what, verdict[result.verdict]);
    course_paragraph("      ", result.message);
    return result.verdict;
}

int main(void)
{
    lesson l;
    record(&l);
    weft_node unsummed = weft_mul(l.dy, l.hhat);
    weft_program *p = course_run_all(l.tape, l.bind, 3);
    bool paired = print_both_ways(&l, p);
    const double by_hand[] = {3, 1.2, 0.4}; /* columns of dy * hhat: -1 + 0 + 1 + 3; 0 - 0.4 + 0.2 + 1.4; 0.4 + 1.4 + 0 - 1.4 */

    printf("\nFour claims about dgamma, judged by the gradient check, which looks at the values of y alone.\n");
    printf("(It draws a random dy of its own, so its numbers are not those above.)\n\n");
    weft_verdict forgotten = judge(&l, "dy * hhat, the sum forgotten", unsummed);
    weft_verdict averaged = judge(&l, "mean(dy * hhat, axis=0)", weft_mean(unsummed, WEFT_AXIS(0), false));
    weft_verdict other = judge(&l, "sum(dy * y, axis=0), another operand", weft_sum(weft_mul(l.dy, l.y), WEFT_AXIS(0), false));
    weft_verdict summed = judge(&l, "sum(dy * hhat, axis=0)", weft_sum(unsummed, WEFT_AXIS(0), false));
    printf("\n");
    course_claim(paired, "forward a broadcast node, backward a sum node that the tape ties to it");
    course_claim_values(p, l.dgamma, by_hand, "dgamma is (3, 1.2, 0.4), the sums of the columns of dy * hhat, as by hand");
    course_claim(forgotten == WEFT_GRADIENT_WRONG, "the gradient without the sum is refused");
    course_claim(averaged == WEFT_GRADIENT_WRONG && other == WEFT_GRADIENT_WRONG, "so are the mean for the sum, and y for hhat");
    course_claim(summed == WEFT_GRADIENT_RIGHT, "the gradient with the sum passes");
    weft_program_free(p);
    weft_tape_free(l.tape);
    return 0;
}
