/* limits.h: what an expression may cost. A few letters of text ask for more than a machine has, broadcast_to(x, (10**9, 10**9)), and a small file can claim
 * to be a large one; so the memory and the work of a command have bounds, and what goes beyond them is refused before it is begun. */
#ifndef WEFT_DEMOS_LIMITS_H
#define WEFT_DEMOS_LIMITS_H

#include "weft_op.h"

#define LIMITS_USAGE                                                                                                                                 \
    "  --memory SIZE          at most so many bytes for arrays and what is computed from them, as 500M or 16G (default 4G)\n"                        \
    "  --work NUMBER          at most so many additions, or what takes as long, on the way (default 1e11, a minute or a few)\n"

typedef struct limits {
    const char *command;
    uint64_t memory, used;     /* bytes: allowed, and taken */
    uint64_t refused, beside;  /* those of a request of the allocator's that was refused, else 0, and what was taken then */
    double work;
} limits;

limits limits_default(const char *command);

enum { LIMITS_MEMORY = 1000, LIMITS_WORK }; /* what getopt_long() returns for them */

/* For the table of getopt_long(). */
#define LIMITS_OPTIONS {"memory", required_argument, NULL, LIMITS_MEMORY}, {"work", required_argument, NULL, LIMITS_WORK}

/* Reads --memory and --work among the arguments, wherever they stand, and leaves getopt_long() at its beginning; false after saying on stderr what is
 * wrong with them. brief, known: as getopt_long() takes them. */
struct option;
bool limits_read(limits *l, int argc, char **argv, const char *brief, const struct option *known);

/* Room for an array that is not the allocator's; false after saying on stderr that there is none. what: the array, in words. */
bool limits_take(limits *l, uint64_t bytes, const char *what);
void limits_give_back(limits *l, uint64_t bytes);

/* An allocator for a tape and its programs that stays within the memory. */
weft_allocator limits_allocator(limits *l);

/* Whether the outputs, computed so many times, stay within the work; false after saying on stderr that they do not. */
bool limits_allow(limits *l, const weft_node *outputs, size_t n, double times);

/* Says on stderr what a tape or a program says, or, where memory was refused, that --memory gives more. Always false. */
bool limits_fail(const limits *l, weft_status status, const char *message);

#endif
