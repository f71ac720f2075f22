// Enough of CUDA to run a kernel on the host: the threads of a block are fibres that change at barriers.
//
// Between two barriers fibres run one after the other, in an order that a seed shuffles anew each time, so that
// a missing barrier changes results.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __device__
#define __host__
#define __global__
#define __shared__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct alignas(16) float4 {
    float x, y, z, w;
};

struct Index {
    unsigned x;
};

inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline float __fmaf_rn(float a, float b, float c) { return std::fmaf(a, b, c); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }

inline unsigned __float_as_uint(float x)
{
    unsigned bits;
    std::memcpy(&bits, &x, 4);
    return bits;
}

inline float __uint_as_float(unsigned bits)
{
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}

constexpr size_t SHARED_BYTES = 232448, STACK_BYTES = 1 << 17;
float4 memory[SHARED_BYTES / sizeof(float4)];
Index threadIdx, blockIdx;

struct Block {
    std::vector<ucontext_t> fibres;
    std::vector<std::vector<char>> stacks;
    std::vector<unsigned> order;
    ucontext_t scheduler;
    unsigned running = 0;
    uint64_t shuffle = 1;

    unsigned random(unsigned below)
    {
        shuffle ^= shuffle << 13, shuffle ^= shuffle >> 7, shuffle ^= shuffle << 17;
        return unsigned((shuffle >> 32) * below >> 32);
    }

    // Run each fibre up to its next barrier or its end, again and again.
    void run(unsigned threads, void (*entry)(), uint64_t seed)
    {
        shuffle = seed | 1;
        fibres.resize(threads), stacks.resize(threads), order.resize(threads);
        ended = 0;
        for (unsigned i = 0; i < threads; ++i) {
            stacks[i].resize(STACK_BYTES);
            getcontext(&fibres[i]);
            fibres[i].uc_stack.ss_sp = stacks[i].data();
            fibres[i].uc_stack.ss_size = STACK_BYTES;
            fibres[i].uc_link = &scheduler;
            makecontext(&fibres[i], entry, 0);
            order[i] = i;
        }
        while (!ended) {
            for (unsigned i = threads; i > 1; --i)
                std::swap(order[i - 1], order[random(i)]);
            for (unsigned i : order) {
                running = i, threadIdx.x = i;
                swapcontext(&scheduler, &fibres[i]);
            }
        }
    }

    unsigned ended = 0;
};

Block block;

inline void __syncthreads()
{
    const unsigned me = block.running;
    swapcontext(&block.fibres[me], &block.scheduler);
}

inline void __syncwarp() { __syncthreads(); }
