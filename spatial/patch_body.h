// SPDX-License-Identifier: MIT
// Inner loops of picture sampling (part of tracker_ops_body.h).

static void halve(const uint8_t *src, ptrdiff_t src_stride, int width, int height, uint8_t *dst,
                  ptrdiff_t dst_stride) {
    int pairs = width / 2;
    for (int y = 0; y < height; y += 2) {
        const uint8_t *restrict a = src + y * src_stride;
        const uint8_t *restrict b = y + 1 < height ? a + src_stride : a;
        uint8_t *restrict d = dst + (y / 2) * dst_stride;
        for (int x = 0; x < pairs; x++)
            d[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2);
        if (width & 1)
            d[pairs] = (uint8_t)((a[width - 1] + b[width - 1] + 1) >> 1);
    }
}

static void blend_rows(const uint8_t *restrict a, const uint8_t *restrict b, float f, int lo,
                       int hi, float *restrict row) {
    for (int x = lo; x <= hi; x++)
        row[x] = (float)a[x] + (float)(b[x] - a[x]) * f;
}

static void take_row(const float *restrict row, const int32_t *restrict ix,
                     const float *restrict fx, float gain, float offset, int count,
                     float *restrict out) {
    for (int i = 0; i < count; i++) {
        float left = row[ix[i]], right = row[ix[i] + 1];
        out[i] = (left + (right - left) * fx[i]) * gain + offset;
    }
}
