// Loss and gradient at a tile of points: the steps of docs/arithmetic.md, one function each.
#pragma once

#include "product.cuh"

// What a thread sums up over all points of a measurement: of its unit, and of the output alike in all threads.
struct Sums {
    Weights block;         // of the weights between hidden layers, if there is one block
    float first[IN];       // of the weights of the first layer
    float bias[LAYERS];
    float head[OUT];
    float head_bias[OUT];
    float squares;
};

template <int LAYER>
DEVICE void keep_cosines(float *scratch, const Part &cosines)
{
#pragma unroll
    for (int p = 0; p < 4; ++p)
#pragma unroll
        for (int s = 0; s < 2; ++s)
            store4(scratch + cosine_scratch(LAYER) + ((2 * p + s) * H + threadIdx.x) * 4, &cosines[p][4 * s]);
}

template <int LAYER> DEVICE void kept_cosines(const float *scratch, Part &cosines)
{
#pragma unroll
    for (int p = 0; p < 4; ++p)
#pragma unroll
        for (int s = 0; s < 2; ++s)
            load4(&cosines[p][4 * s], scratch + cosine_scratch(LAYER) + ((2 * p + s) * H + threadIdx.x) * 4);
}

// Step 1 and 2: sines of a hidden layer to shared memory; its cosines stay with the thread.
template <int LAYER>
DEVICE void hidden_layer(const Thread &me, float *shared, Part &cosines)
{
    const float *weights = shared + FORWARD + first_row(LAYER) * H;
    Part part;
    float bias[8];
#pragma unroll
    for (int s = 0; s < 2; ++s)
        load4(bias + 4 * s, weights + fan_in(LAYER) * H + me.block + 16 * s + 4 * me.fourth);
#pragma unroll
    for (int p = 0; p < 4; ++p)
#pragma unroll
        for (int j = 0; j < 8; ++j)
            part[p][j] = bias[j];
    if constexpr (LAYER == 0)
        add_products<IN, TILE, H>(me, shared + COORDS, weights, part);
    else
        add_products<fan_in(LAYER), POINTS, H>(me, shared + VALUES + (LAYER - 1) * H * POINTS, weights, part);
#pragma unroll
    for (int p = 0; p < 4; ++p)
#pragma unroll
        for (int j = 0; j < 8; ++j)
            sincospi(part[p][j], part[p][j], cosines[p][j]);
    store_part(me, part, shared + VALUES + LAYER * H * POINTS);
}

template <int LAYER>
DEVICE void hidden_layers(const Thread &me, float *shared, float *scratch, Part (&cosines)[2])
{
    // With up to two layers each has its registers; with more, all but the last are kept elsewhere.
    constexpr int PLACE = COSINES_IN_REGISTERS ? LAYER : LAYER == LAYERS - 1;
    hidden_layer<LAYER>(me, shared, cosines[PLACE]);
    if constexpr (!COSINES_IN_REGISTERS && LAYER < LAYERS - 1)
        keep_cosines<LAYER>(scratch, cosines[PLACE]);
    together();
    if constexpr (LAYER + 1 < LAYERS)
        hidden_layers<LAYER + 1>(me, shared, scratch, cosines);
}

// Add the upper to the lower half, down to one sum.
template <int HALF> DEVICE void fold(float (&sums)[16])
{
#pragma unroll
    for (int l = 0; l < HALF; ++l)
        sums[l] = __fadd_rn(sums[l], sums[l + HALF]);
    if constexpr (HALF > 1)
        fold<HALF / 2>(sums);
}

// Step 3: errors and deltas of a tile; those of points that only pad it are 0, which changes no sum.
DEVICE void output_layer(float *shared, const float (&targets)[OUT], int points, float offset, float scale)
{
    const int point = threadIdx.x;
    if (point >= TILE)
        return;
    const float *values = shared + VALUES + (LAYERS - 1) * H * POINTS + point;
    constexpr int TERMS = (width(LAYERS - 1) + 15) / 16 * 16;
#pragma unroll
    for (int c = 0; c < OUT; ++c) {
        float sums[16];
#pragma unroll
        for (int j = 0; j < TERMS; j += 4) {
            float weight[4];
            load4(weight, shared + HEAD + c * H + j);
#pragma unroll
            for (int q = 0; q < 4; ++q) {
                const float value = values[(j + q) * POINTS];
                float &sum = sums[(j + q) % 16];
                sum = j < 16 ? __fmul_rn(weight[q], value) : __fmaf_rn(weight[q], value, sum);
            }
        }
        fold<8>(sums);
        const float output = __fadd_rn(sums[0], __fadd_rn(shared[HEAD_BIAS + c], offset));
        const float given = LOGITS ? sigmoid(output) : output;
        const float error = point < points ? __fsub_rn(given, targets[c]) : 0.0f;
        shared[ERRORS + c * TILE + point] = error;
        shared[DELTAS + c * TILE + point] = __fmul_rn(error, scale);
    }
}

