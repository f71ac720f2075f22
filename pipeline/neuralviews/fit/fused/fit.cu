// Fits one field by arithmetic v1 (docs/arithmetic.md), all its steps in one launch: a block for each field.
//
// What is independent there is spread over threads; every sum is one thread's, in the stated order, so the bytes
// are those of the `cpu` engine. Compiled for one spec, see `program.py`.

#include "tile.cuh"

struct Signal {
    const float *coords;  // (count, IN), of all fields
    const float *targets; // (count, OUT), of this field
    int count;
    u64 key, increment; // the stream that steps draw their points from
};

struct Point {
    float coords[IN];
    float targets[OUT];
};

// The thread's point of the tile that begins at `start`, of `count`; of the signal's, or of those drawn.
DEVICE Point fetched(const Signal &signal, int start, int count, bool draws, u64 first_word)
{
    Point found = {};
    const int at = start + threadIdx.x;
    if (threadIdx.x >= TILE || at >= count)
        return found;
    const u64 point = draws ? drawn(signal.key, signal.increment, first_word + at, signal.count) : at;
#pragma unroll
    for (int d = 0; d < IN; ++d)
        found.coords[d] = signal.coords[point * IN + d];
#pragma unroll
    for (int c = 0; c < OUT; ++c)
        found.targets[c] = signal.targets[point * OUT + c];
    return found;
}

// The sum of squares at the points of a step, or at all points of the signal; and the packed gradient in VALUES.
DEVICE float measured(const Thread &me, float *shared, float *scratch, const Signal &signal, int count, bool draws,
                      u64 first_word, float offset, float scale, bool with_gradient)
{
    Sums sums = {};
    if constexpr (!GRADIENT_IN_REGISTERS) {
        const float zeros[4] = {};
        for (int i = 0; i < GRADIENT_FLOATS / 4; i += H)
            store4(scratch + 4 * (i + threadIdx.x), zeros);
    }
    Point next = fetched(signal, 0, count, draws, first_word);
    for (int start = 0; start < count; start += TILE) {
        const Point here = next;
        const int points = count - start < TILE ? count - start : TILE;
        together(); // all have read the coordinates of the tile before, and its deltas
#pragma unroll
        for (int d = 0; d < IN; ++d)
            if (threadIdx.x < TILE)
                shared[COORDS + d * TILE + threadIdx.x] = here.coords[d];
        together();
        if (start + TILE < count)
            next = fetched(signal, start + TILE, count, draws, first_word);
        add_tile(me, shared, scratch, here.targets, points, offset, scale, with_gradient, sums);
    }
    if (!with_gradient)
        return sums.squares;
    together(); // all have read the deltas that the gradient replaces
    float *gradient = shared + VALUES;
#pragma unroll
    for (int d = 0; d < IN; ++d)
        gradient[d * H + me.column] = sums.first[d];
#pragma unroll
    for (int l = 0; l < LAYERS; ++l)
        gradient[(first_row(l) + fan_in(l)) * H + me.column] = sums.bias[l];
#pragma unroll
    for (int c = 0; c < OUT; ++c) {
        gradient[(HEAD_ROW + c) * H + me.column] = sums.head[c];
        if (me.column == c)
            gradient[(HEAD_ROW + OUT) * H + c] = sums.head_bias[c];
    }
    if (me.column >= OUT)
        gradient[(HEAD_ROW + OUT) * H + me.column] = 0.0f;
#pragma unroll
    for (int l = 1; l < LAYERS; ++l)
#pragma unroll
        for (int block = 0; block < WARPS; ++block)
#pragma unroll
            for (int r = 0; r < 8; ++r) {
                const int k = block * 32 + 4 * r + me.fourth;
                float part[4];
                if constexpr (GRADIENT_IN_REGISTERS) {
#pragma unroll
                    for (int s = 0; s < 4; ++s)
                        part[s] = sums.block[r][s];
                } else {
                    load4(part, scratch + gradient_scratch(l, block) + (r * H + threadIdx.x) * 4);
                }
                if (k < fan_in(l))
#pragma unroll
                    for (int s = 0; s < 4; ++s)
                        gradient[(first_row(l) + k) * H + me.block + 8 * s + me.eighth] = part[s];
            }
    together();
    return sums.squares;
}

// Put a parameter where the products of the next measurement read it.
template <int LAYER> DEVICE void place_hidden(float *shared, int k, int column, float value)
{
    const float phases[] = {PHASES}, slopes[] = {SLOPES};
    shared[FORWARD + (first_row(LAYER) + k) * H + column] = __fmul_rn(phases[LAYER], value);
    if constexpr (LAYER > 0)
        if (k < fan_in(LAYER))
            shared[BACK + ((LAYER - 1) * H + column) * UNITS + k] = __fmul_rn(slopes[LAYER - 1], value);
}

