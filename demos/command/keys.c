/* keys.c: see keys.h. Characters come without Enter and are not shown; Ctrl-C and Ctrl-Z still are signals. Handlers only restore the terminal, which is
 * safe in them, and then let the signal do what it does. */
#define _GNU_SOURCE
#include "keys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios found, raw;
static volatile sig_atomic_t active, redraw;

static void restore(void)
{
    if (active)
        tcsetattr(STDIN_FILENO, TCSANOW, &found);
}

static void end_by(int signal_number)
{
    restore();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void stop(int signal_number)
{
    int held = errno;
    restore();
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* once this handler returns */
    errno = held;
}

static void go_on(int signal_number);

static void handle(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

static void go_on(int signal_number)
{
    (void)signal_number;
    int held = errno;
    if (active)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    handle(SIGTSTP, stop, 0);
    redraw = 1;
    errno = held;
}

static void resized(int signal_number)
{
    (void)signal_number;
    redraw = 1;
}

bool keys_begin(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    if (tcgetattr(STDIN_FILENO, &found))
        return false;
    raw = found;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    active = 1;
    atexit(restore);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        handle(ends[i], end_by, 0);
    handle(SIGTSTP, stop, 0);
    handle(SIGCONT, go_on, 0);
    handle(SIGWINCH, resized, 0);
    return !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void keys_end(void)
{
    restore();
    active = 0;
}

static int read_byte(void)
{
    unsigned char c;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (redraw) {
            redraw = 0;
            if (n != 1)
                return KEY_REDRAW;
        }
        if (n == 1)
            return c;
        if (n == 0 || errno != EINTR)
            return KEY_END;
    }
}

int keys_read(void)
{
    int c = read_byte();
    if (c != '\033')
        return c;
    c = read_byte();
    if (c != '[')
        return c;
    c = read_byte();
    return c == 'C' ? KEY_RIGHT : c == 'D' ? KEY_LEFT : 0;
}

bool keys_number(const char *prompt, size_t *number)
{
    bool any = false;
    *number = 0;
    printf("%s", prompt);
    fflush(stdout);
    for (;;) {
        int c = read_byte();
        if (c < '0' || c > '9' || *number > 100000000)
            return any && (c == '\n' || c == '\r');
        *number = *number * 10 + (size_t)(c - '0');
        any = true;
        putchar(c);
        fflush(stdout);
    }
}
