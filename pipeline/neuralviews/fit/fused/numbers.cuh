// The scalar operations of arithmetic v1 (docs/arithmetic.md): each rounds once, and nothing is contracted.
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;

#define DEVICE __device__ __forceinline__

DEVICE float horner(const float *coefficients, int count, float q)
{
    float value = coefficients[count - 1];
#pragma unroll
    for (int i = count - 2; i >= 0; --i)
        value = __fmaf_rn(q, value, coefficients[i]);
    return value;
}

// sin(pi t) and cos(pi t).
DEVICE void sincospi(float t, float &sine, float &cosine)
{
    const float for_sine[] = {SIN_PI}, for_cosine[] = {COS_PI};
    const float shifted = __fadd_rn(t, ROUND_TO_INTEGER);
    const float r = __fsub_rn(t, __fsub_rn(shifted, ROUND_TO_INTEGER));
    const float q = __fmul_rn(r, r);
    const u32 sign = __float_as_uint(shifted) << 31; // half turns come in odd and even
    const float s = __fmul_rn(horner(for_sine, sizeof(for_sine) / sizeof(float), q), r);
    const float c = horner(for_cosine, sizeof(for_cosine) / sizeof(float), q);
    sine = __uint_as_float(__float_as_uint(s) ^ sign);
    cosine = __uint_as_float(__float_as_uint(c) ^ sign);
}

// 1 / (1 + exp(-x)), or NaN if x is not finite.
DEVICE float sigmoid(float x)
{
    const float exponential[] = {EXP}, ln2[] = {LN2};
    float t = -x;
    t = t < -MOST ? -MOST : t;
    t = t > MOST ? MOST : t;
    const float shifted = __fmaf_rn(t, LOG2_E, ROUND_TO_INTEGER);
    const float minus_n = __fsub_rn(ROUND_TO_INTEGER, shifted);
    float r = t;
#pragma unroll
    for (int i = 0; i < 2; ++i)
        r = __fmaf_rn(minus_n, ln2[i], r);
    const float power = __uint_as_float((__float_as_uint(shifted) << 23) + ONE);
    const float grown = horner(exponential, sizeof(exponential) / sizeof(float), r);
    const float value = __fdiv_rn(1.0f, __fmaf_rn(grown, power, 1.0f));
    return __fadd_rn(value, __fsub_rn(x, x));
}

DEVICE bool is_finite(float x)
{
    return (__float_as_uint(x) & 0x7F800000u) != 0x7F800000u;
}

// Word `index` of a stream, as a number below `pool`; `minibatch.drawn_points`.
DEVICE u32 drawn(u64 key, u64 increment, u64 index, u64 pool)
{
    u64 u = key + (index + 1) * increment;
    u = (u ^ u >> MIX_SHIFT_1) * MIX_FACTOR_1;
    u = (u ^ u >> MIX_SHIFT_2) * MIX_FACTOR_2;
    u = u ^ u >> MIX_END;
    return u32((u >> 32) * pool >> 32);
}
