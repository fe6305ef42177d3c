/* 02_fork.c: a value that is used twice. A change of x reaches L along every path, and the changes add up; so do the derivatives.
 *
 * Where contributions meet, the backward walk records an ordinary add node and notes that it adds up the adjoint of x (edge -1). A program
 * that stores the latest contribution instead of adding it is the oldest bug of backpropagation; the gradient check finds it. */
#include "course.h"

typedef struct fork {
    weft_tape *tape;
    weft_node x, y, dL, a, b, L, dx;
    weft_binding bind[3];
} fork;

static const double x_value = 2, y_value = 3, dL_value = 1;

/* x goes into a and into b. dL is an input, so that the gradient check may vary it. */
static void record(fork *f)
{
    weft_tape *t = f->tape = weft_tape_new(NULL);
    f->x = course_input(t, "x", 0, NULL, &x_value, &f->bind[0]);
    f->y = course_input(t, "y", 0, NULL, &y_value, &f->bind[1]);
    f->dL = course_input(t, "dL", 0, NULL, &dL_value, &f->bind[2]);
    f->a = weft_name(weft_mul(f->x, f->y), "a");
    f->b = weft_name(weft_pow(f->x, weft_scalar(t, WEFT_F64, 2)), "b");
    f->L = weft_name(weft_mul(f->a, f->b), "L");
    course_status(weft_vjp(&f->L, &f->dL, 1, &f->x, 1, &f->dx), weft_tape_message(t));
}

static void print_line(const weft_program *p, const char *label, weft_node x)
{
    char text[COURSE_TEXT];
    printf("  %-25s %-21s = %g\n", label, course_formula(x, text), *course_values(p, x));
}

static void print_forward(const fork *f, const weft_program *p)
{
    printf("Lesson 2. A fork: gradients add up\n\nForward, at x = 2 and y = 3. Note that x is used by both a and b.\n\n");
    print_line(p, "a", f->a);
    print_line(p, "b", f->b);
    print_line(p, "L", f->L);
    printf("\nBefore you read on: L is x**3 * y. What is dx, and which part of it comes through a?\n\n");
}

/* Both contributions, each with the node and edge it came along, and the node that adds them. Returns what they come to by hand. */
static double print_contributions(const fork *f, const weft_program *p)
{
    double total = 0;
    printf("Backward: what arrives at x, in the order in which it arrives.\n\n");
    for (int i = 0; i < weft_node_operand_count(f->dx); i++) {
        weft_node of, sent = weft_node_operand(f->dx, i);
        int edge = -1;
        char label[COURSE_TEXT];
        if (!weft_node_adjoint_of(sent, &of, &edge))
            continue;
        snprintf(label, sizeof label, "through %.40s, its operand %d", weft_node_name(of), edge);
        print_line(p, label, sent);
        total += *course_values(p, sent);
    }
    print_line(p, "added up by the tape", f->dx);
    return total;
}

static bool adds_up_x(const fork *f)
{
    weft_node of;
    int edge;
    return weft_node_adjoint_of(f->dx, &of, &edge) && of.id == f->x.id && edge == -1 && !strcmp(weft_op_name(weft_node_op(f->dx)), "add");
}

/* The check's verdict on a gradient that somebody claims for x. */
static weft_verdict judge(const fork *f, const char *what, weft_node claimed)
{
    weft_gradcheck result;
    weft_gradcheck_options options = {.bind = f->bind, .n_bind = 2, .cotangent = f->dL, .claimed = &claimed};
    course_status(weft_gradient_check(f->L, &f->x, 1, &options, &result), weft_tape_message(f->tape));
    printf("  %s:\n", what);
    course_paragraph("      ", result.message);
    return result.verdict;
}

int main(void)
{
    fork f;
    weft_node again;
    record(&f);
    course_status(weft_vjp(&f.L, &f.dL, 1, &f.x, 1, &again), weft_tape_message(f.tape));
    weft_program *p = course_run_all(f.tape, f.bind, 3);
    print_forward(&f, p);
    double total = print_contributions(&f, p), dx = *course_values(p, f.dx), dx_again = *course_values(p, again);
    printf("\nThe node that adds, as the tape lists it, with what it needs:\n\n");
    weft_print_listing((weft_writer){weft_write_file, stdout}, &f.dx, 1);

    printf("\nThe same with the bug: dx = ... where dx += ... belongs, so only the last arrival remains.\n\n");
    bool bug_found = judge(&f, "overwritten", weft_node_operand(f.dx, 1)) == WEFT_GRADIENT_WRONG;
    bool sum_passes = judge(&f, "added", f.dx) == WEFT_GRADIENT_RIGHT;
    printf("\n");
    course_claim(adds_up_x(&f), "dx is an add node, and the tape knows that it adds up the adjoint of x");
    course_claim(dx == 36 && total == 36, "24 + 12 = 36, as by hand: d(x**3 * y)/dx = 3 x**2 y");
    course_claim(bug_found && sum_passes, "the gradient check refuses the overwritten gradient and passes the sum");
    course_claim(dx_again == 36 && again.id != f.dx.id, "a second backward walk gives 36, not 72: nothing needs to be set to zero first");
    weft_program_free(p);
    weft_tape_free(f.tape);
    return 0;
}
