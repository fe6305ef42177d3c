/* child.h: code that somebody else wrote, run in a process of its own, where it may crash or never end. */
#ifndef WEFT_DEMOS_CHILD_H
#define WEFT_DEMOS_CHILD_H

#include <stdbool.h>
#include <stddef.h>

enum { CHILD_ARRAYS = 12, CHILD_TIMES = 32 };

/* What a function of the library is called with: arrays that end where a page ends that must not be touched, so that a step too far is seen. They
 * are shared with the child. */
typedef struct child_arrays {
    void *data[CHILD_ARRAYS];
    size_t bytes[CHILD_ARRAYS];
    int n;
    void *region[CHILD_ARRAYS];
    size_t mapped[CHILD_ARRAYS];
} child_arrays;

void *child_array(child_arrays *a, size_t bytes); /* zeros; NULL when out of memory, or there are too many */
void child_arrays_free(child_arrays *a);

typedef struct child_request {
    const char *library; /* a shared object, which is loaded in the child */
    const char *symbol;  /* void symbol(void *const *arrays) */
    child_arrays *arrays;
    int first_output;    /* arrays from here on are written: NaNs are in them before each call */
    int outputs;
    double seconds;      /* for times; 0: called twice and no more */
    double limit;        /* seconds for all of it, then it is ended */
} child_request;

typedef struct child_result {
    bool good;      /* it ran to its end */
    bool steady;    /* the second call gave the bits of the first */
    size_t times;   /* rounds */
    double seconds; /* of a call, the median */
    char words[160]; /* why it did not: "it crashed (segmentation fault)" */
} child_result;

/* Sources to be compiled into a library that child_run() loads. */
typedef struct child_library {
    const char *command;      /* for what is said on stderr */
    const char *folder;       /* for what the compiler says; headers are looked for in `beside` first, then here */
    const char *source, *shim; /* what somebody wrote, and what calls it */
    const char *beside;
    const char *out;
} child_library;

/* With cc -O3 -march=native. False after saying on stderr why it does not compile. */
bool child_build(const child_library *l);

child_result child_run(const child_request *r);

#endif
