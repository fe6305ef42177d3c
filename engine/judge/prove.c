/* prove.c: equality of graphs without tolerance, by evaluating both at random points of prime fields.
 *
 * Sums, products and quotients. Both sides are quotients of polynomials in the inputs, with integer coefficients. If a - b is not zero over the real
 * numbers, its numerator is a polynomial other than 0, and modulo p too, unless p divides every coefficient: ten primes are tried in turn, and no
 * formula that anyone writes has coefficients divisible by several of them. Such a polynomial of degree d is 0 at no more than d/p of all points
 * (Schwartz, 1980; Zippel, 1979). Bounds of d are carried along with each number; where one divides by 0 a point is drawn anew.
 *
 * Roots. Squares stand for the positive numbers, see field.c, and points are drawn until each operand of a root is one. For m different roots the
 * product of a - b over all choices of their signs is a quotient of polynomials, of degree at most 2**m d, and 0 wherever a - b is. Points at which
 * the roots exist are a share of 2**-m: so a - b is 0 at no more than 4**m d/p of them. Only roots count that share an input with a - b, or with
 * another root that counts: the others are drawn independently. Where an operand is no square, only that part of the point is drawn once more on
 * which it depends and no root found before it, so that m roots take 2m draws and not 2**m. Where roots depend on each other, as sqrt(x**2) and x
 * do, the choice of a sign is the choice of a case: see the next.
 *
 * Order. relu, max and comparisons choose among cases by signs, and in each case both sides are quotients as above. If a and b differ for real
 * inputs, other than on a set of measure zero, they do in a case that real inputs have. The signs of independent differences fall independently in
 * the field, about half of them either way (Weil's bound), so each case comes up: one that takes k signs at a share of 2**-k of the points. Then a
 * difference shows. So "equal" is sound. "Different" is not: the field also draws cases that no real numbers have (a > b, b > c and c > a), and so is
 * confirmed by a run on real numbers.
 *
 * Functions. exp, log and their like are replaced by random functions with no property but a symmetry. What holds for every function holds for these;
 * what differs may be equal by a property (exp(a + b) = exp(a) exp(b)), so this is confirmed by a run as well. Two operands that differ and meet
 * at a point share a symbol: among s operands of degree at most d that has a chance of s**2 d/p.
 *
 * Indices and masks that are inputs are drawn from what their users accept, as cases. Noise is a symbol of seed, step, stream and position. */
#include "engine/judge/confirm.h"
#include "engine/judge/random.h"
#include "engine/record/staged.h"

#include <math.h>
#include <stdio.h>

enum { FEW_POINTS = 2, MANY_POINTS = 40, MOST_TRIES = 1 << 14, MOST_REPAIRS = 256 };

typedef struct prover {
    weft_tape *tape;
    size_t n;
    weft_prove_options options;
    weft_node *staged; /* (2n): a, then b, without fused ops */
    weft__exact_graph graph;
    weft_proof *proof;
    double chance;     /* of a false "equal", for one point and one case */
    bool cases;        /* signs, masks, roots or indices were drawn */
    bool differs;
} prover;

/* --- what is given --- */

static weft_status check_pair(weft_tape *tape, weft_node a, weft_node b, size_t k)
{
    if (a.tape != tape || b.tape != tape || weft_node_failed(a) || weft_node_failed(b))
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "proof: a[%zu] and b[%zu] must be nodes of the tape of a[0]", k, k);
    const weft__shape *left = weft__look(a)->shape, *right = weft__look(b)->shape;
    if (left != right) {
        char words[2][128];
        weft__shape_print(&left->dims, words[0], sizeof words[0]);
        weft__shape_print(&right->dims, words[1], sizeof words[1]);
        return weft__tape_fail(tape, WEFT_ERROR_SHAPE, "proof: a[%zu] is %s and b[%zu] is %s; equal nodes have one shape", k, words[0], k, words[1]);
    }
    if ((weft_node_dtype(a) == WEFT_I64) != (weft_node_dtype(b) == WEFT_I64))
        return weft__tape_fail(tape, WEFT_ERROR_DTYPE, "proof: a[%zu] is %s and b[%zu] is %s; both must be numbers, or both i64", k,
                               weft_dtype_name(weft_node_dtype(a)), k, weft_dtype_name(weft_node_dtype(b)));
    return WEFT_OK;
}

static weft_status check_bindings(weft_tape *tape, const weft_prove_options *options)
{
    if (options->n_bind && !options->bind)
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "proof: bind is NULL");
    for (size_t i = 0; i < options->n_bind; i++) {
        const weft_binding *b = &options->bind[i];
        const weft_op *op = b->node.tape == tape ? weft_node_op(b->node) : NULL;
        weft_shape shape = weft_node_shape(b->node);
        size_t bytes = weft_shape_count(&shape) * weft_dtype_size(weft_node_dtype(b->node));
        if (!op || (op->kind != WEFT_INPUT && op->kind != WEFT_PARAMETER))
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "proof: binding %zu is no input or parameter of this tape", i);
        if (b->bytes != bytes || (bytes && !b->data))
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "proof: binding %zu \"%.40s\" has %zu bytes and needs %zu", i, weft_node_name(b->node),
                                   b->data ? b->bytes : 0, bytes);
    }
    return WEFT_OK;
}