// Step 4 and 6: sums over points that need the sines of the last layer.
DEVICE void add_output_sums(const Thread &me, const float *shared, int points, Sums &sums)
{
    const float *values = shared + VALUES + ((LAYERS - 1) * H + me.column) * POINTS;
#pragma unroll 1
    for (int p = 0; p < points; p += 4) {
        float value[4], error[OUT][4], delta[OUT][4];
        load4(value, values + p);
#pragma unroll
        for (int c = 0; c < OUT; ++c) {
            load4(error[c], shared + ERRORS + c * TILE + p);
            load4(delta[c], shared + DELTAS + c * TILE + p);
        }
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
            for (int c = 0; c < OUT; ++c) {
                sums.squares = __fmaf_rn(error[c][i], error[c][i], sums.squares);
                sums.head[c] = __fmaf_rn(value[i], delta[c][i], sums.head[c]);
                sums.head_bias[c] = __fadd_rn(sums.head_bias[c], delta[c][i]);
            }
    }
}

// Step 5, of the last hidden layer: its deltas take the place of its sines.
DEVICE void last_deltas(const Thread &me, float *shared, const Part &cosines)
{
    Part part = {};
    add_products<OUT, TILE, H>(me, shared + DELTAS, shared + HEAD_BACK, part);
    multiply(part, cosines);
    store_part(me, part, shared + VALUES + (LAYERS - 1) * H * POINTS);
}

// Step 6 of a layer, and step 5 of the one below: for all hidden layers but the first.
template <int LAYER>
DEVICE void hidden_gradients(const Thread &me, float *shared, float *scratch, int points, Part (&cosines)[2],
                             Sums &sums)
{
    float *below = shared + VALUES + (LAYER - 1) * H * POINTS;
    const float *deltas = below + H * POINTS;
#pragma unroll
    for (int block = 0; block < WARPS; ++block) {
        if (block * 32 >= fan_in(LAYER))
            continue;
        if constexpr (GRADIENT_IN_REGISTERS) {
            add_gradient(me, below, deltas, points, sums.block);
        } else {
            Weights part;
            float *kept = scratch + gradient_scratch(LAYER, block) + 4 * threadIdx.x;
#pragma unroll
            for (int r = 0; r < 8; ++r)
                load4(part[r], kept + r * 4 * H);
            add_gradient(me, below + block * 32 * POINTS, deltas, points, part);
#pragma unroll
            for (int r = 0; r < 8; ++r)
                store4(kept + r * 4 * H, part[r]);
        }
    }
    Part part = {};
    add_products<width(LAYER), POINTS, UNITS>(me, deltas, shared + BACK + (LAYER - 1) * H * UNITS, part);
    if constexpr (!COSINES_IN_REGISTERS)
        kept_cosines<LAYER - 1>(scratch, cosines[0]);
    multiply(part, cosines[0]);
    together(); // all have read the sines that the deltas replace
    store_part(me, part, below);
    together();
    if constexpr (LAYER > 1)
        hidden_gradients<LAYER - 1>(me, shared, scratch, points, cosines, sums);
}

// Step 6: sums over points that need nothing but deltas and coordinates.
DEVICE void add_hidden_sums(const Thread &me, const float *shared, int points, Sums &sums)
{
    const float *deltas = shared + VALUES + me.column * POINTS;
#pragma unroll 1
    for (int p = 0; p < points; p += 4) {
        float delta[LAYERS][4], coords[IN][4];
#pragma unroll
        for (int l = 0; l < LAYERS; ++l)
            load4(delta[l], deltas + l * H * POINTS + p);
#pragma unroll
        for (int d = 0; d < IN; ++d)
            load4(coords[d], shared + COORDS + d * TILE + p);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int d = 0; d < IN; ++d)
                sums.first[d] = __fmaf_rn(coords[d][i], delta[0][i], sums.first[d]);
#pragma unroll
            for (int l = 0; l < LAYERS; ++l)
                sums.bias[l] = __fadd_rn(sums.bias[l], delta[l][i]);
        }
    }
}

DEVICE void add_tile(const Thread &me, float *shared, float *scratch, const float (&targets)[OUT], int points,
                     float offset, float scale, bool with_gradient, Sums &sums)
{
    Part cosines[2];
    hidden_layers<0>(me, shared, scratch, cosines);
    output_layer(shared, targets, points, offset, scale);
    together();
    const int fours = in_fours(points);
    add_output_sums(me, shared, fours, sums);
    if (!with_gradient)
        return;
    together(); // all have read the sines that the deltas replace
    last_deltas(me, shared, cosines[LAYERS > 1]);
    together();
    if constexpr (LAYERS > 1)
        hidden_gradients<LAYERS - 1>(me, shared, scratch, fours, cosines, sums);
    add_hidden_sums(me, shared, fours, sums);
}
