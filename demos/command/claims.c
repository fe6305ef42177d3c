/* claims.c: see claims.h. */
#include "claims.h"
#include "arguments.h"
#include "array_text.h"
#include "terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdict_name[] = {[WEFT_GRADIENT_RIGHT] = "right", [WEFT_GRADIENT_WRONG] = "wrong", [WEFT_GRADIENT_EMPTY] = "empty"};

static bool is_file(const char *what)
{
    size_t n = strlen(what);
    return (n > 4 && !strcmp(what + n - 4, ".npy")) || (n > 4 && strstr(what, ".npz"));
}

bool claims_add(claim_list *list, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1] || (size_t)(equals - text) >= NAMED_LENGTH)
        return argument_refuse("check", "--claimed", text, "it must be NAME=FILE.npy or NAME=EXPR");
    if (list->n == MOST_NAMED)
        return argument_refuse("check", "--claimed", text, "there are too many of them");
    claim *made = &list->item[list->n++];
    *made = (claim){.what = equals + 1, .from_file = is_file(equals + 1)};
    memcpy(made->name, text, (size_t)(equals - text));
    for (size_t i = 0; i + 1 < list->n; i++)
        if (!strcmp(list->item[i].name, made->name))
            return argument_refuse("check", "--claimed", text, "that name is given twice");
    return !made->from_file || named_add(&list->files, text, false);
}

/* --- what is judged --- */

/* The cotangent as a binding; made: its numbers, to be freed, where they are not among the arrays. */
static bool find_cotangent(claim_list *list, named_list *in, weft_tape *tape, weft_node y, generator *g, weft_binding *dy, double **made)
{
    weft_shape shape = weft_node_shape(y);
    size_t count = weft_shape_count(&shape);
    *made = NULL;
    for (size_t i = 0; i < in->n; i++)
        if (!strcmp(in->item[i].name, "dy")) {
            *dy = (weft_binding){in->item[i].node, in->item[i].array.data, in->item[i].array.bytes};
            return true;
        }
    if (count != 1 && list->files.n)
        return argument_refuse("check", "--claimed", list->files.item[0].from, "give the cotangent that it was computed for, with --in dy=FILE.npy");
    if (!limits_take(list->limits, count * sizeof(double), "the cotangent"))
        return false;
    *made = malloc(count * sizeof(double) + 1);
    if (!*made) {
        fprintf(stderr, "weft: check: out of memory\n");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        (*made)[i] = count == 1 ? 1 : next_normal(g);
    *dy = (weft_binding){weft_input(tape, "dy", WEFT_F64, shape.rank, shape.dim), *made, count * sizeof(double)};
    return true;
}

enum { MOST_RUNS = 2000 }; /* of hypotheses, which are fewer in small graphs */

static bool parse_claim(claim_list *list, const named_list *in, weft_tape *tape, weft_node dy, const claim *c, weft_node *claimed)
{
    weft_binding_name names[MOST_NAMED + 1];
    char message[WEFT_MESSAGE_SIZE];
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++)
        names[n++] = (weft_binding_name){in->item[i].name, in->item[i].node};
    names[n++] = (weft_binding_name){"dy", dy};
    weft_status status = weft_parse(tape, c->what, names, n, claimed, message);
    return status == WEFT_OK ? limits_allow(list->limits, claimed, 1, MOST_RUNS) : limits_fail(list->limits, status, message);
}

static bool measure_one(claim_list *list, const named_list *in, weft_tape *tape, weft_node y, const weft_binding *bind, size_t n_bind, weft_node dy,
                        claim *c)
{
    weft_diagnose_options o = {.bind = bind, .n_bind = n_bind};
    if (!c->from_file && !parse_claim(list, in, tape, dy, c, &o.claimed))
        return false;
    for (size_t i = 0; i < list->files.n; i++)
        if (c->from_file && !strcmp(list->files.item[i].name, c->name)) {
            o.data = list->files.item[i].array.data;
            o.dtype = list->files.item[i].array.dtype;
            o.shape = list->files.item[i].array.shape;
        }
    if (weft_diagnose(y, dy, c->of->node, &o, &c->diagnosis) != WEFT_OK)
        return limits_fail(list->limits, weft_tape_status(tape), weft_tape_message(tape));
    return true;
}

