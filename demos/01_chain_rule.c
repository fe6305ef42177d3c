/* 01_chain_rule.c: the chain rule on a graph of single numbers, one node at a time.
 *
 * Going forward every node computes its value. Going backward every node receives its adjoint, the derivative of the result L with respect
 * to that node, and hands each operand
 *     (adjoint of the node) * (local derivative of the node with respect to this operand).
 * That product is the chain rule, and applied once to each edge it is all of backpropagation. What is printed is read from the tape. */
#include "course.h"

enum { MAX_NODES = 32 };

typedef struct graph {
    weft_node L, node[MAX_NODES], adjoint[MAX_NODES]; /* the forward nodes but for constants, and dL/dnode */
    size_t n;
} graph;

/* Records the adjoint of every forward node, in one backward walk. */
static void differentiate(graph *g)
{
    for (uint32_t id = 0; id <= g->L.id && g->n < MAX_NODES; id++) {
        weft_node x = weft_tape_node(g->L.tape, id);
        if (!weft_node_scalar(x, NULL))
            g->node[g->n++] = x;
    }
    course_status(weft_grad(g->L, g->node, g->n, g->adjoint), weft_tape_message(g->L.tape));
}

static void print_forward(const graph *g, const weft_program *p)
{
    char name[COURSE_TEXT], text[COURSE_TEXT];
    printf("Forward, from the leaves to L. Adjoints cannot be known yet.\n\n  node   formula          value       adjoint\n");
    for (size_t i = 0; i < g->n; i++) {
        weft_node x = g->node[i];
        printf("  %-6s %-16s %-11.6g not computed yet\n", course_label(x, name), course_formula(x, text), *course_values(p, x));
    }
}

static void print_edge(const weft_program *p, weft_node y, double dy, int edge)
{
    char name[COURSE_TEXT], text[COURSE_TEXT];
    weft_node sent;
    printf("      to %-2s the local derivative is ", course_label(weft_node_operand(y, edge), name));
    if (!course_sent(y, edge, &sent)) {
        printf("1, so d%s = %.6g itself arrives\n", course_label(y, name), dy);
        return;
    }
    if (weft_node_operand_count(sent) == 2) { /* adjoint * local derivative */
        weft_node local = weft_node_operand(sent, 1);
        printf("%s = %.6g", *weft_node_name(local) ? course_label(local, text) : course_formula(local, text), *course_values(p, local));
    } else { /* -adjoint */
        printf("-1");
    }
    printf(", so %s = %.6g arrives\n", course_formula(sent, text), *course_values(p, sent));
}

static void print_backward(const graph *g, const weft_program *p)
{
    char name[COURSE_TEXT], text[COURSE_TEXT];
    printf("\nBackward, from L to the leaves. We write dx for dL/dx; dL is dL/dL = 1.\n\n");
    for (size_t i = g->n; i-- > 0;) {
        weft_node y = g->node[i];
        double dy = *course_values(p, g->adjoint[i]);
        printf("  %s = %s, d%s = %.6g\n", course_label(y, name), course_formula(y, text), name, dy);
        for (int e = 0; e < weft_node_operand_count(y); e++)
            if (!weft_node_scalar(weft_node_operand(y, e), NULL))
                print_edge(p, y, dy, e);
    }
    printf("\n");
}

/* Differentiates L, prints both directions, and copies the adjoints of the three inputs out. */
static void explain(weft_node L, const weft_binding *bind, double adjoint[3])
{
    graph g = {.L = L};
    differentiate(&g);
    weft_program *p = course_run_all(L.tape, bind, 3);
    print_forward(&g, p);
    print_backward(&g, p);
    for (size_t i = 0; i < 3; i++)
        adjoint[i] = *course_values(p, g.adjoint[i]);
    weft_program_free(p);
}

static void square_of_a_sum(void)
{
    double value[] = {2, 3, -4}, d[3];
    weft_binding bind[3];
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = course_input(t, "x", 0, NULL, &value[0], &bind[0]), y = course_input(t, "y", 0, NULL, &value[1], &bind[1]);
    weft_node z = course_input(t, "z", 0, NULL, &value[2], &bind[2]);
    weft_node p = weft_name(weft_mul(x, y), "p"), s = weft_name(weft_add(p, z), "s"), two = weft_scalar(t, WEFT_F64, 2);
    printf("Lesson 1. The chain rule\n\n--- L = (x*y + z)**2. Before you read on: what are dx, dy and dz at x = 2, y = 3, z = -4? ---\n\n");
    explain(weft_name(weft_pow(s, two), "L"), bind, d);
    course_claim(d[0] == 12 && d[1] == 8 && d[2] == 4, "by hand: dx = 2(xy + z)y = 12, dy = 2(xy + z)x = 8, dz = 2(xy + z) = 4");
    weft_tape_free(t);
}

static void neuron(void)
{
    double value[] = {1, 2, -1}, d[3];
    weft_binding bind[3];
    weft_tape *t = weft_tape_new(NULL);
    weft_node w = course_input(t, "w", 0, NULL, &value[0], &bind[0]), x = course_input(t, "x", 0, NULL, &value[1], &bind[1]);
    weft_node b = course_input(t, "b", 0, NULL, &value[2], &bind[2]), one = weft_scalar(t, WEFT_F64, 1);
    weft_node p = weft_name(weft_mul(w, x), "p"), s = weft_name(weft_add(p, b), "s"), m = weft_name(weft_neg(s), "m");
    weft_node e = weft_name(weft_exp(m), "e"), q = weft_name(weft_add(one, e), "q"), L = weft_name(weft_div(one, q), "L");
    printf("\n--- A neuron: L = 1/(1 + exp(-(w*x + b))) at w = 1, x = 2, b = -1 ---\n\n");
    explain(L, bind, d);
    double sigmoid = 1 / (1 + exp(-1)), ds = sigmoid * (1 - sigmoid);
    course_claim(fabs(d[2] - ds) < 1e-15, "db = L(1 - L), the textbook derivative of this curve, which nobody told the engine");
    course_claim(fabs(d[0] - 2 * ds) < 1e-15 && fabs(d[1] - ds) < 1e-15, "dw = x L(1 - L), dx = w L(1 - L)");
    weft_tape_free(t);
}

int main(void)
{
    square_of_a_sum();
    neuron();
    return 0;
}