static bool has_fused(weft_tape *tape, const weft__needed *needed)
{
    for (uint32_t id = 0; id < needed->end; id++)
        if (weft__is_needed(needed, id) && weft__at(tape, id)->op->kind == WEFT_GENERAL && weft__at(tape, id)->op->expand)
            return true;
    return false;
}

/* Twins may be made of fused ops themselves, but not without end. */
static weft_status write_out(prover *p)
{
    enum { MOST_LEVELS = 16 };
    for (int level = 0; level < MOST_LEVELS; level++) {
        weft__needed needed;
        weft_status status = weft__needed_find(&needed, p->staged, 2 * p->n);
        if (status != WEFT_OK)
            return status;
        bool fused = has_fused(p->tape, &needed);
        weft__needed_free(&needed);
        if (!fused)
            return WEFT_OK;
        status = weft__expand_fused(p->tape, p->staged, 2 * p->n, p->staged);
        if (status != WEFT_OK)
            return status;
    }
    return weft__tape_fail(p->tape, WEFT_ERROR_ARGUMENT, "proof: the staged twin of a fused op is made of fused ops, %d levels deep",
                           (int)MOST_LEVELS);
}

/* --- points --- */

/* "of %12 log": the node that was evaluated last. */
static void describe_node(const prover *p, char *text, size_t size)
{
    const weft__node *node = weft__at(p->tape, p->graph.at);
    if (node->name && *node->name)
        snprintf(text, size, "%s \"%.40s\"", node->op->name, node->name);
    else
        snprintf(text, size, "%s %%%u", node->op->name, p->graph.at);
}

/* Whether both sides agree at this point; notes the first difference. */
static bool agrees(prover *p)
{
    weft_proof *proof = p->proof;
    const weft_field *f = &p->graph.field;
    double degree = 0, chance = 0;
    for (size_t k = 0; k < p->n; k++) {
        const weft_exact_array *a = &p->graph.array[p->staged[k].id], *b = &p->graph.array[p->staged[p->n + k].id];
        for (size_t i = 0; i < weft_shape_count(&a->shape); i++) {
            bool same;
            if (a->dtype == WEFT_I64) {
                same = a->index[i] == b->index[i];
            } else {
                weft_exact_number left = a->number[i], right = b->number[i];
                double own = fmax(left.degree + right.divisor, right.degree + left.divisor);
                same = isinf(left.real) || isinf(right.real) ? left.real == right.real : left.value == right.value;
                degree = fmax(degree, own);
                chance = fmax(chance, ldexp(own / weft__field_least(), 2 * (int)weft__field_related(f, left.drawn | right.drawn)));
            }
            if (!same) {
                proof->pair = k;
                proof->element = i;
                return false;
            }
        }
    }
    proof->degree = fmax(proof->degree, degree);
    proof->roots = f->roots > proof->roots ? f->roots : proof->roots;
    proof->signs = f->signs > proof->signs ? f->signs : proof->signs;
    proof->symbols = f->symbols > proof->symbols ? f->symbols : proof->symbols;
    double symbols = (double)f->symbols;
    p->chance = fmax(p->chance, chance + symbols * symbols * (f->argument + 1) / weft__field_least());
    p->cases |= f->signs || f->roots || p->graph.chooses;
    return true;
}

/* Draws points until enough agree, one does not, or there is nothing more to be told. */
static void try_points(prover *p)
{
    weft_proof *proof = p->proof;
    weft_field *f = &p->graph.field;
    uint64_t state = p->options.seed;
    size_t wanted = p->options.points ? p->options.points : FEW_POINTS, tries = p->options.tries ? p->options.tries : MOST_TRIES;
    size_t repairs = 0, which = 0;
    char node[80];
    weft__exact_draw(&p->graph, which++, weft__random(&state));
    while (proof->points < wanted) {
        if (proof->tries == tries) {
            describe_node(p, node, sizeof node);
            snprintf(proof->message, sizeof proof->message, "not proved: %zu points were drawn, and too few will do: at the last one %s: %s%s",
                     tries, node, f->again, f->roots ? "; smaller shapes have fewer roots" : "");
            return;
        }
        proof->tries++;
        weft__exact_evaluate(&p->graph);
        if (f->refused) {
            describe_node(p, node, sizeof node);
            snprintf(proof->message, sizeof proof->message, "not proved: %s: %.300s", node, f->refused);
            return;
        }
        if (f->again && f->at_fault && repairs++ < MOST_REPAIRS) {
            weft__exact_draw_again(&p->graph, f->at_fault & ~f->settled ? f->at_fault & ~f->settled : f->at_fault);
            continue;
        }
        if (!f->again && !agrees(p)) {
            p->differs = true;
            return;
        }
        proof->points += !f->again;
        wanted = !p->options.points && p->cases ? MANY_POINTS : wanted;
        repairs = 0;
        weft__exact_draw(&p->graph, which++, weft__random(&state));
    }
}

