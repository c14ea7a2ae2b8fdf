// Ring codes (MODC, DCP, LBP) and their block counts: one thread for each pixel of the coded area.
//
// Compiled for each set of rings: KINDS, REACH, and as lists OFFSETS[3][8][4][2], Q8[3][8][4], TURNS[KINDS][3],
// INNER[4], OUTER[4]. With the turns known to the compiler all samples stay in registers; indexed by a variable
// they would be spilled to local memory. Kinds share their samples. Integers only: the bits are the CPU's.

__device__ inline int sample(const unsigned char* centre, int width, int ring, int direction)
{
    constexpr int offsets[3][8][4][2] = {OFFSETS};
    constexpr int q8[3][8][4] = {Q8};
    int sum = 0;
#pragma unroll
    for (int tap = 0; tap < 4; ++tap) {
        const int weight = q8[ring][direction][tap];
        const int* offset = offsets[ring][direction][tap];
        if (weight != 0)
            sum += weight * centre[offset[0] * width + offset[1]];
    }
    return sum;
}

// psi(D, E) and psi(E, F), eq. (2), added up with the weights of their digits
__device__ inline void code_pixel(const unsigned char* image, int width, int y, int x, int (&codes)[KINDS][2])
{
    constexpr int turns[KINDS][3] = {TURNS};
    constexpr int inner[4] = {INNER}, outer[4] = {OUTER};
    const unsigned char* centre = image + (size_t)(y + REACH) * width + (x + REACH);
    const int middle = 256 * *centre;
    int samples[3][8];
#pragma unroll
    for (int ring = 0; ring < 3; ++ring)
#pragma unroll
        for (int j = 0; j < 8; ++j)
            samples[ring][j] = sample(centre, width, ring, j);
#pragma unroll
    for (int kind = 0; kind < KINDS; ++kind) {
        codes[kind][0] = codes[kind][1] = 0;
#pragma unroll
        for (int j = 0; j < 8; ++j) {
            const int d = samples[0][(j + turns[kind][0]) & 7];
            const int e = samples[1][(j + turns[kind][1]) & 7];
            const int f = samples[2][(j + turns[kind][2]) & 7];
            codes[kind][j % 2] += inner[j / 2] * (2 * (d >= middle) + (e >= d))
                + outer[j / 2] * (2 * (e >= middle) + (f >= e));
        }
    }
}

// images (T, height, width) -> codes (KINDS, T, 2, height - 2 REACH, width - 2 REACH)
extern "C" __global__ void ring_codes(const unsigned char* images, unsigned short* codes, int height, int width)
{
    const int rows = height - 2 * REACH, cols = width - 2 * REACH;
    const int y = blockIdx.y * blockDim.y + threadIdx.y, x = blockIdx.z * blockDim.x + threadIdx.x;
    if (y >= rows || x >= cols)
        return;
    int found[KINDS][2];
    code_pixel(images + (size_t)blockIdx.x * height * width, width, y, x, found);
#pragma unroll
    for (int kind = 0; kind < KINDS; ++kind)
#pragma unroll
        for (int plane = 0; plane < 2; ++plane) {
            const size_t image = ((size_t)kind * gridDim.x + blockIdx.x) * 2 + plane;
            codes[(image * rows + y) * cols + x] = (unsigned short)found[kind][plane];
        }
}

// images (T, height, width) -> counts (KINDS, T, 2, grid_rows, grid_cols, bins), zero before; no code is stored
extern "C" __global__ void ring_counts(
    const unsigned char* images, unsigned int* counts, int height, int width, int grid_rows, int grid_cols, int bins)
{
    const int rows = height - 2 * REACH, cols = width - 2 * REACH;
    const int y = blockIdx.y * blockDim.y + threadIdx.y, x = blockIdx.z * blockDim.x + threadIdx.x;
    if (y >= rows || x >= cols)
        return;
    int found[KINDS][2];
    code_pixel(images + (size_t)blockIdx.x * height * width, width, y, x, found);
    // block i begins at i * rows / grid_rows, rounded down: the last one that begins at or before y
    const int block_row = (int)(((long long)(y + 1) * grid_rows - 1) / rows);
    const int block_col = (int)(((long long)(x + 1) * grid_cols - 1) / cols);
#pragma unroll
    for (int kind = 0; kind < KINDS; ++kind)
#pragma unroll
        for (int plane = 0; plane < 2; ++plane) {
            const size_t image = ((size_t)kind * gridDim.x + blockIdx.x) * 2 + plane;
            const size_t block = (image * grid_rows + block_row) * grid_cols + block_col;
            // sums of integers do not depend on the order in which threads arrive
            atomicAdd(&counts[block * bins + found[kind][plane]], 1u);
        }
}

// counts (images, grid_rows, grid_cols, bins) -> histograms that sum to 1; rows x cols is the coded area
extern "C" __global__ void frequencies(
    const unsigned int* counts, float* histograms, int rows, int cols, int grid_rows, int grid_cols, int bins)
{
    const int bin = blockIdx.y * blockDim.x + threadIdx.x;
    if (bin >= bins)
        return;
    const int col = blockIdx.x % grid_cols, row = blockIdx.x / grid_cols % grid_rows;
    const int height = (int)((row + 1LL) * rows / grid_rows - (long long)row * rows / grid_rows);
    const int width = (int)((col + 1LL) * cols / grid_cols - (long long)col * cols / grid_cols);
    const size_t at = (size_t)blockIdx.x * bins + bin;
    histograms[at] = (float)counts[at] / (float)(height * width);
}
