// Sums of products over units or points, each in its stated order, 32 of them for each thread at a time.
//
// Threads of a warp are 8 by 4, by bits 0, 2, 4 and 1, 3 of their number. Loads of 16 bytes are served for half
// a warp at once only if neighbours in bit 0, or those in bit 1, want the same address; so they do here.
#pragma once

#include "layout.cuh"
#include "numbers.cuh"

struct Thread {
    int column; // the unit that it stands for
    int block;  // the first unit of its warp
    int eighth, fourth;
};

DEVICE Thread this_thread()
{
    const int lane = threadIdx.x % LANES;
    return {int(threadIdx.x), int(threadIdx.x) - lane, (lane & 1) | (lane >> 1 & 2) | (lane >> 2 & 4),
            (lane >> 1 & 1) | (lane >> 2 & 2)};
}

DEVICE void together()
{
    if (WARPS == 1)
        __syncwarp();
    else
        __syncthreads();
}

DEVICE void load4(float *target, const float *source)
{
    const float4 four = *reinterpret_cast<const float4 *>(source);
    target[0] = four.x, target[1] = four.y, target[2] = four.z, target[3] = four.w;
}

DEVICE void store4(float *target, const float *source)
{
    *reinterpret_cast<float4 *>(target) = make_float4(source[0], source[1], source[2], source[3]);
}

// A thread's part of (points, units) of its warp: point 4 eighth + i and unit 16 s + 4 fourth + j are at
// [i][4 s + j].
typedef float Part[4][8];

// part[p][j] = fma(values[k][p], weights[k][j], .) for k ascending.
template <int COUNT, int VALUE_STRIDE, int WEIGHT_STRIDE>
DEVICE void add_products(const Thread &me, const float *values, const float *weights, Part &part)
{
    values += 4 * me.eighth;
    weights += me.block + 4 * me.fourth;
#pragma unroll 4
    for (int k = 0; k < COUNT; ++k) {
        float a[4], b[8];
        load4(a, values + k * VALUE_STRIDE);
#pragma unroll
        for (int s = 0; s < 2; ++s)
            load4(b + 4 * s, weights + k * WEIGHT_STRIDE + 16 * s);
#pragma unroll
        for (int p = 0; p < 4; ++p)
#pragma unroll
            for (int j = 0; j < 8; ++j)
                part[p][j] = __fmaf_rn(a[p], b[j], part[p][j]);
    }
}

// part[p][j] *= factors[p][j].
DEVICE void multiply(Part &part, const Part &factors)
{
#pragma unroll
    for (int p = 0; p < 4; ++p)
#pragma unroll
        for (int j = 0; j < 8; ++j)
            part[p][j] = __fmul_rn(part[p][j], factors[p][j]);
}

// Write a part to (units, points).
DEVICE void store_part(const Thread &me, const Part &part, float *values)
{
#pragma unroll
    for (int j = 0; j < 8; ++j) {
        const float four[4] = {part[0][j], part[1][j], part[2][j], part[3][j]};
        const int unit = me.block + 16 * (j / 4) + 4 * me.fourth + j % 4;
        store4(values + unit * POINTS + 4 * me.eighth, four);
    }
}

// A thread's part of a block of 32 x 32 weights: input 4 r + fourth and unit 8 s + eighth are at [r][s].
typedef float Weights[8][4];

// part[k][j] = fma(inputs[k][p], deltas[j][p], .) for p ascending, over a whole number of fours.
DEVICE void add_gradient(const Thread &me, const float *inputs, const float *deltas, int points, Weights &part)
{
    inputs += me.fourth * POINTS;
    deltas += (me.block + me.eighth) * POINTS;
#pragma unroll 1
    for (int p = 0; p < points; p += 4) {
        float a[8][4], b[4][4];
#pragma unroll
        for (int r = 0; r < 8; ++r)
            load4(a[r], inputs + 4 * r * POINTS + p);
#pragma unroll
        for (int s = 0; s < 4; ++s)
            load4(b[s], deltas + 8 * s * POINTS + p);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
            for (int r = 0; r < 8; ++r)
#pragma unroll
                for (int s = 0; s < 4; ++s)
                    part[r][s] = __fmaf_rn(a[r][i], b[s][i], part[r][s]);
    }
}