static void conclude(prover *p)
{
    weft_proof *proof = p->proof;
    if (p->chance >= 0.5) {
        snprintf(proof->message, sizeof proof->message, "not proved: equal at %zu points, but a degree of up to %.3g with %zu roots and %zu symbols "
                 "leaves that without weight; smaller shapes prove as much", proof->points, proof->degree, proof->roots, proof->symbols);
        return;
    }
    proof->false_equal = pow(p->chance + (p->cases ? 0.5 : 0), (double)proof->points);
    proof->verdict = WEFT_PROVED;
    snprintf(proof->message, sizeof proof->message, "proved: equal at %zu random points of prime fields; the numerator of the difference has at most "
             "degree %.3g; a difference%s would go unseen with a chance of %.2g", proof->points, proof->degree,
             p->cases ? " that shows for half of the signs and indices" : "", proof->false_equal);
}

static weft_status refute(prover *p)
{
    weft_proof *proof = p->proof;
    size_t pair = proof->pair, element = proof->element;
    char failure[WEFT_MESSAGE_SIZE];
    bool found;
    weft_status status = weft__confirm(&p->graph, p->staged, p->staged + p->n, p->n, p->options.seed, proof, &found, failure);
    if (status != WEFT_OK)
        return status;
    if (found) {
        proof->verdict = WEFT_REFUTED;
        snprintf(proof->message, sizeof proof->message, "refuted: pair %zu differs in element %zu: %.9g against %.9g, for random inputs", proof->pair,
                 proof->element, proof->left, proof->right);
    } else if (*failure) {
        snprintf(proof->message, sizeof proof->message, "not proved: pair %zu differs in element %zu at a point of a prime field, and cannot be run "
                 "on random real numbers to see a difference: %.300s", pair, element, failure);
    } else {
        snprintf(proof->message, sizeof proof->message, "not proved: pair %zu differs in element %zu at a point of a prime field, but runs on real "
                 "numbers show no difference: it may hold by a property of functions or of the order that the field has not", pair, element);
    }
    return WEFT_OK;
}

/* --- the call --- */

static weft_status run(prover *p, const weft_node *a, const weft_node *b)
{
    size_t bytes = 2 * p->n * sizeof *p->staged;
    const char *refused;
    p->staged = weft__allocate(&p->tape->allocator, bytes);
    if (!p->staged)
        return WEFT_ERROR_MEMORY;
    for (size_t k = 0; k < p->n; k++) {
        p->staged[k] = a[k];
        p->staged[p->n + k] = b[k];
    }
    weft_status status = write_out(p);
    if (status == WEFT_OK)
        status = weft__exact_prepare(&p->graph, p->staged, 2 * p->n, &p->options, &refused);
    if (status == WEFT_OK) {
        if (refused) {
            char node[80];
            describe_node(p, node, sizeof node);
            snprintf(p->proof->message, sizeof p->proof->message, "not proved: %s %s", node, refused);
        } else {
            try_points(p);
            if (p->differs)
                status = refute(p);
            else if (!*p->proof->message)
                conclude(p);
        }
        weft__exact_free(&p->graph);
    }
    weft__release(&p->tape->allocator, p->staged, bytes);
    return status;
}

weft_status weft_prove(const weft_node *a, const weft_node *b, size_t n, const weft_prove_options *options, weft_proof *proof)
{
    weft_tape *tape = a && n ? a[0].tape : NULL;
    if (proof)
        *proof = (weft_proof){.verdict = WEFT_NOT_PROVED};
    if (!tape)
        return WEFT_ERROR_ARGUMENT;
    if (tape->status != WEFT_OK)
        return tape->status;
    if (!b || !proof)
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "proof: %s is NULL", b ? "proof" : "b");
    prover p = {.tape = tape, .n = n, .options = options ? *options : (weft_prove_options){.points = 0}, .proof = proof};
    weft_status status = check_bindings(tape, &p.options);
    for (size_t k = 0; k < n && status == WEFT_OK; k++)
        status = check_pair(tape, a[k], b[k], k);
    if (status != WEFT_OK)
        return status;
    weft_mark mark = weft_tape_mark(tape);
    status = run(&p, a, b);
    if (status == WEFT_OK)
        weft_tape_rewind(tape, mark); /* an error stays to be read; its nodes go with the next rewind */
    else
        weft__tape_fail(tape, status, "out of memory");
    return status;
}
