// Horn-Schunck: the data terms of a linearisation, and Jacobi sweeps, several in one launch.
//
// Sums keep the order of features/flow/compiled.py and nothing is contracted (--fmad=false), so that the bits are
// the CPU's. Division and square root round correctly, as IEEE 754 asks and NVRTC's defaults give.

// mean of the two images at a pixel clamped to the image
__device__ inline float halfway(const float* a, const float* b, int y, int x, int height, int width)
{
    const int at = min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1);
    return (a[at] + b[at]) / 2.0f;
}

// reference, warped, inside (T, M, N) and flow (T, 2, M, N) -> terms (T, 3, M, N)
extern "C" __global__ void linearise(
    const float* reference, const float* warped, const bool* inside, const float* flow, float* terms, int height,
    int width, float alpha_squared)
{
    const int y = blockIdx.y * blockDim.y + threadIdx.y, x = blockIdx.z * blockDim.x + threadIdx.x;
    if (y >= height || x >= width)
        return;
    const size_t area = (size_t)height * width, image = blockIdx.x, at = (size_t)y * width + x;
    const float *a = reference + image * area, *b = warped + image * area;
    auto mean = [&](int row, int col) { return halfway(a, b, y + row, x + col, height, width); };
    const float down = ((mean(-2, 0) - mean(2, 0)) + 8.0f * (mean(1, 0) - mean(-1, 0))) / 12.0f;
    const float right = ((mean(0, -2) - mean(0, 2)) + 8.0f * (mean(0, 1) - mean(0, -1))) / 12.0f;
    const float* here = flow + image * 2 * area + at;
    const float change = b[at] - a[at] - down * here[0] - right * here[area];
    const float scale = sqrtf(alpha_squared + down * down + right * right);
    const float weight = inside[image * area + at] ? 1.0f : 0.0f;
    float* out = terms + image * 3 * area + at;
    out[0] = down / scale * weight;
    out[area] = right / scale * weight;
    out[2 * area] = change / scale * weight;
}

// Each block sweeps a region of its own: a tile and HALO pixels around it. Beyond the region a pixel's clamped
// neighbour is wrong; the error walks in by one pixel a sweep, so that HALO sweeps never reach the tile. Where
// the region ends at the image's border, clamping is what replicated borders mean.
// Compiled for TILE, HALO, ROWS (of pixels for each thread) and CROSS (the stencil).
constexpr int REGION = TILE + 2 * HALO, THREADS = REGION * REGION / ROWS;

__device__ inline float neighbour_mean(const float (&flow)[REGION][REGION], int up, int y, int low, int left, int x,
    int right)
{
    const float sides = (flow[up][x] + flow[low][x]) + (flow[y][left] + flow[y][right]);
    if (CROSS)
        return sides * 0.25f;
    const float corners = (flow[up][left] + flow[up][right]) + (flow[low][left] + flow[low][right]);
    return (sides + sides + corners) / 12.0f;
}

// terms (T, 3, M, N), flow (T, 2, M, N) -> after (T, 2, M, N), num_sweeps <= HALO sweeps later
extern "C" __global__ void __launch_bounds__(THREADS) sweep(
    const float* terms, const float* flow, float* after, int height, int width, int num_sweeps)
{
    __shared__ float drow[REGION][REGION], dcol[REGION][REGION];
    const int top = blockIdx.y * TILE - HALO, left = blockIdx.z * TILE - HALO;
    const int first_row = max(0, -top), last_row = min(REGION, height - top) - 1;
    const int first_col = max(0, -left), last_col = min(REGION, width - left) - 1;
    const size_t area = (size_t)height * width, image = blockIdx.x;
    const float* data = terms + image * 3 * area;
    const float* start = flow + image * 2 * area;
    const int x = threadIdx.x;
    const int before = max(x - 1, first_col), behind = min(x + 1, last_col);
    float down[ROWS], right[ROWS], change[ROWS], new_drow[ROWS], new_dcol[ROWS];
    bool used[ROWS];
#pragma unroll
    for (int k = 0; k < ROWS; ++k) {
        const int y = threadIdx.y + k * (REGION / ROWS);
        used[k] = y >= first_row && y <= last_row && x >= first_col && x <= last_col;
        if (used[k]) {
            const size_t at = (size_t)(top + y) * width + (left + x);
            down[k] = data[at];
            right[k] = data[area + at];
            change[k] = data[2 * area + at];
            drow[y][x] = start[at];
            dcol[y][x] = start[area + at];
        }
    }
    for (int number = 0; number < num_sweeps; ++number) {
        __syncthreads();
#pragma unroll
        for (int k = 0; k < ROWS; ++k) {
            const int y = threadIdx.y + k * (REGION / ROWS);
            const int up = max(y - 1, first_row), low = min(y + 1, last_row);
            if (used[k]) {
                const float mean_drow = neighbour_mean(drow, up, y, low, before, x, behind);
                const float mean_dcol = neighbour_mean(dcol, up, y, low, before, x, behind);
                const float residual = down[k] * mean_drow + right[k] * mean_dcol + change[k];
                new_drow[k] = mean_drow - down[k] * residual;
                new_dcol[k] = mean_dcol - right[k] * residual;
            }
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < ROWS; ++k) {
            const int y = threadIdx.y + k * (REGION / ROWS);
            if (used[k]) {
                drow[y][x] = new_drow[k];
                dcol[y][x] = new_dcol[k];
            }
        }
    }
    // a thread reads back only what it wrote itself: no barrier
    float* out = after + image * 2 * area;
#pragma unroll
    for (int k = 0; k < ROWS; ++k) {
        const int y = threadIdx.y + k * (REGION / ROWS);
        if (used[k] && y >= HALO && y < HALO + TILE && x >= HALO && x < HALO + TILE) {
            const size_t at = (size_t)(top + y) * width + (left + x);
            out[at] = drow[y][x];
            out[area + at] = dcol[y][x];
        }
    }
}
