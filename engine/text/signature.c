/* signature.c: the signatures of functions, as weft_op.h describes them, taken apart. They come from the source, not from users: a malformed one is
 * found by a test, and answered with -1. */
#include "engine/weft_op.h"

#include <ctype.h>
#include <string.h>

static void skip_space(const char **at)
{
    while (**at == ' ')
        ++*at;
}

static bool eat(const char **at, char c)
{
    skip_space(at);
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static weft_piece identifier(const char **at)
{
    skip_space(at);
    weft_piece piece = {*at, 0};
    while (isalnum((unsigned char)(*at)[piece.length]) || (*at)[piece.length] == '_')
        piece.length++;
    *at += piece.length;
    return piece;
}

/* Up to a comma, colon, "=" or "~" outside parentheses, or to the end; without the space around it. */
static weft_piece value(const char **at)
{
    skip_space(at);
    weft_piece piece = {*at, 0};
    for (int depth = 0; **at && (depth || !strchr(",=~:", **at)); ++*at)
        depth += **at == '(' ? 1 : **at == ')' ? -1 : 0;
    piece.length = (size_t)(*at - piece.text);
    while (piece.length && piece.text[piece.length - 1] == ' ')
        piece.length--;
    return piece;
}

static bool is(weft_piece piece, const char *text)
{
    return piece.length == strlen(text) && !memcmp(piece.text, text, piece.length);
}

static bool read_kind(const char **at, weft_formal *f)
{
    static const struct {
        const char *name;
        weft_argument_kind kind;
    } kinds[] = {{"nodes", WEFT_ARGUMENT_NODES}, {"real", WEFT_ARGUMENT_REAL}, {"int", WEFT_ARGUMENT_INT},
                 {"bool", WEFT_ARGUMENT_BOOL},   {"axes", WEFT_ARGUMENT_AXES}, {"ints", WEFT_ARGUMENT_INTS}};
    f->words = value(at);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (is(f->words, kinds[i].name)) {
            f->kind = kinds[i].kind;
            f->words.length = 0;
            return true;
        }
    f->kind = WEFT_ARGUMENT_WORD;
    return f->words.length && memchr(f->words.text, '|', f->words.length);
}

static bool read_formal(const char **at, weft_formal *f)
{
    *f = (weft_formal){.name = identifier(at)};
    const char *before = *at;
    f->indices = is(identifier(at), "i64");
    if (!f->indices)
        *at = before;
    skip_space(at);
    if (**at == '(')
        f->shape = value(at);
    bool good = f->name.length && (!eat(at, ':') || read_kind(at, f));
    if (good && eat(at, '='))
        f->otherwise = value(at);
    if (good && eat(at, '~'))
        f->example = value(at);
    return good;
}

int weft_signature_read(const char *signature, weft_formal formals[WEFT_MAX_ARGUMENTS])
{
    int n = 0;
    do {
        if (n == WEFT_MAX_ARGUMENTS || !read_formal(&signature, &formals[n++]))
            return -1;
    } while (eat(&signature, ','));
    return *signature ? -1 : n;
}
