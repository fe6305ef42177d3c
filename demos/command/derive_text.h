/* derive_text.h: a derivation printed: for the terminal, as a document for pdflatex, and as JSON. */
#ifndef WEFT_DEMOS_DERIVE_TEXT_H
#define WEFT_DEMOS_DERIVE_TEXT_H

#include "weft.h"

typedef struct derive_about { /* what it is a derivation of */
    const char *expression;
    bool ascii, unproved;
    int width; /* of the terminal; what is longer goes on in the next line */
} derive_about;

void derive_print_text(const derive_about *about, const weft_derivation *d);
void derive_print_tex(const derive_about *about, const weft_derivation *d);
bool derive_print_json(const derive_about *about, const weft_derivation *d, bool good); /* false after saying on stderr that memory was short */

#endif
