/* network.h: 64-100-10 on the digits: affine, batch normalization, ReLU, affine, softmax cross-entropy; a training step is one program. */
#ifndef WEFT_DEMOS_NETWORK_H
#define WEFT_DEMOS_NETWORK_H

#include "sample.h"

typedef enum norm { NORM_NONE, NORM_STAGED, NORM_FUSED, NORMS } norm;
extern const char *const norm_name[NORMS];

enum { HIDDEN = 100, BATCH = 64, PARAMETERS = 6 };

typedef struct network {
    norm kind;
    const digits *data;
    double rate; /* of learning */
    weft_tape *tape;
    weft_program *step, *judge;
    weft_node x, label, index;         /* inputs of a step */
    weft_node train_x, test_x;         /* inputs of the judge */
    weft_node w[PARAMETERS];           /* w1 b1 gamma beta w2 b2 */
    weft_node average[PARAMETERS];     /* of each over the latest steps */
    int n_parameters;                  /* 4 without normalization */
} network;

/* options: how the step is compiled; NULL for the defaults, which the judge has in any case. False after saying on stderr what is wrong;
 * network_free() is due either way. */
bool network_make(network *n, norm kind, const digits *data, double rate, uint64_t seed, const weft_options *options);
void network_free(network *n);

/* One step of gradient descent on BATCH rows of the digits; returns the loss, NAN on an error. */
double network_step(network *n, const int64_t *rows);

/* The share of the rows from DIGITS_TO_TRAIN on that the averaged weights classify rightly, with the statistics of all rows before. */
double network_accuracy(network *n);

#endif
