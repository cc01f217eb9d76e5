// CUDA threads as fibers of one OS thread: deterministic, in an order that a seed permutes, with every wait watched.
//
// A fiber runs until it waits (at a barrier, in a shuffle, for a condition) or returns. So a barrier that is missing shows as
// soon as some order runs the reader before the writer, and a wait that nothing ends is found when no fiber can go on.
// Blocks of an ordinary launch run one after the other, so that waiting for another block never ends, as on a GPU it need not.

#pragma once

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

static dim3 gridDim, blockDim;

namespace shim {

constexpr size_t STACK = 128 << 10, PAGE = 4096, GUARD = 256;
constexpr unsigned char POISON = 0xff, MARK = 0x42;  // shared memory begins as NaN; its guard zones are large numbers
constexpr unsigned LANES = 32;
constexpr unsigned KEPT = 64;  // fibers that each .so keeps: a stack takes two of the 65,530 mappings of a process

enum State { READY, AT_BARRIER, IN_WARP, FOR_CONDITION, DONE };

struct Fiber {
    State state;
    dim3 thread;
    unsigned number;  // of the thread in its block
    struct Block* block;
    const char* file;  // where it waits
    int line;
    unsigned mask;           // the lanes it waits with
    void* mine;              // what it brought to them
    bool (*ready)(void*);    // the condition it waits for
    void* condition;
    jmp_buf here;
    ucontext_t start;
    bool started;
    char* stack;
};

struct Block {
    dim3 index;
    Fiber* fibers;
    unsigned size, arrived;
    unsigned char* memory;  // shared: GUARD bytes, `bytes` of it, GUARD bytes
};

static Fiber* now;          // the fiber that runs
static jmp_buf scheduler;
static char message[1024];  // of the launch's error
static void (*body)(void*);
static void* arguments;
static size_t shared_bytes;

// ---- errors: the scheduler gives up a launch that has a message

static void describe(const char* format, ...) {
    va_list rest;
    va_start(rest, format);
    vsnprintf(message, sizeof message, format, rest);
    va_end(rest);
}

[[noreturn]] static void fail(const char* format, ...) {  // called by a fiber
    va_list rest;
    va_start(rest, format);
    const dim3 &t = now->thread, &b = now->block->index;
    const int length = snprintf(message, sizeof message, "thread (%u, %u, %u) of block (%u, %u, %u): ", t.x, t.y, t.z, b.x, b.y, b.z);
    vsnprintf(message + length, sizeof message - length, format, rest);
    va_end(rest);
    longjmp(scheduler, 1);
}

static pthread_t launcher;
static bool inside;  // a fiber runs, not the scheduler

static void on_signal(int number) {
    const bool here = pthread_equal(pthread_self(), launcher);
    if (!here && number == SIGVTALRM) {  // which may reach any thread of the process
        pthread_kill(launcher, number);
        return;
    }
    const char* const what =
        number == SIGFPE      ? "division of an integer by zero"
        : number == SIGILL    ? "a misaligned address, an index outside of a local array, or a shift by too many bits"
        : number == SIGVTALRM ? "ran for longer than the limit; a loop that waits for other threads has to use SPIN_UNTIL"
                              : "memory access outside of any array (a wild index, or more than 128 KB of local arrays)";
    if (here && inside) fail("%s", what);
    if (number == SIGVTALRM) describe("%s", what);
    else signal(number, SIG_DFL);  // no kernel's fault
}

// ---- fibers

static void switch_back() {
    if (_setjmp(now->here) == 0) longjmp(scheduler, 1);
}

static void live() {  // a fiber is used for one CUDA thread after the other
    for (;;) {
        body(arguments);
        now->state = DONE;
        switch_back();
    }
}

static Fiber* pool;
static unsigned pool_size;

static void grow(unsigned count) {
    if (count <= pool_size) return;
    pool = static_cast<Fiber*>(realloc(static_cast<void*>(pool), count * sizeof(Fiber)));
    char* stacks = static_cast<char*>(mmap(nullptr, (count - pool_size) * STACK, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (stacks == MAP_FAILED) return describe("no memory for %u threads at once", count);
    for (unsigned i = pool_size; i < count; ++i, stacks += STACK) {
        if (mprotect(stacks, PAGE, PROT_NONE)) return describe("too many mappings for %u threads at once", count);
        pool[i].stack = stacks;
        pool[i].started = false;
    }
    for (unsigned i = 0; i < pool_size; ++i) pool[i].started = false;  // their contexts moved
    pool_size = count;
}

static void release() {  // what a launch needed beyond KEPT
    if (pool_size <= KEPT) return;
    for (unsigned i = KEPT; i < pool_size; ++i) munmap(pool[i].stack, STACK);
    pool_size = KEPT;
}

static void resume(Fiber* fiber) {
    now = fiber;
    inside = true;
    if (_setjmp(scheduler) == 0) {
        if (fiber->started) longjmp(fiber->here, 1);
        fiber->started = true;
        getcontext(&fiber->start);
        fiber->start.uc_stack.ss_sp = fiber->stack + PAGE;
        fiber->start.uc_stack.ss_size = STACK - PAGE;
        fiber->start.uc_link = nullptr;
        makecontext(&fiber->start, live, 0);
        setcontext(&fiber->start);
    }
    inside = false;
}

// ---- waiting

static void wait(State state, const char* file, int line) {
    now->state = state;
    now->file = file;
    now->line = line;
    switch_back();
}

// All threads of the block. As CUDA demands, they must come to one and the same __syncthreads(); none may have returned.
static void sync_block(const char* file, int line) {
    Block* block = now->block;
    if (++block->arrived < block->size) {
        wait(AT_BARRIER, file, line);
        return;
    }
    block->arrived = 0;
    for (unsigned i = 0; i < block->size; ++i) {
        Fiber& other = block->fibers[i];
        if (&other != now && other.line != line)
            fail("__syncthreads() at %s:%d, where other threads of the block are at line %d", file, line, other.line);
        other.state = READY;
    }
}

// The lanes of a warp that `mask` names: the last to come calls `meet(all, mask)`, all[lane] being what each lane brought.
static void together(unsigned mask, void* mine, void (*meet)(void**, unsigned), const char* file, int line) {
    const unsigned lane = now->number % LANES, first = now->number - lane;
    if (!(mask >> lane & 1)) fail("%s:%d: lane %u is not in its own mask %08x", file, line, lane, mask);
    void* all[LANES];
    bool complete = true;
    now->mask = mask;
    now->mine = mine;
    for (unsigned i = 0; i < LANES; ++i) {
        if (!(mask >> i & 1)) continue;
        if (first + i >= now->block->size)
            fail("%s:%d: the mask %08x names lane %u, which the block's last warp lacks; let blocks be whole warps", file, line, mask, i);
        Fiber& other = now->block->fibers[first + i];
        if (&other != now && other.state == IN_WARP && (other.mask != mask || other.line != line))
            fail("%s:%d with mask %08x, while lane %u is at %s:%d with mask %08x", file, line, mask, i, other.file, other.line, other.mask);
        complete = complete && (&other == now || other.state == IN_WARP);
        all[i] = other.mine;
    }
    if (!complete) return wait(IN_WARP, file, line);
    meet(all, mask);
    for (unsigned i = 0; i < LANES; ++i)
        if (mask >> i & 1) now->block->fibers[first + i].state = READY;
}

template <class Condition>
static void wait_until(Condition condition, const char* file, int line) {
    if (condition()) return;
    now->ready = [](void* c) { return (*static_cast<Condition*>(c))(); };
    now->condition = &condition;
    wait(FOR_CONDITION, file, line);
}

}  // namespace shim