DEVICE void place_head(float *shared, int c, int column, float value)
{
    const float slopes[] = {SLOPES};
    if (c < OUT) {
        shared[HEAD + c * H + column] = value;
        shared[HEAD_BACK + c * H + column] = __fmul_rn(slopes[LAYERS - 1], value);
    } else if (column < OUT) {
        shared[HEAD_BIAS + column] = value;
    }
}

template <int LAYER, typename Value> DEVICE void place_all(float *shared, int column, const Value &value)
{
    if constexpr (LAYER < LAYERS) {
#pragma unroll 4
        for (int k = 0; k <= fan_in(LAYER); ++k)
            place_hidden<LAYER>(shared, k, column, value(first_row(LAYER) + k));
        place_all<LAYER + 1>(shared, column, value);
    } else {
#pragma unroll
        for (int c = 0; c <= OUT; ++c)
            place_head(shared, c, column, value(HEAD_ROW + c));
    }
}

// The rows of the way back of units that no layer below has stay 0.
DEVICE void clear_padding(float *shared, int column)
{
    for (int l = 1; l < LAYERS; ++l)
        for (int k = fan_in(l); k < UNITS; ++k)
            shared[BACK + ((l - 1) * H + column) * UNITS + k] = 0.0f;
}

extern "C" __global__ void __launch_bounds__(H, BLOCKS_OF_A_PROCESSOR) fit(
    const float *__restrict__ coords, const float *__restrict__ values, const float *__restrict__ inits,
    const u64 *__restrict__ streams, const float *__restrict__ sizes, const float *__restrict__ corrections,
    const float *__restrict__ scalars, int count, int batch, int steps, int keep_best, float *__restrict__ slabs,
    float *__restrict__ weights, float *__restrict__ squares, u32 *__restrict__ updates, u32 *__restrict__ status)
{
    extern __shared__ float4 memory[];
    float *shared = reinterpret_cast<float *>(memory);
    const Thread me = this_thread();
    const size_t field = blockIdx.x;
    const float *init = inits + field * FLAT;
    float *parameters = slabs + field * SLAB, *first = parameters + PACKED, *second = first + PACKED;
    float *best = second + PACKED, *scratch = best + PACKED;
    const Signal signal = {coords, values + field * count * OUT, count, streams ? streams[2 * field] : 0,
                           streams ? streams[2 * field + 1] : 0};
    const float offset = scalars[0], scale = scalars[1], target = scalars[2];
    const float beta1 = scalars[3], beta2 = scalars[4], rest1 = scalars[5], rest2 = scalars[6], epsilon = scalars[7];
    const bool draws = streams != nullptr;

    const auto from_init = [&](int row) {
        const int place = flat_place(row, me.column), at = row * H + me.column;
        const float value = place < 0 ? 0.0f : init[place];
        parameters[at] = value, first[at] = 0.0f, second[at] = 0.0f;
        return value;
    };
    clear_padding(shared, me.column);
    place_all<0>(shared, me.column, from_init);

    u32 ended = BUDGET, best_step = 0;
    float best_squares = __uint_as_float(0x7F800000u);
    for (int step = 0;; ++step) {
        const bool last = step == steps, drawing = draws && !last;
        const float found = measured(me, shared, scratch, signal, drawing ? batch : count, drawing,
                                     u64(step) * batch, offset, scale, !last);
        if (ended == DIVERGED) {
            best_squares = found;
            break;
        }
        if (!is_finite(found)) { // once more, at all points, with the initial parameters
            ended = DIVERGED, best_step = step, step = steps - 1;
            place_all<0>(shared, me.column, from_init);
            continue;
        }
        if (found <= target)
            ended = CONVERGED;
        const bool better = ended == CONVERGED || (keep_best ? found < best_squares : last);
        if (better)
            best_step = step, best_squares = found;
        if (last || ended == CONVERGED)
            break;
        const float minus_size = -sizes[step], correction = corrections[step];
        place_all<0>(shared, me.column, [&](int row) {
            const int at = row * H + me.column;
            const float slope = shared[VALUES + at], value = parameters[at];
            const float mean = __fmaf_rn(rest1, slope, __fmul_rn(beta1, first[at]));
            const float square = __fmaf_rn(__fmul_rn(rest2, slope), slope, __fmul_rn(beta2, second[at]));
            const float ratio = __fdiv_rn(mean, __fmaf_rn(__fsqrt_rn(square), correction, epsilon));
            const float updated = __fmaf_rn(minus_size, ratio, value);
            first[at] = mean, second[at] = square, parameters[at] = updated;
            if (better)
                best[at] = value;
            return updated;
        });
    }
    // The best may be those of the last measurement, of which no copy was made.
    const bool copied = ended == BUDGET && best_step < u32(steps);
    for (int row = 0; row < ROWS; ++row) {
        const int place = flat_place(row, me.column), at = row * H + me.column;
        if (place >= 0)
            weights[field * FLAT + place] = copied ? best[at] : parameters[at];
    }
    if (me.column == 0)
        squares[field] = best_squares, updates[field] = best_step, status[field] = ended;
}
