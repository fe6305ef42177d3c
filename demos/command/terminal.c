/* terminal.c: see terminal.h. */
#define _GNU_SOURCE
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_terminal(int descriptor)
{
    const char *term = getenv("TERM");
    return isatty(descriptor) && !(term && !strcmp(term, "dumb"));
}

static bool coloured(void)
{
    const char *no = getenv("NO_COLOR");
    return is_terminal(STDOUT_FILENO) && !(no && *no);
}

const char *paint(int good)
{
    return !coloured() ? "" : good > 0 ? "\033[32m" : good < 0 ? "\033[31m" : "\033[1m";
}

const char *paint_sign(int sign)
{
    return !coloured() || !sign ? "" : sign > 0 ? "\033[34m" : "\033[31m";
}

bool is_on_terminal(void)
{
    return is_terminal(STDOUT_FILENO) && isatty(STDIN_FILENO);
}

bool speaks_utf8(void)
{
    setlocale(LC_CTYPE, "");
    return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

int terminal_width(void)
{
    enum { USUAL = 80, NARROWEST = 40, WIDEST = 1000 };
    struct winsize window = {0};
    const char *columns = getenv("COLUMNS");
    long width = columns ? strtol(columns, NULL, 10) : 0;
    if (width <= 0 && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &window))
        width = window.ws_col;
    return width <= 0 ? USUAL : width < NARROWEST ? NARROWEST : width > WIDEST ? WIDEST : (int)width;
}

const char *paint_end(void)
{
    return coloured() ? "\033[0m" : "";
}

void progress(const char *label, size_t done, size_t all, const char *text)
{
    static double last;
    enum { WIDTH = 24 };
    if (!is_terminal(STDERR_FILENO))
        return;
    double now = seconds_now();
    if (done < all && now - last < 0.05)
        return;
    last = now;
    size_t filled = all ? done * WIDTH / all : WIDTH;
    char bar[WIDTH + 1];
    memset(bar, '-', WIDTH);
    memset(bar, '#', filled < WIDTH ? filled : WIDTH);
    bar[WIDTH] = 0;
    fprintf(stderr, "\r%-8s [%s] %s\033[K", label, bar, text);
    fflush(stderr);
}

void progress_end(void)
{
    if (is_terminal(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

static const char *scaled(double value, const char *const *unit, int units, double base, char text[UNIT_TEXT])
{
    int u = 0;
    while (u + 1 < units && value >= base) {
        value /= base;
        u++;
    }
    snprintf(text, UNIT_TEXT, value >= 100 || (u == 0 && value == (double)(long)value) ? "%.0f %s" : "%.3g %s", value, unit[u]);
    return text;
}

const char *print_bytes(double bytes, char text[UNIT_TEXT])
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB"};
    return scaled(bytes, unit, 4, 1024, text);
}

const char *print_seconds(double seconds, char text[UNIT_TEXT])
{
    static const char *const unit[] = {"ns", "us", "ms", "s"};
    return scaled(seconds * 1e9, unit, 4, 1000, text);
}
