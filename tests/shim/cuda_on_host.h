// What a kernel of features/kernels needs of CUDA, for g++: a launch runs its threads one after another on the
// host. A thread is a fibre that gives way at __syncthreads, so that barriers mean what they mean on a device: a
// barrier that is missing lets a thread run ahead of its neighbours, and the result is wrong.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(threads)
using std::max;
using std::min;

struct Dimensions {
    unsigned x, y, z;
};
static Dimensions gridDim, blockDim, blockIdx, threadIdx;

static ucontext_t scheduler;
static ucontext_t* running;
static std::function<void()> thread_body;
static bool finished;

inline void __syncthreads() { swapcontext(running, &scheduler); }

inline unsigned atomicAdd(unsigned* address, unsigned value)
{
    const unsigned old = *address;
    *address += value;
    return old;
}

struct Fibre {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(1 << 16);
    bool done = false;
};

inline void run_fibre()
{
    thread_body();
    finished = true;
}

// Threads of one block: each runs up to its next barrier, then the next; backwards every second time, so that a
// result that depends on their order shows.
inline void run_block(std::vector<Fibre>& fibres)
{
    for (Fibre& fibre : fibres) {
        fibre.done = false;
        getcontext(&fibre.context);
        fibre.context.uc_stack.ss_sp = fibre.stack.data();
        fibre.context.uc_stack.ss_size = fibre.stack.size();
        fibre.context.uc_link = &scheduler;
        makecontext(&fibre.context, run_fibre, 0);
    }
    const unsigned count = fibres.size();
    bool busy = true;
    for (unsigned turn = 0; busy; ++turn) {
        busy = false;
        for (unsigned n = 0; n < count; ++n) {
            const unsigned i = turn % 2 ? count - 1 - n : n;
            if (fibres[i].done)
                continue;
            threadIdx = {i % blockDim.x, i / blockDim.x, 0};
            running = &fibres[i].context;
            finished = false;
            swapcontext(&scheduler, running);
            fibres[i].done = finished;
            busy = true;
        }
    }
}

template <class... Arguments, std::size_t... I>
void run_grid(void (*kernel)(Arguments...), void** arguments, bool barriers, std::index_sequence<I...>)
{
    thread_body = [=] { kernel(*static_cast<Arguments*>(arguments[I])...); };
    std::vector<Fibre> fibres(barriers ? blockDim.x * blockDim.y : 0);
    for (blockIdx.z = 0; blockIdx.z < gridDim.z; ++blockIdx.z)
        for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
            for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x) {
                if (barriers) {
                    run_block(fibres);
                    continue;
                }
                for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
                    for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x)
                        thread_body();
            }
}

template <class... Arguments>
void run_kernel(void (*kernel)(Arguments...), const unsigned* dimensions, void** arguments, bool barriers)
{
    gridDim = {dimensions[0], dimensions[1], dimensions[2]};
    blockDim = {dimensions[3], dimensions[4], 1};
    run_grid(kernel, arguments, barriers, std::index_sequence_for<Arguments...>());
}

#define HOST_LAUNCH(kernel)                                                                              \
    extern "C" void launch_##kernel(const unsigned* dimensions, void** arguments, bool barriers)         \
    {                                                                                                    \
        run_kernel(kernel, dimensions, arguments, barriers);                                             \
    }
