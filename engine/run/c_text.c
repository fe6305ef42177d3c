/* c_text.c: what a loop computes at one position, as C: names, numbers, elements of arrays and expressions. What a node computes is a constant
 * named after it. It relies on the ops' own C text and knows none of them by name. */
#include "engine/run/c_text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PLAIN = 64, IDENTIFIER = WEFT__C_IDENTIFIER };

/* --- growing text --- */

void weft__c_put(c_text *out, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0 || out->failed || !weft__grow(&out->allocator, &out->text, &out->allocated, out->length + (size_t)n + 1, 1))
        out->failed = true;
    else
        out->length += (size_t)vsnprintf(out->text + out->length, (size_t)n + 1, format, again);
    va_end(again);
}

void weft__c_break(c_text *out)
{
    enum { LONG = 110 };
    size_t start = out->length;
    while (start && out->text[start - 1] != '\n')
        start--;
    weft__c_put(out, out->length - start > LONG ? "\n    " : " ");
}

void weft__c_free(c_text *out)
{
    weft__release(&out->allocator, out->text, out->allocated);
}

void weft__c_indent(c_text *out, int depth)
{
    weft__c_put(out, "%*s", 4 * depth, "");
}

/* --- what a loop touches --- */

const char *weft__c_type(uint8_t dtype)
{
    return dtype == WEFT_F32 ? "float" : dtype == WEFT_F64 ? "double" : "int64_t";
}

/* A constant of one element is a literal in the text. */
static bool is_literal(const weft_program *p, const instruction *b)
{
    const storage *s = &p->storages[b->storage];
    return b->action == ACTION_LOAD && s->kind == STORAGE_CONSTANT && b->dtype != WEFT_I64 && s->bytes == weft_dtype_size((weft_dtype)b->dtype);
}

static double literal_value(const weft_program *p, const instruction *b)
{
    const void *data = p->storages[b->storage].data;
    return b->dtype == WEFT_F32 ? (double)*(const float *)data : *(const double *)data;
}

bool weft__c_touches(const weft_program *p, const instruction *b)
{
    return b->stride && !is_literal(p, b);
}

/* True when an earlier instruction of the loop touches the same storage. */
bool weft__c_seen(const loop *l, int i)
{
    bool may = l->body[i].action == ACTION_LOAD || l->body[i].updates; /* else what is written is written once, and not read */
    for (int k = 0; k < i && may; k++)
        if (l->body[k].stride && l->body[k].storage == l->body[i].storage)
            return true;
    return false;
}

int weft__c_parameter(const weft_program *program, const loop *l, int from)
{
    while (from < l->length && (!weft__c_touches(program, &l->body[from]) || weft__c_seen(l, from)))
        from++;
    return from;
}

/* --- names and numbers --- */

/* A node's name as an identifier: letters, digits and underscores, cut to size. */
void weft__c_identifier(const instruction *b, char *to)
{
    size_t n = 0;
    for (const char *c = b->name ? b->name : ""; *c && n + 1 < IDENTIFIER; c++)
        to[n++] = isalnum((unsigned char)*c) ? *c : '_';
    to[n] = 0;
}

bool weft__c_reserved(const char *name)
{
    static const char words[] = " auto break case char const continue default do double else enum extern float for goto if inline int int64_t long "
                                "register restrict return short signed sizeof size_t static struct switch typedef union unsigned void volatile while "
                                "asm typeof near far main NAN INFINITY NULL i j k r n at apart begin end start stop stream fetch memcpy "
                                "exp expf expm1 expm1f log logf log1p log1pf pow powf sqrt sqrtf fabs fabsf fmax fmaxf fmin fminf floor floorf "
                                "sin sinf cos cosf tanh tanhf erf erff erfc erfcf "
                                "e_to_the e_to_thef short_power exp_tail ln_of vector_expm1 vector_expm1f vector_log vector_logf vector_log1p vector_log1pf "
                                "vector_elu vector_eluf vector_tanh vector_tanhf vector_sigmoid vector_sigmoidf vector_softplus vector_softplusf vector_silu vector_siluf "
                                "exact_gelu exact_geluf short_gelu short_below short_mills short_erf any_erf any_erff ";
    char padded[IDENTIFIER + 2];
    snprintf(padded, sizeof padded, " %s ", name);
    return strstr(words, padded) != NULL;
}

