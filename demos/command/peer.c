/* peer.c: see peer.h. */
#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 60000 /* milliseconds for an answer */, LINE = 160 };

static bool child_start(peer *p, const char *python, const char *script, const char *threads)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return false;
    p->process = fork();
    if (p->process == 0) {
        dup2(pair[1], STDIN_FILENO);
        dup2(pair[1], STDOUT_FILENO);
        setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
        execlp(python, python, script, threads, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    p->socket = pair[0];
    return p->process > 0;
}

/* A line, of which the end is cut off; false: none has come in time. */
static bool read_line(const peer *p, char line[LINE])
{
    struct pollfd from = {.fd = p->socket, .events = POLLIN};
    for (size_t n = 0; n < LINE; n++) {
        int ready;
        while ((ready = poll(&from, 1, PATIENCE)) < 0 && errno == EINTR)
            ;
        if (ready <= 0 || read(p->socket, line + n, 1) != 1)
            return false;
        if (line[n] == '\n') {
            line[n] = 0;
            return true;
        }
    }
    return false;
}

void peer_stop(peer *p)
{
    if (p->socket >= 0)
        close(p->socket);
    if (p->process > 0) {
        kill(p->process, SIGKILL); /* it may be in the middle of a run that never ends */
        while (waitpid(p->process, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    p->socket = -1;
    p->process = 0;
}

static bool try_python(peer *p, const char *python, const char *script, const char *threads)
{
    char line[LINE], version[32];
    *p = (peer){.socket = -1};
    if (child_start(p, python, script, threads) && read_line(p, line) && sscanf(line, "ready %31s", version) == 1) {
        snprintf(p->name, sizeof p->name, "PyTorch %s", version);
        return true;
    }
    peer_stop(p);
    snprintf(p->name, sizeof p->name, "PyTorch");
    snprintf(p->why, sizeof p->why, "not installed: no Python that can import torch");
    return false;
}

bool peer_start(peer *p, const char *script, int threads)
{
    const char *given = getenv("WEFT_PYTHON");
    char count[16];
    snprintf(count, sizeof count, "%d", threads);
    if (given)
        return try_python(p, given, script, count);
    return try_python(p, "python3", script, count) || try_python(p, "/usr/bin/python3", script, count);
}

double peer_seconds(peer *p, const char *work, size_t repeats)
{
    char line[LINE], *end;
    if (p->socket < 0)
        return 0;
    int n = snprintf(line, sizeof line, "%s %zu\n", work, repeats);
    if (n > 0 && n < LINE && send(p->socket, line, (size_t)n, MSG_NOSIGNAL) == n && read_line(p, line)) {
        double seconds = strtod(line, &end);
        if (end != line && !*end && seconds > 0)
            return seconds;
    }
    peer_stop(p);
    snprintf(p->why, sizeof p->why, "gave no answer");
    return 0;
}
