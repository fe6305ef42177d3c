/* terminal.h: what the command says to people: a progress line, colour where it is wanted, numbers with units. */
#ifndef WEFT_DEMOS_TERMINAL_H
#define WEFT_DEMOS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

double seconds_now(void); /* monotonic */

/* Colour on a terminal only, and never against NO_COLOR. good > 0 green, < 0 red, 0 bold; returns "" where colour is off. */
const char *paint(int good);
const char *paint_sign(int sign); /* blue above 0, red below */
const char *paint_end(void);

bool is_on_terminal(void); /* stdin and stdout are one that can be drawn on */
bool speaks_utf8(void);    /* the user's locale */
int terminal_width(void);  /* columns: $COLUMNS, what the terminal says, or 80 */

/* One line on stderr that is drawn over; nothing where stderr is no terminal. text: what stands behind the bar. */
void progress(const char *label, size_t done, size_t all, const char *text);
void progress_end(void);

/* "1.25 MB", "81.2 us" into text, returned. */
enum { UNIT_TEXT = 32 };
const char *print_bytes(double bytes, char text[UNIT_TEXT]);
const char *print_seconds(double seconds, char text[UNIT_TEXT]);

#endif