/* What an array cannot be called: results are t3 or mu_3, indices i and i0, and arrays with a number end in an underscore. */
static bool is_taken(const char *name)
{
    size_t n = strlen(name), stem = n;
    while (stem && isdigit((unsigned char)name[stem - 1]))
        stem--;
    bool result = stem < n && (!stem || name[stem - 1] == '_' || (stem == 1 && strchr("ti", name[0])));
    return weft__c_reserved(name) || result || name[n - 1] == '_';
}

/* An op's text calls a function of this name, or of the name without the f that goes with float. */
static bool is_called(const char *text, const char *name)
{
    size_t length = strlen(name), n;
    for (const char *c = text; *c; c += n ? n : 1) {
        n = 0;
        while (isalnum((unsigned char)c[n]) || c[n] == '_')
            n++;
        if (n && c[n] == '(' && !strncmp(c, name, n) && (n == length || (n + 1 == length && name[n] == 'f')))
            return true;
    }
    return false;
}

/* The array behind a load, store or fold: its node's name, if that is free, no other storage of the loop has it and
 * no op calls a function of that name; else with its number. */
void weft__c_array(c_text *out, const loop *l, const instruction *b)
{
    char name[IDENTIFIER], other[IDENTIFIER];
    if (out->by_base) {
        const storage *s = &out->by_base->storages[b->storage];
        bool pooled = s->kind == STORAGE_BUFFER || s->kind == STORAGE_PARAMETER;
        weft__c_put(out, "((%s *)", b->action == ACTION_FOLD ? "double" : weft__c_type(b->dtype));
        weft__c_put(out, pooled ? "(pool + %zu))" : "base[%zu])", pooled ? s->offset : (size_t)b->storage);
        return;
    }
    weft__c_identifier(b, name);
    bool named = isalpha((unsigned char)name[0]), plain = named && !is_taken(name) && l->length <= MOST_PLAIN;
    for (int i = 0; plain && i < l->length; i++) {
        weft__c_identifier(&l->body[i], other);
        plain = !l->body[i].stride || l->body[i].storage == b->storage || strcmp(name, other) != 0;
        plain &= l->body[i].action != ACTION_MAP || !l->body[i].op->text || !is_called(l->body[i].op->text, name);
    }
    if (plain)
        weft__c_put(out, "%s", name);
    else
        weft__c_put(out, "%s_%u_", named ? name : "v", (unsigned)b->storage);
}

static void put_result(c_text *out, const loop *l, int i)
{
    char name[IDENTIFIER];
    weft__c_identifier(&l->body[i], name);
    if (isalpha((unsigned char)name[0]))
        weft__c_put(out, "%s_%d", name, i);
    else
        weft__c_put(out, "t%d", i);
}

