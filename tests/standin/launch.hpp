// A launch: blocks made of fibers, scheduled until all of their threads have returned.

#pragma once

#include <sys/time.h>

#include "fibers.hpp"

namespace shim {

static unsigned long long draws;

static unsigned drawn(unsigned n) {  // splitmix64 (Steele et al. 2014)
    unsigned long long z = draws += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return static_cast<unsigned>((z ^ z >> 31) % n);
}

// Order 0 is 0, 1, 2, …; order 1 the reverse; any other one drawn from it.
static void arrange(unsigned* order, unsigned n, unsigned seed) {
    for (unsigned i = 0; i < n; ++i) order[i] = seed == 1 ? n - 1 - i : i;
    if (seed > 1)
        for (unsigned i = n; i > 1; --i) {
            const unsigned j = drawn(i), kept = order[i - 1];
            order[i - 1] = order[j];
            order[j] = kept;
        }
}

static void report_deadlock(Block* blocks, unsigned count) {
    unsigned done = 0, waiting = 0;
    const Fiber *first = nullptr, *other = nullptr, *returned = nullptr;
    for (unsigned b = 0; b < count; ++b)
        for (unsigned i = 0; i < blocks[b].size; ++i) {
            const Fiber& f = blocks[b].fibers[i];
            (f.state == DONE ? done : waiting) += 1;
            if (f.state == DONE) {
                if (returned == nullptr) returned = &f;
            } else if (first == nullptr) {
                first = &f;
            } else if (other == nullptr && (f.state != first->state || f.line != first->line)) {
                other = &f;
            }
        }
    static const char* const what[] = {"", "at __syncthreads()", "for other lanes of its warp", "for a condition", ""};
    char more[256] = "";
    if (other != nullptr)
        snprintf(more, sizeof more, "; thread %u of block %u waits %s, %s:%d", other->thread.x, other->block->index.x,
                 what[other->state], other->file, other->line);
    else if (returned != nullptr)
        snprintf(more, sizeof more, "; thread %u of block %u has returned", returned->thread.x, returned->block->index.x);
    describe("deadlock: %u threads wait, %u have returned; thread %u of block %u waits %s, %s:%d%s", waiting, done, first->thread.x,
         first->block->index.x, what[first->state], first->file, first->line, more);
}

// Run blocks beside each other until all threads have returned.
static void run(Block* blocks, unsigned count, unsigned seed, unsigned* order) {
    const unsigned threads = count * blocks[0].size;
    Fiber* fibers = blocks[0].fibers;
    for (unsigned left = threads; left > 0;) {
        arrange(order, threads, seed);
        bool moved = false;
        for (unsigned i = 0; i < threads; ++i) {
            Fiber& fiber = fibers[order[i]];
            if (fiber.state == FOR_CONDITION && fiber.ready(fiber.condition)) fiber.state = READY;
            if (fiber.state != READY) continue;
            moved = true;
            resume(&fiber);
            if (message[0] != 0) return;
            left -= fiber.state == DONE;
        }
        if (!moved) return report_deadlock(blocks, count);
    }
}

static void set_up(Block* block, unsigned number, Fiber* fibers, unsigned char* memory) {
    block->index = dim3(number % gridDim.x, number / gridDim.x % gridDim.y, number / gridDim.x / gridDim.y);
    block->size = blockDim.x * blockDim.y * blockDim.z;
    block->arrived = 0;
    block->fibers = fibers;
    block->memory = memory;
    memset(memory, MARK, shared_bytes + 2 * GUARD);
    memset(memory + GUARD, POISON, shared_bytes);
    for (unsigned i = 0; i < block->size; ++i) {
        fibers[i].state = READY;
        fibers[i].number = i;
        fibers[i].thread = dim3(i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y);
        fibers[i].block = block;
    }
}

static void check_shared(const Block& block) {
    for (size_t i = 0; i < GUARD; ++i)
        if (block.memory[i] != MARK || block.memory[GUARD + shared_bytes + i] != MARK)
            describe("block (%u, %u, %u) wrote outside of its %zu bytes of shared memory", block.index.x, block.index.y,
                     block.index.z, shared_bytes);
}

static void run_grid(bool cooperative, unsigned seed) {
    const unsigned blocks = gridDim.x * gridDim.y * gridDim.z, size = blockDim.x * blockDim.y * blockDim.z;
    const unsigned beside = cooperative ? blocks : 1, rounds = blocks / beside;
    const size_t memory = (shared_bytes + 2 * GUARD + 63) / 64 * 64;
    grow(beside * size);
    if (message[0] != 0) return;
    Block* place = static_cast<Block*>(malloc(beside * sizeof(Block)));
    unsigned char* shared = static_cast<unsigned char*>(aligned_alloc(64, beside * memory));
    unsigned* order = static_cast<unsigned*>(malloc((beside * size + rounds) * sizeof(unsigned)));
    unsigned* turns = order + beside * size;
    arrange(turns, rounds, seed);
    for (unsigned r = 0; r < rounds && message[0] == 0; ++r) {
        for (unsigned b = 0; b < beside; ++b)
            set_up(place + b, cooperative ? b : turns[r], pool + b * size, shared + b * memory);
        run(place, beside, seed, order);
        for (unsigned b = 0; b < beside && message[0] == 0; ++b) check_shared(place[b]);
    }
    free(place);
    free(shared);
    free(order);
}

static void set_limit(double seconds) {  // of this process's time
    struct itimerval timer = {};
    timer.it_value.tv_sec = static_cast<long>(seconds);
    timer.it_value.tv_usec = static_cast<long>((seconds - timer.it_value.tv_sec) * 1e6);
    timer.it_interval = timer.it_value;
    setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}

// Run `function(args)` as every thread of a grid. Returns what went wrong, or nullptr.
static const char* launch(void (*function)(void*), void* args, const unsigned* grid, const unsigned* block, size_t shared,
                          bool cooperative, unsigned seed, double limit) {
    gridDim = dim3(grid[0], grid[1], grid[2]);
    blockDim = dim3(block[0], block[1], block[2]);
    body = function, arguments = args, shared_bytes = shared, draws = seed, message[0] = 0;
    launcher = pthread_self();
    static char signal_stack[64 << 10];
    stack_t alternative = {}, stack_before;
    alternative.ss_sp = signal_stack, alternative.ss_size = sizeof signal_stack;
    sigaltstack(&alternative, &stack_before);
    struct sigaction action = {}, before[5];
    action.sa_handler = on_signal, action.sa_flags = SA_ONSTACK | SA_NODEFER;
    const int signals[5] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGVTALRM};
    for (int i = 0; i < 5; ++i) sigaction(signals[i], &action, before + i);
    set_limit(limit);
    run_grid(cooperative, seed);
    release();
    set_limit(0);
    for (int i = 0; i < 5; ++i) sigaction(signals[i], before + i, nullptr);
    sigaltstack(&stack_before, nullptr);
    if (message[0] == 0) return nullptr;
    for (unsigned i = 0; i < pool_size; ++i) pool[i].started = false;
    return message;
}

}  // namespace shim
