// Where the numbers of a fit lie: in shared memory, and packed in global memory. All is known when compiled.
//
// Macros: IN, OUT; LAYERS hidden layers of WIDTHS units; WARPS of 32 threads, so that each thread of a block
// stands for one unit of every layer.
#pragma once

constexpr int LANES = 32;
constexpr int H = WARPS * LANES; // units of a layer, with those that pad it; also the threads of a block
constexpr int TILE = 32;         // points that are worked on together
constexpr int POINTS = TILE + 4; // the stride of a unit's values at them: four banks further for each unit
constexpr int UNITS = H + 4;     // the stride of the weights for the way back, likewise

__host__ __device__ constexpr int width(int layer)
{
    const int widths[] = {WIDTHS};
    return widths[layer];
}

__host__ __device__ constexpr int fan_in(int layer)
{
    return layer == 0 ? IN : width(layer - 1);
}

// Packed parameters are rows of H numbers: those of a hidden layer are (fan_in, H) weights, then the biases;
// those of the output (OUT, H) weights, then the biases.
__host__ __device__ constexpr int first_row(int layer)
{
    int row = 0;
    for (int l = 0; l < layer; ++l)
        row += fan_in(l) + 1;
    return row;
}

constexpr int HEAD_ROW = first_row(LAYERS), ROWS = HEAD_ROW + OUT + 1, PACKED = ROWS * H;

// The flat layout of `field.FieldSpec`: weights (fan_out, fan_in), then biases, layer by layer.
__host__ __device__ constexpr int first_flat(int layer)
{
    int at = 0;
    for (int l = 0; l < layer; ++l)
        at += (fan_in(l) + 1) * width(l);
    return at;
}

constexpr int FLAT = first_flat(LAYERS) + (width(LAYERS - 1) + 1) * OUT;

// The flat place of a packed row and column, or -1 for what pads.
__device__ inline int flat_place(int row, int column)
{
#pragma unroll
    for (int l = 0; l < LAYERS; ++l) {
        const int k = row - first_row(l);
        if (k < 0 || k > fan_in(l))
            continue;
        if (column >= width(l))
            return -1;
        return first_flat(l) + (k < fan_in(l) ? column * fan_in(l) + k : width(l) * fan_in(l) + column);
    }
    const int c = row - HEAD_ROW, last = width(LAYERS - 1);
    if (c < OUT)
        return column < last ? first_flat(LAYERS) + c * last + column : -1;
    return column < OUT ? first_flat(LAYERS) + OUT * last + column : -1;
}

__host__ __device__ constexpr int larger(int a, int b)
{
    return a > b ? a : b;
}

__host__ __device__ constexpr int in_fours(int count)
{
    return (count + 3) / 4 * 4;
}

// Shared memory, in floats. Sines of a layer give way to its deltas, and all of them to the packed gradient.
constexpr int VALUES = 0;
constexpr int FORWARD = VALUES + larger(LAYERS * H * POINTS, PACKED); // hidden rows, times omega / pi
constexpr int BACK = FORWARD + HEAD_ROW * H;                         // (units, units of the layer below), times omega
constexpr int HEAD = BACK + (LAYERS - 1) * H * UNITS;                // (OUT, H), as they are
constexpr int HEAD_BACK = HEAD + OUT * H;                            // (OUT, H), times omega
constexpr int HEAD_BIAS = HEAD_BACK + OUT * H;
constexpr int COORDS = HEAD_BIAS + in_fours(OUT); // (IN, TILE)
constexpr int ERRORS = COORDS + IN * TILE;        // (OUT, TILE)
constexpr int DELTAS = ERRORS + OUT * TILE;       // (OUT, TILE)
constexpr int SHARED = DELTAS + OUT * TILE;

// Weights of a tile's gradient, or cosines, that registers have no room for lie in global memory, where each
// thread reads but what it wrote itself.
constexpr int BLOCKS = (LAYERS - 1) * WARPS; // of 32 x 32 weights, for each warp
constexpr bool GRADIENT_IN_REGISTERS = BLOCKS <= 1, COSINES_IN_REGISTERS = LAYERS <= 2;
constexpr int GRADIENT_FLOATS = GRADIENT_IN_REGISTERS ? 0 : BLOCKS * 32 * H;
constexpr int COSINE_FLOATS = COSINES_IN_REGISTERS ? 0 : (LAYERS - 1) * 32 * H;
constexpr int SCRATCH = GRADIENT_FLOATS + COSINE_FLOATS;
constexpr int SLAB = 4 * PACKED + SCRATCH; // a field's parameters, moments, best parameters, and scratch

__host__ __device__ constexpr int gradient_scratch(int layer, int block)
{
    return ((layer - 1) * WARPS + block) * 32 * H;
}

__host__ __device__ constexpr int cosine_scratch(int layer)
{
    return GRADIENT_FLOATS + layer * 32 * H;
}
