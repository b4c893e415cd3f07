// SPDX-License-Identifier: MIT
// Fourier transforms and spectra of the correlation filters (part of tracker_ops_body.h).
//
// Stockham's self-sorting form (Van Loan, "Computational Frameworks for the FFT", 1992, 1.7): with
// n = r m and stride s, for p < m, q < s,
//   a_k = x[q + s (p + m k)],  y[q + s (r p + j)] = w_n^(j p) DFT_r(a)_j,
// then n <- m, s <- s r. The channels of a vector go through side by side.

INLINE cvec c_add(cvec a, cvec b) {
    return (cvec){a.re + b.re, a.im + b.im};
}

INLINE cvec c_sub(cvec a, cvec b) {
    return (cvec){a.re - b.re, a.im - b.im};
}

// a times -i.
INLINE cvec c_turn(cvec a) {
    return (cvec){a.im, -a.re};
}

INLINE cvec c_mul(cvec a, const float w[2]) {
    return (cvec){a.re * w[0] - a.im * w[1], a.re * w[1] + a.im * w[0]};
}

INLINE void dft_2(const cvec a[2], cvec b[2]) {
    b[0] = c_add(a[0], a[1]);
    b[1] = c_sub(a[0], a[1]);
}

INLINE void dft_3(const cvec a[3], cvec b[3]) {
    cvec t = c_add(a[1], a[2]), d = c_turn(c_sub(a[1], a[2]));
    cvec m = {a[0].re - 0.5f * t.re, a[0].im - 0.5f * t.im};
    d = (cvec){0.86602540f * d.re, 0.86602540f * d.im};
    b[0] = c_add(a[0], t);
    b[1] = c_add(m, d);
    b[2] = c_sub(m, d);
}

INLINE void dft_4(const cvec a[4], cvec b[4]) {
    cvec s = c_add(a[0], a[2]), d = c_sub(a[0], a[2]);
    cvec t = c_add(a[1], a[3]), e = c_turn(c_sub(a[1], a[3]));
    b[0] = c_add(s, t);
    b[1] = c_add(d, e);
    b[2] = c_sub(s, t);
    b[3] = c_sub(d, e);
}

// cos and sin of 72 and 144 degrees.
INLINE void dft_5(const cvec a[5], cvec b[5]) {
    const float c1 = 0.30901699f, c2 = -0.80901699f, s1 = 0.95105652f, s2 = 0.58778525f;
    cvec p = c_add(a[1], a[4]), q = c_add(a[2], a[3]);
    cvec u = c_turn(c_sub(a[1], a[4])), v = c_turn(c_sub(a[2], a[3]));
    cvec m1 = {a[0].re + c1 * p.re + c2 * q.re, a[0].im + c1 * p.im + c2 * q.im};
    cvec m2 = {a[0].re + c2 * p.re + c1 * q.re, a[0].im + c2 * p.im + c1 * q.im};
    cvec n1 = {s1 * u.re + s2 * v.re, s1 * u.im + s2 * v.im};
    cvec n2 = {s2 * u.re - s1 * v.re, s2 * u.im - s1 * v.im};
    b[0] = c_add(a[0], c_add(p, q));
    b[1] = c_add(m1, n1);
    b[4] = c_sub(m1, n1);
    b[2] = c_add(m2, n2);
    b[3] = c_sub(m2, n2);
}

// One pass: y = twiddled radix-r butterflies of x. w holds r - 1 factors for each p.
#define FFT_PASS(r)                                                                                \
    static void pass_##r(const cvec *restrict x, cvec *restrict y, int m, int s, const float *w) { \
        for (int p = 0; p < m; p++, w += 2 * (r - 1))                                              \
            for (int q = 0; q < s; q++) {                                                          \
                cvec a[r], b[r];                                                                   \
                for (int k = 0; k < r; k++)                                                        \
                    a[k] = x[q + s * (p + m * k)];                                                 \
                dft_##r(a, b);                                                                     \
                y[q + s * r * p] = b[0];                                                           \
                for (int j = 1; j < r; j++)                                                        \
                    y[q + s * (r * p + j)] = c_mul(b[j], w + 2 * (j - 1));                         \
            }                                                                                      \
    }
