/* peer.c: a child process that answers each line written to it with one line. */
#define _POSIX_C_SOURCE 200809L
#include "tests/peers/graphs.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool peer_start(peer *p, const char *python, const char *script)
{
    int to[2], from[2];
    *p = (peer){.child = -1};
    if (pipe(to) || pipe(from))
        return false;
    signal(SIGPIPE, SIG_IGN); /* a child that has ended is found when its answer is missing */
    fflush(NULL);
    p->child = fork();
    if (!p->child) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        for (int k = 0; k < 2; k++) {
            close(to[k]);
            close(from[k]);
        }
        execlp(python, python, script, "--answer", (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    p->to = fdopen(to[1], "w");
    p->from = fdopen(from[0], "r");
    return p->child > 0 && p->to && p->from;
}

bool peer_ask(peer *p, const char *line)
{
    ssize_t length = -1;
    if (fputs(line, p->to) >= 0 && putc('\n', p->to) != EOF && !fflush(p->to))
        length = getline(&p->answer, &p->size, p->from);
    if (length > 0 && p->answer[length - 1] == '\n')
        p->answer[length - 1] = 0;
    return length > 0;
}

void peer_end(peer *p)
{
    if (p->to)
        fclose(p->to);
    if (p->from)
        fclose(p->from);
    if (p->child > 0)
        waitpid(p->child, NULL, 0);
    free(p->answer);
    *p = (peer){.child = -1};
}
