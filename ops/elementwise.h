/* elementwise.h: from an expression in a and b to kernels.
 *
 *     WEFT_ELEMENTWISE2(mul, a * b)
 *
 * defines mul_f32 and mul_f64, and the expression as text, from which loops are printed as C. In the expression T is the element's type, and
 * functions of <tgmath.h> follow it; macros are not for it, since the text would name them.
 * What <math.h> has not, or not in a form that compilers vectorise, is a pair of functions of the op's own, name() of a double and namef() of a
 * float, which may call the other. WEFT_FUNCTION(text, ...) defines one and keeps its text; `#define name(a) WEFT_TYPED(name, a)` then lets the
 * expression call the one of its type. exponential.h and logarithm.h have such functions for several ops. WEFT_NARROWED(name) is the one of a float
 * that rounds what the one of a double gives, with the text namef_text.
 * The loops are ordinary functions in elementwise_loops.inc; they are inlined around the expression. */
#ifndef WEFT_OPS_ELEMENTWISE_H
#define WEFT_OPS_ELEMENTWISE_H

#include "engine/weft_op.h"

#include <tgmath.h>

#ifdef __OPTIMIZE_SIZE__
#define WEFT_INLINE static inline
#else
#define WEFT_INLINE static inline __attribute__((always_inline))
#endif

#define LOOPS "ops/elementwise_loops.inc"
#include "ops/both_types.inc"

#define WEFT_ELEMENTWISE1(name, expression) static const char name##_text[] = #expression; WEFT__MAP1(name, float, f32, expression) WEFT__MAP1(name, double, f64, expression)
#define WEFT_ELEMENTWISE2(name, expression) static const char name##_text[] = #expression; WEFT__MAP2(name, float, f32, expression) WEFT__MAP2(name, double, f64, expression)
#define WEFT_ELEMENTWISE3(name, expression) static const char name##_text[] = #expression; WEFT__MAP3(name, float, f32, expression) WEFT__MAP3(name, double, f64, expression)
#define WEFT_KERNELS(name) .map = {name##_f32, name##_f64}, .single = {name##_single_f32, name##_single_f64}, .text = name##_text

#define WEFT_FUNCTION(text, ...) __VA_ARGS__ static const char text[] = #__VA_ARGS__;
#define WEFT_NARROWED(name) WEFT__NARROWED(name##f, name, name##f_text)
#define WEFT__NARROWED(narrow, wide, text) WEFT_FUNCTION(text, static inline float narrow(float a) { return (float)wide((double)a); })
#define WEFT_TYPED(name, a) _Generic((a), float : name##f, double : name)(a)

/* What the op is in a prime field, of one element: an expression in f, the field, and its operands x[0], x[1], ... */
#define WEFT_EXACT(name, expression) \
    static weft_exact_number name##_in_field(weft_field *f, const weft_exact_number *x) { (void)f, (void)x; return expression; } \
    static const weft_exact name##_exact = {.element = name##_in_field};

#define WEFT__MAP1(name, type, suffix, expression) \
    WEFT_INLINE type name##_at_##suffix(type a) { typedef type T; return (T)(expression); } \
    static inline __attribute__((unused)) void name##_single_##suffix(void *y, const void *const *x) { *(type *)y = name##_at_##suffix(*(const type *)x[0]); } \
    WEFT_CLONES static void name##_##suffix(size_t n, void *y, const void *const *x, const ptrdiff_t *s) { weft__map1_##suffix(n, y, x, s, name##_at_##suffix); }
#define WEFT__MAP2(name, type, suffix, expression) \
    WEFT_INLINE type name##_at_##suffix(type a, type b) { typedef type T; return (T)(expression); } \
    static inline __attribute__((unused)) void name##_single_##suffix(void *y, const void *const *x) { *(type *)y = name##_at_##suffix(*(const type *)x[0], *(const type *)x[1]); } \
    WEFT_CLONES static void name##_##suffix(size_t n, void *y, const void *const *x, const ptrdiff_t *s) { weft__map2_##suffix(n, y, x, s, name##_at_##suffix); }
#define WEFT__MAP3(name, type, suffix, expression) \
    WEFT_INLINE type name##_at_##suffix(type a, type b, type c) { typedef type T; return (T)(expression); } \
    static inline __attribute__((unused)) void name##_single_##suffix(void *y, const void *const *x) { *(type *)y = name##_at_##suffix(*(const type *)x[0], *(const type *)x[1], *(const type *)x[2]); } \
    WEFT_CLONES static void name##_##suffix(size_t n, void *y, const void *const *x, const ptrdiff_t *s) { weft__map3_##suffix(n, y, x, s, name##_at_##suffix); }

#endif