FFT_PASS(2)
FFT_PASS(3)
FFT_PASS(4)
FFT_PASS(5)
#undef FFT_PASS

// Transforms x[n]; both buffers are used, the result is in the one that is returned.
static cvec *fft_line(const v2s_fft_plan *plan, cvec *x, cvec *y) {
    int m = plan->n, s = 1;
    const float *w = plan->twiddle;
    for (int i = 0; i < plan->stages; i++) {
        int r = plan->radix[i];
        m /= r;
        if (r == 4)
            pass_4(x, y, m, s, w);
        else if (r == 2)
            pass_2(x, y, m, s, w);
        else if (r == 3)
            pass_3(x, y, m, s, w);
        else
            pass_5(x, y, m, s, w);
        w += 2 * m * (r - 1);
        s *= r;
        cvec *t = x;
        x = y;
        y = t;
    }
    return x;
}

static void fft_axis(const v2s_fft_plan *plan, int count, float *data, float *scratch) {
    cvec *a = (cvec *)scratch, *b = a + V2S_FFT_MAX;
    ptrdiff_t stride = (ptrdiff_t)count * V2S_ROW;
    for (int i = 0; i < count; i++)
        for (int p = 0; p < PIECES; p++) {
            float *d = data + i * V2S_ROW + p * W;
            for (int k = 0; k < plan->n; k++) {
                a[k].re = *(const vec *)(d + k * stride);
                a[k].im = *(const vec *)(d + k * stride + V2S_LANES);
            }
            const cvec *out = fft_line(plan, a, b);
            for (int k = 0; k < plan->n; k++) {
                *(vec *)(d + k * stride) = out[k].re;
                *(vec *)(d + k * stride + V2S_LANES) = out[k].im;
            }
        }
}

static void fft_2d(const v2s_fft_plan *px, const v2s_fft_plan *py, float *data, float *scratch) {
    for (int y = 0; y < py->n; y++)
        fft_axis(px, 1, data + (ptrdiff_t)y * px->n * V2S_ROW, scratch);
    fft_axis(py, px->n, data, scratch);
}

// One point of `cross`: sums over its 16 lanes in every group.
INLINE void cross_point(const float *x, const float *z, int groups, ptrdiff_t group, float *re,
                        float *im) {
    vec sum_re[PIECES] = {{0}}, sum_im[PIECES] = {{0}};
    for (int g = 0; g < groups; g++, x += group, z += group) {
        const vec *p = (const vec *)x, *q = (const vec *)z;
        for (int i = 0; i < PIECES; i++) {
            vec p_re = p[i], p_im = p[i + PIECES], q_re = q[i], q_im = q[i + PIECES];
            sum_re[i] += p_re * q_re + p_im * q_im;
            sum_im[i] += p_re * q_im - p_im * q_re;
        }
    }
    *re = sum_lanes(sum_re);
    *im = sum_lanes(sum_im);
}

static void cross(const float *x, const float *z, int groups, int nx, int ny, int pitch,
                  float *out_re, float *out_im) {
    ptrdiff_t group = (ptrdiff_t)nx * ny * V2S_ROW;
    for (int ky = 0; ky < ny; ky++)
        for (int kx = 0; kx < nx; kx++) {
            ptrdiff_t at = ((ptrdiff_t)ky * nx + kx) * V2S_ROW;
            cross_point(x + at, z + at, groups, group, &out_re[kx * pitch + ky],
                        &out_im[kx * pitch + ky]);
        }
}

