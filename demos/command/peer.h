/* peer.h: a Python with PyTorch as a process beside the command, which times the same work on request. It runs a script of demos/command/, which says
 * "ready VERSION" once PyTorch is there, answers each line "WORK REPEATS" with the seconds that the repeats took, and ends with its input. */
#ifndef WEFT_DEMOS_PEER_H
#define WEFT_DEMOS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PEER_TEXT = 120 };

typedef struct peer {
    pid_t process;
    int socket;           /* -1: there is none */
    char name[PEER_TEXT]; /* "PyTorch VERSION" */
    char why[PEER_TEXT];  /* it is not there, or has stopped answering */
} peer;

/* The first Python that can import torch: that of the environment's WEFT_PYTHON, or else python3 and /usr/bin/python3. threads: 0 is one for each
 * core. False with why where there is none. */
bool peer_start(peer *p, const char *script, int threads);

/* What the repeats took, by the peer's own clock; 0, and from then on, once it has given no answer for a minute, or another one. */
double peer_seconds(peer *p, const char *work, size_t repeats);

void peer_stop(peer *p); /* may be called for one that did not start */

#endif
