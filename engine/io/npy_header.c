/* npy_header.c: what stands before the elements of a .npy file (numpy.lib.format): a magic string, a version, the length of a header, and
 * the header, which is the text of a Python dictionary, padded with spaces, with exactly three keys:
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 * It is parsed by hand, without recursion, and nothing beyond that grammar is let through. Refused, with the cure in the message: dtypes
 * other than f4, f8 and i8, structured dtypes, versions but 1.0 and 2.0, and headers longer than any that NumPy would write for these. */
#include "engine/io/npy_header.h"
#include "engine/record/shape.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAGIC = 6, ALIGNMENT = 64 };

static const unsigned char magic[MAGIC] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

typedef struct parser {
    const char *start, *at, *end;
    const weft__npy_report *report;
} parser;

weft_status weft__npy_fail(const weft__npy_report *r, weft_status status, const char *format, ...)
{
    if (!r->message)
        return status;
    int used = snprintf(r->message, WEFT_MESSAGE_SIZE, "%.200s: ", r->name);
    used = used < 0 ? 0 : used;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->message + used, (size_t)(WEFT_MESSAGE_SIZE - used), format, arguments);
    va_end(arguments);
    return status;
}

bool weft__npy_big_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 0;
}

/* --- the header's text --- */

static void skip_space(parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static bool eat(parser *p, char c)
{
    skip_space(p);
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static bool eat_word(parser *p, const char *word)
{
    skip_space(p);
    size_t n = strlen(word);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n))
        return false;
    p->at += n;
    return true;
}

/* A string in either kind of quotes, without escapes. */
static bool eat_quoted(parser *p, const char **text, size_t *n)
{
    skip_space(p);
    if (p->at == p->end || (*p->at != '\'' && *p->at != '"'))
        return false;
    const char *first = p->at + 1, *last = memchr(first, *p->at, (size_t)(p->end - first));
    if (!last || memchr(first, '\\', (size_t)(last - first)))
        return false;
    *text = first;
    *n = (size_t)(last - first);
    p->at = last + 1;
    return true;
}

static weft_status malformed(const parser *p, const char *expected)
{
    return weft__npy_fail(p->report, WEFT_ERROR_FORMAT,
                          "its header is malformed at character %zu, where %s should be; write the file with numpy.save",
                          (size_t)(p->at - p->start), expected);
}