// Transforms the slow axis of a plane, a vector of columns at a time, and writes the result
// transposed: in [plan->n][in_pitch] -> out [columns][out_pitch]. in_im may be NULL (zero). `swap`
// exchanges real and imaginary parts on the way in: two swapped transforms make an inverse one.
static void plane_pass(const v2s_fft_plan *plan, int columns, const float *in_re,
                       const float *in_im, int in_pitch, float *out_re, float *out_im,
                       int out_pitch, cvec *work) {
    for (int c = 0; c < columns; c += W) {
        for (int k = 0; k < plan->n; k++) {
            work[k].re = *(const vec *)(in_re + (ptrdiff_t)k * in_pitch + c);
            work[k].im = in_im ? *(const vec *)(in_im + (ptrdiff_t)k * in_pitch + c) : (vec){0};
        }
        const cvec *out = fft_line(plan, work, work + V2S_FFT_MAX);
        int lanes = columns - c < W ? columns - c : W;
        for (int l = 0; l < lanes; l++)
            for (int k = 0; k < plan->n; k++) {
                out_re[(ptrdiff_t)(c + l) * out_pitch + k] = out[k].re[l];
                out_im[(ptrdiff_t)(c + l) * out_pitch + k] = out[k].im[l];
            }
    }
}

static void plane_forward(const v2s_fft_plan *px, const v2s_fft_plan *py, const float *in,
                          float *out_re, float *out_im, float *scratch) {
    int pitch_x = v2s_plane_pitch(px->n), pitch_y = v2s_plane_pitch(py->n);
    cvec *work = (cvec *)scratch;
    float *t_re = scratch + 2 * V2S_FFT_MAX * V2S_ROW, *t_im = t_re + V2S_FFT_MAX * V2S_FFT_MAX;
    // Rows first need lanes over y: transform y, transposed to [x][ky], then x again in place.
    plane_pass(py, px->n, in, NULL, pitch_x, t_re, t_im, pitch_y, work);
    for (int c = 0; c < py->n; c += W) {
        for (int k = 0; k < px->n; k++) {
            work[k].re = *(const vec *)(t_re + (ptrdiff_t)k * pitch_y + c);
            work[k].im = *(const vec *)(t_im + (ptrdiff_t)k * pitch_y + c);
        }
        const cvec *out = fft_line(px, work, work + V2S_FFT_MAX);
        for (int k = 0; k < px->n; k++) {
            *(vec *)(out_re + (ptrdiff_t)k * pitch_y + c) = out[k].re;
            *(vec *)(out_im + (ptrdiff_t)k * pitch_y + c) = out[k].im;
        }
    }
}

static void plane_inverse(const v2s_fft_plan *px, const v2s_fft_plan *py, const float *re,
                          const float *im, float *out, float *scratch) {
    int pitch_x = v2s_plane_pitch(px->n), pitch_y = v2s_plane_pitch(py->n);
    cvec *work = (cvec *)scratch;
    float *t_re = scratch + 2 * V2S_FFT_MAX * V2S_ROW, *t_im = t_re + V2S_FFT_MAX * V2S_FFT_MAX;
    float scale = 1.0f / (float)(px->n * py->n);
    // Forward transforms of the plane with its parts exchanged are the inverse, parts exchanged.
    plane_pass(px, py->n, im, re, pitch_y, t_im, t_re, pitch_x, work);
    for (int c = 0; c < px->n; c += W) {
        for (int k = 0; k < py->n; k++) {
            work[k].re = *(const vec *)(t_im + (ptrdiff_t)k * pitch_x + c);
            work[k].im = *(const vec *)(t_re + (ptrdiff_t)k * pitch_x + c);
        }
        const cvec *res = fft_line(py, work, work + V2S_FFT_MAX);
        for (int k = 0; k < py->n; k++)
            *(vec *)(out + (ptrdiff_t)k * pitch_x + c) = res[k].im * scale;
    }
}

