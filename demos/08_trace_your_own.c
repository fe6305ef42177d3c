/* 08_trace_your_own.c: the walk back through a graph of your own, printed, and written as a trace that the explorer steps through.
 *
 * Lessons 1 to 4 walked by hand. weft_walk_record() does it for any graph: for each node, from the last one back, it lists what flows along the edge to
 * each operand, as text and as numbers. Here that is a small layer, a = relu(x @ w + b), with a loss of squares. weft_trace() writes all of it as JSON:
 *
 *     build/demos/08_trace_your_own trace.json
 *
 * and demos/explorer opens that file. Nothing here is special to this graph: give weft_trace() the y and the bindings of your own program. */
#include "course.h"

typedef struct lesson {
    weft_tape *tape;
    weft_node x, w, b, t, a, loss; /* (2, 2), (2, 3), (3), (2, 3), (2, 3), () */
    weft_binding bind[4];
} lesson;

static const double x_data[2][2] = {{1, 2}, {-1, 3}}, w_data[2][3] = {{1, 0, -1}, {1, -1, 2}}, b_data[3] = {0, 1, 0}, t_data[2][3] = {{2, 0, 3}, {0, 1, 6}};

static void record(lesson *l)
{
    const size_t two[] = {2, 2}, wide[] = {2, 3};
    weft_tape *t = l->tape = weft_tape_new(NULL);
    l->x = course_input(t, "x", 2, two, x_data, &l->bind[0]);
    l->w = course_input(t, "w", 2, wide, w_data, &l->bind[1]);
    l->b = course_input(t, "b", 1, &wide[1], b_data, &l->bind[2]);
    l->t = course_input(t, "t", 2, wide, t_data, &l->bind[3]);
    weft_scope_push(t, "layer");
    weft_node z = weft_name(weft_add(weft_matmul(l->x, l->w), l->b), "z");
    l->a = weft_name(weft_relu(z), "a");
    weft_scope_pop(t);
    weft_node error = weft_name(weft_sub(l->a, l->t), "error");
    l->loss = weft_name(weft_sum(weft_mul(error, error), WEFT_ALL_AXES, false), "loss");
    course_status(weft_tape_status(t), weft_tape_message(t));
}

static void print_walk(const weft_walk *walk)
{
    printf("Forward\n\n");
    for (size_t k = 0; k < walk->n_nodes; k++)
        printf("  %-6s = %s\n", walk->node[k].label, walk->node[k].text);
    printf("\nBack: what each node sends to each of its operands, and whether = or += there\n\n");
    for (size_t k = 0; k < walk->n_edges; k++) {
        const weft_walk_edge *e = &walk->edge[k];
        const weft_walk_node *to = &walk->node[e->to];
        printf("  %-6s -> %-6s %-7s %s %s\n", walk->node[e->from].label, to->label, to->adjoint_label, e->first ? " =" : "+=", e->text);
    }
    printf("\nBefore you read on: error is used twice in error * error. Where in the list is the += of that fork?\n\n");
}

/* The values of an adjoint. */
static const double *adjoint(const weft_walk *walk, const char *label)
{
    return walk->node[weft_walk_find(walk, label)].adjoint_value;
}

static void write_trace(const lesson *l, const char *path)
{
    const weft_trace_options options = {.walk = {.x = (weft_node[]){l->x, l->w, l->b}, .n_x = 3}, .bind = l->bind, .n_bind = 4};
    FILE *file = fopen(path, "w");
    weft_status status = file ? weft_trace((weft_writer){weft_write_file, file}, l->loss, &options) : WEFT_ERROR_FILE;
    if (file && fclose(file))
        status = WEFT_ERROR_FILE;
    course_status(status, *weft_tape_message(l->tape) ? weft_tape_message(l->tape) : path);
    printf("%s is written; open it in demos/explorer\n\n", path);
}

int main(int argc, char **argv)
{
    /* x @ w + b = (3 -1 3; 2 -2 7), so a = (3 0 3; 2 0 7), error = (1 0 0; 2 -1 1), loss = 7. dz is 2 error where z > 0: (2 0 0; 4 0 2).
     * dw = x' dz, db = the sum of its rows, dx = dz w'. */
    static const double dw[] = {-2, 0, -2, 16, 0, 6}, db[] = {6, 0, 2}, dx[] = {2, 2, 2, 8};
    lesson l;
    weft_walk walk;
    record(&l);
    printf("Lesson 8. The walk back, for a graph of your own\n\n");
    const weft_walk_options options = {.x = (weft_node[]){l.x, l.w, l.b}, .n_x = 3};
    course_status(weft_walk_record(l.loss, &options, &walk), weft_tape_message(l.tape));
    course_status(weft_walk_run(&walk, l.bind, 4), weft_tape_message(l.tape));
    print_walk(&walk);
    if (argc > 1)
        write_trace(&l, argv[1]);
    course_claim(*(const double *)walk.node[walk.output].value == 7, "the loss is 7");
    course_claim(course_difference(adjoint(&walk, "w"), dw, 6) == 0, "dw = transpose(x) @ dz = (-2 0 -2; 16 0 6)");
    course_claim(course_difference(adjoint(&walk, "b"), db, 3) == 0, "db = (6 0 2), the sum of dz over the rows");
    course_claim(course_difference(adjoint(&walk, "x"), dx, 4) == 0, "dx = dz @ transpose(w) = (2 2; 2 8)");
    course_claim(walk.node[weft_walk_find(&walk, "t")].silence == WEFT_SILENT_CONSTANT, "t gets no gradient, as none was asked for");
    weft_walk_free(&walk);
    weft_tape_free(l.tape);
    return 0;
}
