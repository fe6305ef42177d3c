/* planted_families.h: the families of planted bugs, for the table of planted.c. */
#ifndef WEFT_TESTS_PLANTED_FAMILIES_H
#define WEFT_TESTS_PLANTED_FAMILIES_H

#include "tests/planted.h"

extern const planted_family planted_batchnorm, planted_batchnorm_running, planted_layernorm, planted_rmsnorm, planted_l2_normalize, planted_softmax,
    planted_cross_entropy, planted_affine, planted_relu_layer, planted_residual, planted_ridge;

#endif