// exp(-t) for t >= 0: 2^-n times a polynomial of degree 6 on |r| <= ln(2)/2 (Taylor; 1.2e-7).
static void gauss(float *plane, int count, float base, float scale) {
    for (int i = 0; i < count; i++) {
        float d = base - 2.0f * plane[i];
        float t = (d > 0.0f ? d : 0.0f) * scale;
        t = t < 80.0f ? t : 80.0f;
        int32_t n = (int32_t)(t * 1.44269504f + 0.5f);
        float r = (float)n * 0.693147182f - t;
        float p = 1.0f / 720.0f;
        p = p * r + 1.0f / 120.0f;
        p = p * r + 1.0f / 24.0f;
        p = p * r + 1.0f / 6.0f;
        p = p * r + 0.5f;
        p = p * r + 1.0f;
        p = p * r + 1.0f;
        union {
            int32_t i;
            float f;
        } power = {(127 - n) << 23};
        plane[i] = p * power.f;
    }
}

static float energy_sum(const float *x, size_t count) {
    vec sum[PIECES] = {{0}};
    for (size_t i = 0; i < count; i += V2S_LANES)
        for (int p = 0; p < PIECES; p++) {
            vec v = *(const vec *)(x + i + p * W);
            sum[p] += v * v;
        }
    return sum_lanes(sum);
}

// e[k] = exp(2 pi i f (at + (first + lane) step) / n) for k = 0 .. n-1, f the signed frequency of
// k; the imaginary part of the highest frequency of an even n is dropped (it stands for +-n/2).
static void phases(int n, double at, double step, double first, cvec *e) {
    cvec one = {{0}, {0}}, power = {{0}, {0}};
    for (int l = 0; l < W; l++) {
        double angle = 2.0 * 3.14159265358979323846 * (at + (first + l) * step) / n;
        one.re[l] = (float)cos(angle);
        one.im[l] = (float)sin(angle);
    }
    power.re += 1.0f;
    for (int k = 0; 2 * k <= n; k++) {
        cvec last = power;
        e[k] = power;
        if (k > 0)
            e[n - k] = (cvec){power.re, -power.im};
        if (2 * k == n)
            e[k].im = (vec){0};
        power.re = last.re * one.re - last.im * one.im;
        power.im = last.re * one.im + last.im * one.re;
    }
}

// W of the 16 vertical positions, starting with `first` (from -7.5), for all 16 horizontal ones.
static void zoom_piece(const float *re, const float *im, int nx, int ny, double cy, double step,
                       int piece, const cvec *ex, cvec *ey, float *out) {
    int pitch = v2s_plane_pitch(ny);
    float scale = 1.0f / (float)(nx * ny);
    vec acc[V2S_LANES] = {{0}};
    phases(ny, cy, step, piece * W - 7.5, ey);
    for (int kx = 0; kx < nx; kx++) {
        cvec line = {{0}, {0}};
        for (int ky = 0; ky < ny; ky++) {
            float a = re[kx * pitch + ky], b = im[kx * pitch + ky];
            line.re += ey[ky].re * a - ey[ky].im * b;
            line.im += ey[ky].im * a + ey[ky].re * b;
        }
        for (int l = 0; l < V2S_LANES; l++) {
            const cvec *e = ex + (l / W) * V2S_FFT_MAX + kx;
            acc[l] += line.re * e->re[l % W] - line.im * e->im[l % W];
        }
    }
    for (int l = 0; l < V2S_LANES; l++)
        *(vec *)(out + l * V2S_LANES + piece * W) = acc[l] * scale;
}

static void zoom(const float *re, const float *im, int nx, int ny, double cx, double cy,
                 double step, float *scratch, float *out) {
    cvec *ey = (cvec *)scratch, *ex = ey + V2S_FFT_MAX;
    for (int p = 0; p < PIECES; p++)
        phases(nx, cx, step, p * W - 7.5, ex + p * V2S_FFT_MAX);
    for (int p = 0; p < PIECES; p++)
        zoom_piece(re, im, nx, ny, cy, step, p, ex, ey, out);
}
