// A pyramid's images: warping by cubic convolution (a = -1/2), halving and enlarging, one thread for each pixel.
// Borders replicate. Sums keep the order of features/flow/resample.py (--fmad=false), so that the bits are the CPU's.

__device__ inline void cubic_weights(float part, float (&weights)[4])
{
    const float square = part * part, cube = square * part;
    weights[0] = -0.5f * cube + square - 0.5f * part;
    weights[1] = 1.5f * cube - 2.5f * square + 1.0f;
    weights[2] = -1.5f * cube + 2.0f * square + 0.5f * part;
    weights[3] = 0.5f * cube - 0.5f * square;
}

__device__ inline float sample_cubic(const float* image, int height, int width, float row, float col)
{
    row = fminf(fmaxf(row, 0.0f), (float)(height - 1));
    col = fminf(fmaxf(col, 0.0f), (float)(width - 1));
    // not negative, so that truncation is the floor
    const int top = (int)row, left = (int)col;
    float r[4], c[4], lines[4];
    cubic_weights(row - (float)top, r);
    cubic_weights(col - (float)left, c);
    const int last = width - 1;
    const int at[4] = {max(left - 1, 0), left, min(left + 1, last), min(left + 2, last)};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const float* line = image + (size_t)min(max(top + i - 1, 0), height - 1) * width;
        lines[i] = c[0] * line[at[0]] + c[1] * line[at[1]] + c[2] * line[at[2]] + c[3] * line[at[3]];
    }
    return r[0] * lines[0] + r[1] * lines[1] + r[2] * lines[2] + r[3] * lines[3];
}

// image (T, M, N), flow (T, 2, M, N) -> warped, inside (T, M, N)
extern "C" __global__ void warp(
    const float* image, const float* flow, float* warped, bool* inside, int height, int width)
{
    const int y = blockIdx.y * blockDim.y + threadIdx.y, x = blockIdx.z * blockDim.x + threadIdx.x;
    if (y >= height || x >= width)
        return;
    const size_t area = (size_t)height * width, number = blockIdx.x, at = (size_t)y * width + x;
    const float row = flow[number * 2 * area + at] + (float)y;
    const float col = flow[number * 2 * area + area + at] + (float)x;
    inside[number * area + at] = row >= 0.0f && row <= (float)(height - 1) && col >= 0.0f && col <= (float)(width - 1);
    warped[number * area + at] = sample_cubic(image + number * area, height, width, row, col);
}

// image (T, height, width) -> half (T, (height + 1) / 2, (width + 1) / 2) after the binomial filter 1 4 6 4 1
extern "C" __global__ void halve(const float* image, float* half, int height, int width)
{
    const int rows = (height + 1) / 2, cols = (width + 1) / 2;
    const int y = blockIdx.y * blockDim.y + threadIdx.y, x = blockIdx.z * blockDim.x + threadIdx.x;
    if (y >= rows || x >= cols)
        return;
    constexpr float w0 = 0.0625f, w1 = 0.25f, w2 = 0.375f;
    const float* source = image + (size_t)blockIdx.x * height * width;
    float tall[5];
#pragma unroll
    for (int i = 0; i < 5; ++i) {
        const int col = min(max(2 * x + i - 2, 0), width - 1);
        auto pixel = [&](int step) { return source[(size_t)min(max(2 * y + step, 0), height - 1) * width + col]; };
        tall[i] = pixel(-2) * w0 + pixel(-1) * w1 + pixel(0) * w2 + pixel(1) * w1 + pixel(2) * w0;
    }
    half[((size_t)blockIdx.x * rows + y) * cols + x]
        = tall[0] * w0 + tall[1] * w1 + tall[2] * w2 + tall[3] * w1 + tall[4] * w0;
}

// flow (images, height, width) -> enlarged (images, rows, cols): at half the position, doubled
extern "C" __global__ void enlarge(const float* flow, float* enlarged, int height, int width, int rows, int cols)
{
    const int y = blockIdx.y * blockDim.y + threadIdx.y, x = blockIdx.z * blockDim.x + threadIdx.x;
    if (y >= rows || x >= cols)
        return;
    const float* source = flow + (size_t)blockIdx.x * height * width;
    const float value = sample_cubic(source, height, width, 0.5f * (float)y, 0.5f * (float)x);
    enlarged[((size_t)blockIdx.x * rows + y) * cols + x] = 2.0f * value;
}