void weft__c_number(c_text *out, double value, uint8_t dtype)
{
    char text[40];
    if (isnan(value) || isinf(value)) {
        weft__c_put(out, isnan(value) ? "(%s)NAN" : value > 0 ? "(%s)INFINITY" : "(-(%s)INFINITY)", weft__c_type(dtype));
        return;
    }
    for (int digits = fabs(value) < 1e6 && fabs(value) == floor(fabs(value)) ? 6 : 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (dtype == WEFT_F32 ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
            break;
    }
    for (char *c = text; *c; c++)
        *c = *c == ',' ? '.' : *c; /* whatever the locale */
    bool point = strpbrk(text, ".e") != NULL;
    weft__c_put(out, text[0] == '-' ? "(%s%s%s)" : "%s%s%s", text, point ? "" : ".0", dtype == WEFT_F32 ? "f" : "");
}

/* --- the text of one position --- */

/* "1024 + i * 1024 - j", or "0". A walk backwards does not begin at 0, so no sign comes first. Indices are unsigned: what is below 0 on the way wraps
 * around and back. */
void weft__c_index(const c_position *p, const instruction *b, const char *column)
{
    const ptrdiff_t *stride = b->stride;
    bool any = b->offset;
    if (any)
        weft__c_put(p->out, "%td", b->offset);
    for (int d = 0; d < p->l->rank; d++) {
        if (!stride[d] || (stride[d] < 0 && p->l->extent[d] == 1))
            continue;
        weft__c_put(p->out, "%s", stride[d] < 0 ? " - " : any ? " + " : "");
        if (d < p->l->rank - 2)
            weft__c_put(p->out, "i%d", d);
        else
            weft__c_put(p->out, "%s", d == p->l->rank - 1 ? column : p->row);
        if (stride[d] != 1 && stride[d] != -1)
            weft__c_put(p->out, " * %td", stride[d] < 0 ? -stride[d] : stride[d]);
        any = true;
    }
    if (!any)
        weft__c_put(p->out, "0");
}

void weft__c_element(const c_position *p, const instruction *b)
{
    weft__c_array(p->out, p->l, b);
    weft__c_put(p->out, "[");
    weft__c_index(p, b, "j");
    weft__c_put(p->out, "]");
}

/* What a register holds, as an operand. */
void weft__c_operand(const c_position *p, int i)
{
    const instruction *b = &p->l->body[i];
    if (is_literal(p->program, b)) {
        weft__c_number(p->out, literal_value(p->program, b), b->dtype);
    } else if (b->action == ACTION_LOAD) {
        weft__c_element(p, b);
    } else if (b->action == ACTION_CONVERT) {
        weft__c_put(p->out, "(%s)", weft__c_type(b->dtype));
        weft__c_operand(p, b->operand[0]);
    } else {
        put_result(p->out, p->l, i);
    }
}

/* A choice takes elements of arrays from constants of its own: a load that depends on the choice is a masked one, which gcc 12.2 gets wrong when
 * it also unrolls the loop around it. */
static bool is_choice(const instruction *b)
{
    return strchr(b->op->text, '?') != NULL;
}

static bool has_constant(const c_position *p, const instruction *b, int k)
{
    const instruction *x = &p->l->body[b->operand[k]];
    return is_choice(b) && x->action != ACTION_MAP && !is_literal(p->program, x);
}

static void put_constants(const c_position *p, int i, int depth)
{
    const instruction *b = &p->l->body[i];
    for (int k = 0; k < b->n && is_choice(b); k++) {
        if (!has_constant(p, b, k))
            continue;
        weft__c_indent(p->out, depth);
        weft__c_put(p->out, "const %s %c%d_ = ", weft__c_type(b->dtype), 'a' + k, i);
        weft__c_operand(p, b->operand[k]);
        weft__c_put(p->out, ";\n");
    }
}

static void put_argument(const c_position *p, int i, int k)
{
    const instruction *b = &p->l->body[i];
    if (has_constant(p, b, k))
        weft__c_put(p->out, "%c%d_", 'a' + k, i);
    else
        weft__c_operand(p, b->operand[k]);
}

/* An op's own text, with a, b, c and T replaced, and functions in the precision of T. */
static void put_expression(const c_position *p, int i)
{
    const instruction *b = &p->l->body[i];
    const char *text = b->op->text, *special = NULL;
    if (b->op->text_for && b->n == 2 && is_literal(p->program, &p->l->body[b->operand[1]]))
        special = b->op->text_for(literal_value(p->program, &p->l->body[b->operand[1]]));
    for (const char *c = special ? special : text; *c;) {
        size_t n = 0;
        while (isalnum((unsigned char)c[n]) || c[n] == '_')
            n++;
        if (isdigit((unsigned char)*c) || !n) {
            weft__c_put(p->out, "%.*s", n ? (int)n : 1, c);
            c += n ? n : 1;
            continue;
        }
        const char *which = n == 1 ? strchr("abc", *c) : NULL;
        if (which)
            put_argument(p, i, *c - 'a');
        else if (n == 1 && *c == 'T')
            weft__c_put(p->out, "%s", weft__c_type(b->dtype));
        else
            weft__c_put(p->out, "%.*s%s", (int)n, c, c[n] == '(' && b->dtype == WEFT_F32 ? "f" : "");
        c += n;
    }
}

/* Everything up to the folds, at one position. */
void weft__c_body(const c_position *p, int depth)
{
    for (int i = 0; i < p->l->length; i++) {
        const instruction *b = &p->l->body[i];
        if (b->action == ACTION_MAP) {
            put_constants(p, i, depth);
            weft__c_indent(p->out, depth);
            weft__c_put(p->out, "const %s ", weft__c_type(b->dtype));
            put_result(p->out, p->l, i);
            weft__c_put(p->out, b->dtype == WEFT_F32 ? " = (float)(" : " = ");
            put_expression(p, i);
            weft__c_put(p->out, b->dtype == WEFT_F32 ? ");\n" : ";\n");
        } else if (b->action == ACTION_STORE) {
            weft__c_indent(p->out, depth);
            if (p->stream)
                weft__c_put(p->out, "line_%d[r][k]", i);
            else
                weft__c_element(p, b);
            weft__c_put(p->out, " = ");
            weft__c_operand(p, b->operand[0]);
            weft__c_put(p->out, ";\n");
        }
    }
}
