/* keys.h: keys one at a time. However the program ends, by a signal too, the terminal is left as it was found. */
#ifndef WEFT_DEMOS_KEYS_H
#define WEFT_DEMOS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

bool keys_begin(void); /* false: stdin is no terminal */
void keys_end(void);

enum { KEY_END = -1, KEY_REDRAW = -2, KEY_LEFT = 1000, KEY_RIGHT };

int keys_read(void);                   /* a character, KEY_LEFT, KEY_RIGHT; KEY_END: there are no more; KEY_REDRAW: the program was stopped, or resized */
bool keys_number(const char *prompt, size_t *number); /* digits up to Enter, shown; false: none */

#endif
