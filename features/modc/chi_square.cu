// Chi-square distances of block histograms: LANES threads for each block, in an order of its own.
//
// Lane l adds bins l, l + LANES, ... of one plane after the other, then lanes are added in halves. NumPy adds in
// pairs, in an order that is its own business: the two agree to rounding, and the tests hold this order to the bit.

// histograms (T, planes, blocks, bins), reference the same or with T = 1 (reference_step 0) -> distances (T, blocks)
extern "C" __global__ void chi_square(
    const float* histograms, const float* reference, float* distances, int reference_step, int planes, int bins)
{
    __shared__ float sums[LANES];
    const int lane = threadIdx.x, block = blockIdx.y, blocks = gridDim.y;
    const size_t frame = blockIdx.x;
    float sum = 0.0f;
    for (int plane = 0; plane < planes; ++plane) {
        const float* h = histograms + ((frame * planes + plane) * blocks + block) * bins;
        const float* r = reference + ((frame * reference_step * planes + plane) * blocks + block) * bins;
        for (int bin = lane; bin < bins; bin += LANES) {
            const float difference = h[bin] - r[bin], total = h[bin] + r[bin];
            // where the sum is zero so is the difference
            sum += difference * difference / (total > 0.0f ? total : 1.0f);
        }
    }
    sums[lane] = sum;
    for (int half = LANES / 2; half > 0; half /= 2) {
        __syncthreads();
        if (lane < half)
            sums[lane] += sums[lane + half];
    }
    if (lane == 0)
        distances[frame * blocks + block] = sums[0] / (float)planes;
}
