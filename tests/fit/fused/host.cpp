// The kernel as a function of the host: `run_block` fits one field.
#include "host_cuda.h"

#include "fit.cu"

struct Arguments {
    const float *coords, *values, *inits;
    const u64 *streams;
    const float *sizes, *corrections, *scalars;
    int count, batch, steps, keep_best;
    float *slabs, *weights, *squares;
    u32 *updates, *status;
};

static Arguments given;

static void thread()
{
    fit(given.coords, given.values, given.inits, given.streams, given.sizes, given.corrections, given.scalars,
        given.count, given.batch, given.steps, given.keep_best, given.slabs, given.weights, given.squares,
        given.updates, given.status);
    ++block.ended;
}

extern "C" void run(const Arguments *arguments, int fields, u64 seed)
{
    given = *arguments;
    for (int field = 0; field < fields; ++field) {
        blockIdx.x = field;
        std::memset(memory, 0xFF, sizeof(memory)); // NaN: what is read before it is written shows
        block.run(H, thread, seed + field);
    }
}

extern "C" int shared_bytes() { return SHARED * 4; }
extern "C" int slab_floats() { return SLAB; }