bool claims_measure(claim_list *list, named_list *in, weft_tape *tape, weft_node y, generator *g)
{
    weft_binding bind[MOST_NAMED + 1], dy;
    double *made = NULL;
    for (size_t i = 0; i < list->n; i++)
        if (!(list->item[i].of = named_find(in, list->item[i].name, strlen(list->item[i].name))))
            return false;
    if (!list->n)
        return true;
    bool good = limits_allow(list->limits, &y, 1, MOST_RUNS) && find_cotangent(list, in, tape, y, g, &dy, &made);
    for (size_t i = 0; good && i < in->n; i++)
        bind[i] = (weft_binding){in->item[i].node, in->item[i].array.data, in->item[i].array.bytes};
    if (good && made)
        bind[in->n] = dy;
    for (size_t i = 0; good && i < list->n; i++)
        good = measure_one(list, in, tape, y, bind, in->n + (made != NULL), dy.node, &list->item[i]);
    free(made);
    return good;
}

bool claims_right(const claim_list *list)
{
    bool right = true;
    for (size_t i = 0; i < list->n; i++)
        right &= list->item[i].diagnosis.verdict == WEFT_GRADIENT_RIGHT;
    return right;
}

/* --- what is said --- */

void claims_print(const claim_list *list)
{
    char shape[ARRAY_SHAPE];
    for (size_t i = 0; i < list->n; i++) {
        const claim *c = &list->item[i];
        const weft_diagnosis *d = &c->diagnosis;
        bool right = d->verdict == WEFT_GRADIENT_RIGHT;
        printf("%sclaimed for %s %s: %s%s\n", paint(right ? 1 : -1), c->name, array_shape(&c->of->array.shape, shape), verdict_name[d->verdict],
               paint_end());
        if (right || !d->n)
            printf("  %s\n", d->message);
        for (size_t k = 0; k < d->n; k++)
            printf("  %s%s\n", right ? "not told from: " : k ? "or: " : "", d->finding[k].words);
        if (d->matching > d->n)
            printf("  and %zu more\n", d->matching - d->n);
        if (isfinite(d->max_abs))
            printf("  worst element %zu: %.10g claimed, %.10g in truth; largest difference %.3g\n", d->worst, d->claimed, d->expected, d->max_abs);
        printf("\n");
    }
}

static cJSON *findings_to_json(const weft_diagnosis *d)
{
    cJSON *findings = cJSON_CreateArray();
    for (size_t k = 0; k < d->n; k++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(findings, one);
        cJSON_AddStringToObject(one, "words", d->finding[k].words);
        cJSON_AddNumberToObject(one, "node", d->finding[k].node.id);
        if (d->finding[k].operand >= 0)
            cJSON_AddNumberToObject(one, "operand", d->finding[k].operand);
    }
    return findings;
}

void claims_to_json(cJSON *to, const claim_list *list)
{
    cJSON *claims = cJSON_AddArrayToObject(to, "claims");
    for (size_t i = 0; i < list->n; i++) {
        const weft_diagnosis *d = &list->item[i].diagnosis;
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(claims, one);
        cJSON_AddStringToObject(one, "name", list->item[i].name);
        cJSON_AddStringToObject(one, "claimed", list->item[i].what);
        cJSON_AddStringToObject(one, "verdict", verdict_name[d->verdict]);
        cJSON_AddStringToObject(one, "message", d->message);
        cJSON_AddItemToObject(one, "findings", findings_to_json(d));
        cJSON_AddNumberToObject(one, "matching", (double)d->matching);
        cJSON_AddNumberToObject(one, "tried", (double)d->tried);
        cJSON_AddItemToObject(one, "max_abs", number_to_json(d->max_abs));
        cJSON_AddNumberToObject(one, "worst", (double)d->worst);
        cJSON_AddItemToObject(one, "value", number_to_json(d->claimed));
        cJSON_AddItemToObject(one, "expected", number_to_json(d->expected));
    }
}

void claims_free(claim_list *list)
{
    named_free(&list->files);
}