/* Text from the file, made fit for a message. */
static const char *quote(const char *text, size_t n, char shown[40])
{
    size_t kept = n < 32 ? n : 32;
    for (size_t i = 0; i < kept; i++)
        shown[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
    strcpy(shown + kept, n > kept ? "..." : "");
    return shown;
}

static const char *dtype_cure(char kind)
{
    switch (kind) {
    case 'b':
    case 'i':
    case 'u':
        return "convert with x.astype('int64')";
    case 'f':
        return "convert with x.astype('float64')";
    case 'c':
        return "save x.real and x.imag apart";
    default:
        return "save an array of float32, float64 or int64";
    }
}

static weft_status parse_descr(parser *p, weft__npy_header *h)
{
    static const struct {
        char text[3];
        weft_dtype dtype;
    } known[] = {{"f4", WEFT_F32}, {"f8", WEFT_F64}, {"i8", WEFT_I64}};
    if (eat(p, '['))
        return weft__npy_fail(p->report, WEFT_ERROR_FORMAT, "it has a structured dtype, which is not supported; save one field, x['name']");
    const char *text;
    size_t n;
    if (!eat_quoted(p, &text, &n))
        return malformed(p, "a dtype such as '<f8'");
    bool ordered = n == 3 && (text[0] == '<' || text[0] == '>' || text[0] == '=');
    for (size_t i = 0; ordered && i < sizeof known / sizeof *known; i++)
        if (!memcmp(text + 1, known[i].text, 2)) {
            h->dtype = known[i].dtype;
            h->swapped = text[0] != '=' && (text[0] == '>') != weft__npy_big_endian();
            return WEFT_OK;
        }
    char shown[40];
    return weft__npy_fail(p->report, WEFT_ERROR_FORMAT, "dtype '%s' is not supported, only f4, f8 and i8 are; %s", quote(text, n, shown),
                          dtype_cure(n > 1 ? text[1] : 0));
}

static weft_status parse_fortran_order(parser *p, weft__npy_header *h)
{
    h->fortran = eat_word(p, "True");
    return h->fortran || eat_word(p, "False") ? WEFT_OK : malformed(p, "True or False");
}

static weft_status parse_dim(parser *p, size_t *dim)
{
    skip_space(p);
    if (p->at < p->end && *p->at == '-')
        return weft__npy_fail(p->report, WEFT_ERROR_FORMAT, "its shape has a negative dim; dims count elements");
    const char *first = p->at;
    for (*dim = 0; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        size_t digit = (size_t)(*p->at - '0');
        if (*dim > (SIZE_MAX - digit) / 10)
            return weft__npy_fail(p->report, WEFT_ERROR_FORMAT, "its shape has a dim too large for this machine");
        *dim = *dim * 10 + digit;
    }
    if (p->at == first)
        return malformed(p, "a dim or ')'");
    if (p->at < p->end && *p->at == 'L') /* as Python 2 wrote it */
        p->at++;
    return WEFT_OK;
}

/* A tuple: (), (3,), (3, 4), (3, 4,). */
static weft_status parse_shape(parser *p, weft__npy_header *h)
{
    if (!eat(p, '('))
        return malformed(p, "a tuple of dims");
    bool comma = true;
    while (!eat(p, ')')) {
        if (!comma)
            return malformed(p, "',' or ')'");
        if (h->shape.rank == WEFT_MAX_RANK)
            return weft__npy_fail(p->report, WEFT_ERROR_FORMAT, "its rank is above %d; merge axes with x.reshape", WEFT_MAX_RANK);
        weft_status status = parse_dim(p, &h->shape.dim[h->shape.rank++]);
        if (status != WEFT_OK)
            return status;
        comma = eat(p, ',');
    }
    return h->shape.rank == 1 && !comma ? malformed(p, "the comma of a tuple of one dim") : WEFT_OK;
}

static weft_status parse_dictionary(parser *p, weft__npy_header *h)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    static weft_status (*const parse_value[])(parser *, weft__npy_header *) = {parse_descr, parse_fortran_order, parse_shape};
    bool seen[3] = {false}, more = true;
    if (!eat(p, '{'))
        return malformed(p, "'{'");
    while (!eat(p, '}')) {
        const char *key;
        char shown[40];
        size_t n, k = 0;
        if (!more)
            return malformed(p, "',' or '}'");
        if (!eat_quoted(p, &key, &n))
            return malformed(p, "a quoted key");
        while (k < 3 && (n != strlen(keys[k]) || memcmp(key, keys[k], n)))
            k++;
        if (k == 3)
            return weft__npy_fail(p->report, WEFT_ERROR_FORMAT, "its header has an unknown key '%s'; write the file with numpy.save",
                                  quote(key, n, shown));
        if (seen[k])
            return weft__npy_fail(p->report, WEFT_ERROR_FORMAT, "its header has the key '%s' twice; write the file with numpy.save",
                                  keys[k]);
        seen[k] = true;
        if (!eat(p, ':'))
            return malformed(p, "':'");
        weft_status status = parse_value[k](p, h);
        if (status != WEFT_OK)
            return status;
        more = eat(p, ',');
    }
    for (size_t k = 0; k < 3; k++)
        if (!seen[k])
            return weft__npy_fail(p->report, WEFT_ERROR_FORMAT, "its header lacks the key '%s'; write the file with numpy.save", keys[k]);
    skip_space(p);
    return p->at == p->end ? WEFT_OK : malformed(p, "only padding");
}

