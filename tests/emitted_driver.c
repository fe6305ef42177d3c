/* emitted_driver.c: calls what `weft emit` has written, as its user would: nothing of Weft is linked. tests/emit.sh compiles it with
 *     HEADER, FORWARD, GRADIENT, WORKSPACE_FORWARD, WORKSPACE_GRADIENT, T, N, D, LENGTH_Y, and one of INPUTS_1, INPUTS_2, INPUTS_3, INPUTS_MEAN.
 * Reads x (N, D), gamma (D), beta (D) and dy from the file argv[1], and writes y, dx, dgamma and dbeta to argv[2]. Every array, and the
 * workspace, is a block of its own of exactly the stated size, so that a sanitizer sees what goes beyond. */
#include HEADER

#include <stdio.h>
#include <stdlib.h>

static T *array(size_t n, FILE *from)
{
    T *made = malloc(n * sizeof *made);
    if (!made || (from && fread(made, sizeof *made, n, from) != n)) {
        fprintf(stderr, "no array\n");
        exit(2);
    }
    for (size_t i = 0; !from && i < n; i++)
        made[i] = 0;
    return made;
}

int main(int argc, char **argv)
{
    FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL, *out = argc == 3 ? fopen(argv[2], "wb") : NULL;
    if (!in || !out)
        return 2;
    T *x = array(N * D, in), *gamma = array(D, in), *beta = array(D, in), *dy = array(LENGTH_Y, in);
    T *y = array(LENGTH_Y, NULL), *dx = array(N * D, NULL), *dgamma = array(D, NULL), *dbeta = array(D, NULL);
    void *forward = malloc(WORKSPACE_FORWARD + !WORKSPACE_FORWARD), *gradient = malloc(WORKSPACE_GRADIENT + !WORKSPACE_GRADIENT);
    if (!forward || !gradient)
        return 2;
    for (int again = 0; again < 2; again++) { /* a second call finds the workspace as the first has left it */
#if defined INPUTS_3
        FORWARD(x, gamma, beta, y, forward);
        GRADIENT(x, gamma, dy, dx, dgamma, dbeta, gradient);
#elif defined INPUTS_2
        FORWARD(x, gamma, y, forward);
        GRADIENT(x, gamma, dy, dx, dgamma, gradient);
#elif defined INPUTS_1
        FORWARD(x, y, forward);
        GRADIENT(x, dy, dx, gradient);
#else
        FORWARD(x, y, forward);
        GRADIENT(dy, dx, gradient);
#endif
    }
#ifdef SPOIL
    dx[N * D - 1] += (T)1e-3 * dx[N * D - 1] + (T)1e-3 * dx[0];
#endif
    fwrite(y, sizeof *y, LENGTH_Y, out);
    fwrite(dx, sizeof *dx, N * D, out);
    fwrite(dgamma, sizeof *dgamma, D, out);
    fwrite(dbeta, sizeof *dbeta, D, out);
    free(x), free(gamma), free(beta), free(dy), free(y), free(dx), free(dgamma), free(dbeta), free(forward), free(gradient);
    return fclose(out) != 0 || fclose(in) != 0;
}
