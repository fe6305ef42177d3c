/* page.h: a writer into memory, for the tests of what prints. */
#ifndef WEFT_TESTS_PAGE_H
#define WEFT_TESTS_PAGE_H

#include "tests/suite.h"
#include "weft_op.h"

#include <string.h>

typedef struct page {
    char text[1 << 16];
    size_t used;
    int calls, calls_allowed; /* the call after these fails; 0: none does */
} page;

static inline bool write_page(void *context, const char *text, size_t bytes)
{
    page *p = context;
    p->calls++;
    ck_assert_uint_gt(bytes, 0);
    ck_assert_msg(!p->calls_allowed || p->calls <= p->calls_allowed + 1, "the writer was called again after it had failed");
    if (p->calls_allowed && p->calls > p->calls_allowed)
        return false;
    ck_assert_uint_lt(p->used + bytes, sizeof p->text);
    memcpy(p->text + p->used, text, bytes);
    p->used += bytes;
    p->text[p->used] = 0;
    return true;
}

static page paper;

static inline weft_writer blank(void)
{
    memset(&paper, 0, sizeof paper);
    return (weft_writer){write_page, &paper};
}

/* Fails with the line where the two texts part; whole texts may be too long for Check. */
static inline void assert_text(const char *text, const char *expected)
{
    size_t start = 0, at = 0;
    while (text[at] && text[at] == expected[at])
        if (text[at++] == '\n')
            start = at;
    ck_assert_msg(text[at] == expected[at], "printed  %.*s\nexpected %.*s", (int)strcspn(text + start, "\n"), text + start,
                  (int)strcspn(expected + start, "\n"), expected + start);
}

#endif