/* --- the header --- */

bool weft__npy_prefix(const unsigned char *bytes, size_t n, size_t *start, size_t *length)
{
    if (n < WEFT__NPY_SHORT_PREFIX || memcmp(bytes, magic, MAGIC) || bytes[7] != 0 || (bytes[6] != 1 && bytes[6] != 2))
        return false;
    *start = bytes[6] == 1 ? WEFT__NPY_SHORT_PREFIX : WEFT__NPY_LONG_PREFIX;
    if (n < *start)
        return false;
    *length = bytes[8] | (size_t)bytes[9] << 8;
    if (*start == WEFT__NPY_LONG_PREFIX)
        *length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    return true;
}

static weft_status check_prefix(const weft__npy_report *r, const unsigned char *bytes, size_t n, size_t *start, size_t *length)
{
    if (n == 0)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "the file is empty; write it with numpy.save");
    if (n >= 4 && !memcmp(bytes, "PK\3\4", 4))
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "this is an .npz archive; read it as one, or save one array with numpy.save");
    if (memcmp(bytes, magic, n < MAGIC ? n : MAGIC))
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "this is no .npy file; write it with numpy.save");
    if (!weft__npy_prefix(bytes, n, start, length)) {
        if (n >= WEFT__NPY_SHORT_PREFIX && ((bytes[6] != 1 && bytes[6] != 2) || bytes[7] != 0))
            return weft__npy_fail(r, WEFT_ERROR_FORMAT,
                                  "its version is %d.%d, only 1.0 and 2.0 are supported; write the file with numpy.save", bytes[6],
                                  bytes[7]);
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "the file ends before its header; copy it again");
    }
    if (*length > WEFT__NPY_HEADER_LIMIT)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "its header claims %zu bytes, the limit is %d; write the file with numpy.save", *length,
                              WEFT__NPY_HEADER_LIMIT);
    if (*length > n - *start)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "its header claims %zu bytes and the file has %zu left; copy it again", *length,
                              n - *start);
    return WEFT_OK;
}

weft_status weft__npy_parse(const weft__npy_report *r, const unsigned char *bytes, size_t n, weft__npy_header *h)
{
    size_t start, length;
    weft_status status = check_prefix(r, bytes, n, &start, &length);
    if (status != WEFT_OK)
        return status;
    const char *text = (const char *)bytes + start;
    parser p = {.start = text, .at = text, .end = text + length, .report = r};
    *h = (weft__npy_header){.end = start + length};
    status = parse_dictionary(&p, h);
    if (status != WEFT_OK)
        return status;
    if (weft__shape_check(&h->shape))
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "its shape asks for more than memory can hold");
    h->bytes = weft_shape_count(&h->shape) * weft_dtype_size(h->dtype);
    return WEFT_OK;
}

size_t weft__npy_build(const weft_array *array, char text[static WEFT__NPY_BUILT_SIZE])
{
    static const char *const descr[] = {[WEFT_F32] = "<f4", [WEFT_F64] = "<f8", [WEFT_I64] = "<i8"};
    char shape[192];
    weft__shape_print(&array->shape, shape, sizeof shape);
    if (array->shape.rank == 1)
        strcpy(strchr(shape, ')'), ",)");
    int n = snprintf(text + WEFT__NPY_SHORT_PREFIX, WEFT__NPY_BUILT_SIZE - WEFT__NPY_SHORT_PREFIX,
                     "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr[array->dtype], shape);
    size_t used = WEFT__NPY_SHORT_PREFIX + (size_t)n, end = (used + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    memset(text + used, ' ', end - used);
    text[end - 1] = '\n';
    memcpy(text, magic, MAGIC);
    text[6] = 1;
    text[7] = 0;
    text[8] = (char)((end - WEFT__NPY_SHORT_PREFIX) & 0xff);
    text[9] = (char)((end - WEFT__NPY_SHORT_PREFIX) >> 8);
    return end;
}
