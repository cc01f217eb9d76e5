// Rows of a table by id: looking them up, adding them up, and finding ids that are out of range.
//
// An id that is out of range is not used, and is written down where the host looks when it next waits for the GPU
// (minigrad/arrays/cuda_ids.py): `record` holds how many were met, and of one of the first its value, what it should have
// named (an axis, or TARGET, or TABLE), and how many of those there are.

#include "common.cuh"

#define TARGET (-1)  // a class
#define TABLE (-2)   // a row of a table, by an id that may not count from the end

__device__ __forceinline__ void refuse(unsigned long long* record, long long id, long long what, long long size) {
    if (atomicAdd(record, 1ull) == 0) {
        record[1] = static_cast<unsigned long long>(id);
        record[2] = static_cast<unsigned long long>(what);
        record[3] = static_cast<unsigned long long>(size);
    }
}

// Look whether n ids are in least ... size - 1; least is -size where negative ones count from the end.
extern "C" __global__ void check_ids(const long long* ids, long long n, long long least, long long size, int axis,
                                     unsigned long long* record) {
    const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step)
        if (ids[i] < least || ids[i] >= size) refuse(record, ids[i], axis, size);
}

// classes = the target, or 0 where it is `ignored`; kept = whether it is not.
extern "C" __global__ void class_ids(const long long* targets, long long* classes, unsigned char* kept, long long n,
                                     long long size, long long ignored, unsigned long long* record) {
    const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= n) return;
    const long long target = targets[i];
    const bool counts = target != ignored, good = target >= 0 && target < size;
    if (counts && !good) refuse(record, target, TARGET, size);
    classes[i] = counts && good ? target : 0;
    kept[i] = counts;
}

// y[i] = table[ids[i]], rows of `width` elements; a block is (threads along a row, rows). Ids are checked on the way.
extern "C" __global__ void take_rows(const REAL* table, const long long* ids, REAL* y, long long n, long long size, int width,
                                     unsigned long long* record) {
    const long long i = static_cast<long long>(blockIdx.x) * blockDim.y + threadIdx.y;
    if (i >= n) return;
    const long long id = ids[i];
    const bool good = id >= 0 && id < size;
    if (!good && threadIdx.x == 0) refuse(record, id, TABLE, size);
    for (int e = threadIdx.x; e < width; e += blockDim.x) y[i * width + e] = good ? table[id * width + e] : REAL(0);
}

// ---- S[v] = sum of rows[n] over ids[n] = v, the same bits in every run
//
// `order` sorts the ids: sorted = ids[order], equal ones in their old order. The sorted rows are cut into chunks of `length`;
// a thread has one column of one chunk, and sums the runs of equal ids in it, in order. A run that lies inside the chunk is
// finished. One that goes on in later chunks is finished by `add_rows_across`: the chunk in which it begins has left its own
// share in S, the others theirs in `shares` (chunks, width). So also an id that is half of all is summed in parallel.

extern "C" __global__ void add_rows_within(const REAL* __restrict__ rows, const long long* __restrict__ sorted,
                                           const long long* __restrict__ order, REAL* __restrict__ total,
                                           REAL* __restrict__ shares, long long n, long long size, int width, int length,
                                           unsigned long long* record) {
    const int e = blockIdx.y * blockDim.x + threadIdx.x;
    const long long chunk = static_cast<long long>(blockIdx.x) * blockDim.y + threadIdx.y, start = chunk * length;
    if (e >= width || start >= n) return;
    const long long stop = start + length < n ? start + length : n;
    bool began_before = start > 0 && sorted[start - 1] == sorted[start];
    REAL sum = 0;
#pragma unroll 4
    for (long long i = start; i < stop; ++i) {
        const long long id = sorted[i];
        sum += rows[order[i] * width + e];
        if (i + 1 < stop && sorted[i + 1] == id) continue;
        if (began_before)
            shares[chunk * width + e] = sum;
        else if (id >= 0 && id < size)
            total[id * width + e] = sum;
        else if (e == 0)
            refuse(record, id, TABLE, size);
        began_before = false;
        sum = 0;
    }
}

extern "C" __global__ void add_rows_across(const long long* sorted, REAL* total, const REAL* shares, long long n,
                                           long long size, int width, int length) {
    const int e = blockIdx.y * blockDim.x + threadIdx.x;
    const long long chunk = static_cast<long long>(blockIdx.x) * blockDim.y + threadIdx.y;
    const long long start = chunk * length, next = start + length;
    if (e >= width || next >= n) return;
    const long long id = sorted[next];
    if (id < 0 || id >= size || sorted[next - 1] != id) return;                // no run goes on from here
    if (sorted[start] == id && start > 0 && sorted[start - 1] == id) return;  // it began earlier
    REAL sum = total[id * width + e];
    for (long long i = next; i < n && sorted[i] == id; i += length) sum += shares[i / length * width + e];
    total[id * width + e] = sum;
}
