// SPDX-License-Identifier: MIT
// The emulated cuDNN: the GRU against loops written out here and against finite differences, the
// convolution against its definition, gradients by the identity <y', A x> = <A' y', x>.
#include <criterion/criterion.h>
#include <cuda_runtime.h>
#include <cudnn.h>
#include <math.h>
#include <vector>

typedef std::vector<float> floats;

static float *device(const floats &host) {
    float *pointer = nullptr;
    cr_assert_eq(cudaMalloc(&pointer, host.size() * sizeof(float)), cudaSuccess);
    cr_assert_eq(
        cudaMemcpy(pointer, host.data(), host.size() * sizeof(float), cudaMemcpyHostToDevice),
        cudaSuccess);
    return pointer;
}

static floats host(const float *pointer, size_t count) {
    floats copy(count);
    cr_assert_eq(cudaMemcpy(copy.data(), pointer, count * sizeof(float), cudaMemcpyDeviceToHost),
                 cudaSuccess);
    return copy;
}

static floats noise(size_t count, unsigned seed) {
    floats x(count);
    for (float &v : x) {
        seed = seed * 1664525u + 1013904223u;
        v = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    return x;
}

static double dot(const floats &a, const floats &b) {
    double sum = 0.0;
    for (size_t i = 0; i < a.size(); i++)
        sum += (double)a[i] * b[i];
    return sum;
}

// ---- the recurrent layer

static const int B = 2, T = 5, C = 3, H = 4;
static const int LENGTHS[B] = {5, 3};

struct gru {
    int D;
    cudnnHandle_t handle;
    cudnnRNNDescriptor_t rnn;
    cudnnRNNDataDescriptor_t x_desc, y_desc;
    cudnnTensorDescriptor_t h_desc;
    size_t weight_size, workspace_size, reserve_size;
    float *workspace, *reserve;

    explicit gru(int directions) : D(directions) {
        float zero = 0.0f;
        const int h_size[] = {D, B, H}, h_stride[] = {B * H, H, 1};
        cudnnCreate(&handle);
        cudnnCreateRNNDescriptor(&rnn);
        cudnnCreateRNNDataDescriptor(&x_desc);
        cudnnCreateRNNDataDescriptor(&y_desc);
        cudnnCreateTensorDescriptor(&h_desc);
        cr_assert_eq(cudnnSetRNNDescriptor_v8(
                         rnn, CUDNN_RNN_ALGO_STANDARD, CUDNN_GRU, CUDNN_RNN_DOUBLE_BIAS,
                         D == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
                         CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT, CUDNN_FMA_MATH, C, H, H, 1, nullptr,
                         CUDNN_RNN_PADDED_IO_ENABLED),
                     CUDNN_STATUS_SUCCESS);
        cudnnRNNDataLayout_t layout = CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED;
        cr_assert_eq(
            cudnnSetRNNDataDescriptor(x_desc, CUDNN_DATA_FLOAT, layout, T, B, C, LENGTHS, &zero),
            CUDNN_STATUS_SUCCESS);
        cr_assert_eq(cudnnSetRNNDataDescriptor(y_desc, CUDNN_DATA_FLOAT, layout, T, B, D * H,
                                               LENGTHS, &zero),
                     CUDNN_STATUS_SUCCESS);
        cr_assert_eq(cudnnSetTensorNdDescriptor(h_desc, CUDNN_DATA_FLOAT, 3, h_size, h_stride),
                     CUDNN_STATUS_SUCCESS);
        cudnnGetRNNWeightSpaceSize(handle, rnn, &weight_size);
        cudnnGetRNNTempSpaceSizes(handle, rnn, CUDNN_FWD_MODE_TRAINING, x_desc, &workspace_size,
                                  &reserve_size);
        cr_assert_eq(cudaMalloc(&workspace, workspace_size), cudaSuccess);
        cr_assert_eq(cudaMalloc(&reserve, reserve_size), cudaSuccess);
    }
    ~gru() {
        cudnnDestroyTensorDescriptor(h_desc);
        cudnnDestroyRNNDataDescriptor(x_desc);
        cudnnDestroyRNNDataDescriptor(y_desc);
        cudnnDestroyRNNDescriptor(rnn);
        cudnnDestroy(handle);
        cudaFree(workspace);
        cudaFree(reserve);
    }
    size_t weights() const {
        return weight_size / sizeof(float);
    }
    cudnnStatus_t forward(const float *x, const float *hx, const float *w, float *y, float *hy) {
        return cudnnRNNForward(handle, rnn, CUDNN_FWD_MODE_TRAINING, nullptr, x_desc, x, y_desc, y,
                               h_desc, hx, hy, nullptr, nullptr, nullptr, weight_size, w,
                               workspace_size, workspace, reserve_size, reserve);
    }
    // Where a matrix (or its bias) begins, in floats.
    size_t offset(int direction, int part, bool bias) {
        static float base[1];
        void *m, *b;
        cr_assert_eq(cudnnGetRNNWeightParams(handle, rnn, direction, weight_size, base, part,
                                             nullptr, &m, nullptr, &b),
                     CUDNN_STATUS_SUCCESS);
        return (size_t)((float *)(bias ? b : m) - base);
    }
};

static double gate(gru &g, const floats &w, int d, int part, int j, const double *v) {
    int n = part < 3 ? C : H;
    double sum = w[g.offset(d, part, true) + (size_t)j];
    for (int i = 0; i < n; i++)
        sum += w[g.offset(d, part, false) + (size_t)(j * n + i)] * v[i];
    return sum;
}

// y as the equations say.
static std::vector<double> written_out(gru &g, const floats &x, const floats &hx, const floats &w) {
    std::vector<double> y((size_t)(B * T * g.D * H), 0.0);
    for (int d = 0; d < g.D; d++)
        for (int b = 0; b < B; b++) {
            double h[H], next[H], in[C];
            for (int j = 0; j < H; j++)
                h[j] = hx[(size_t)((d * B + b) * H + j)];
            for (int s = 0; s < LENGTHS[b]; s++) {
                int t = d ? LENGTHS[b] - 1 - s : s;
                for (int i = 0; i < C; i++)
                    in[i] = x[(size_t)((b * T + t) * C + i)];
                for (int j = 0; j < H; j++) {
                    double r = 1 / (1 + exp(-gate(g, w, d, 0, j, in) - gate(g, w, d, 3, j, h)));
                    double z = 1 / (1 + exp(-gate(g, w, d, 1, j, in) - gate(g, w, d, 4, j, h)));
                    double n = tanh(gate(g, w, d, 2, j, in) + r * gate(g, w, d, 5, j, h));
                    next[j] = (1 - z) * n + z * h[j];
                }
                for (int j = 0; j < H; j++)
                    y[(size_t)(((b * T + t) * g.D + d) * H + j)] = h[j] = next[j];
            }
        }
    return y;
}

Test(emulation_cudnn, the_gru_follows_its_equations) {
    for (int D = 1; D <= 2; D++) {
        gru g(D);
        floats x = noise(B * T * C, 1), hx = noise((size_t)(D * B * H), 2);
        floats w = noise(g.weights(), 3);
        float *y = device(floats((size_t)(B * T * D * H), 9.0f));
        float *hy = device(floats((size_t)(D * B * H)));
        cr_assert_eq(g.forward(device(x), device(hx), device(w), y, hy), CUDNN_STATUS_SUCCESS);
        std::vector<double> expected = written_out(g, x, hx, w);
        floats got = host(y, expected.size()), last = host(hy, (size_t)(D * B * H));
        for (size_t i = 0; i < got.size(); i++)
            cr_expect_float_eq(got[i], expected[i], 1e-6, "D %d: y[%zu]", D, i);
        cr_expect_eq(last[(size_t)H], got[(size_t)((T + 2) * D * H)]); // row 1 ends at 2
    }
}

// d(loss)/d(v[i]) by central differences, loss = <dy, y> + <dhy, hy>.
struct loss_of {
    gru &g;
    floats x, hx, w, dy;
    double operator()() const {
        std::vector<double> y = written_out(g, x, hx, w);
        double sum = 0.0;
        for (size_t i = 0; i < y.size(); i++)
            sum += y[i] * dy[i];
        return sum;
    }
};

static void expect_slopes(loss_of &loss, floats &v, const floats &got, const char *name) {
    for (size_t i = 0; i < v.size(); i++) {
        const float step = 1.0f / 256;
        float before = v[i];
        v[i] = before + step;
        double up = loss(), above = v[i];
        v[i] = before - step;
        double slope = (up - loss()) / (above - v[i]);
        v[i] = before;
        cr_expect_float_eq(got[i], slope, 2e-4, "%s[%zu]: %g, not %g", name, i, got[i], slope);
    }
}

Test(emulation_cudnn, the_grus_gradients_are_slopes) {
    gru g(2);
    loss_of loss{g, noise(B * T * C, 1), noise(2 * B * H, 2), noise(g.weights(), 3),
                 noise(B * T * 2 * H, 4)};
    for (int t = LENGTHS[1]; t < T; t++) // padding has no gradient
        for (int j = 0; j < 2 * H; j++)
            loss.dy[(size_t)((T + t) * 2 * H + j)] = 0.0f;
    float *x = device(loss.x), *hx = device(loss.hx), *w = device(loss.w), *dy = device(loss.dy);
    float *y = device(floats(B * T * 2 * H)), *dx = device(floats(B * T * C, NAN));
    float *dhx = device(floats(2 * B * H)), *dw = device(floats(g.weights(), 10.0f));
    cr_assert_eq(g.forward(x, hx, w, y, nullptr), CUDNN_STATUS_SUCCESS);
    cr_assert_eq(cudnnRNNBackwardData_v8(g.handle, g.rnn, nullptr, g.y_desc, y, dy, g.x_desc, dx,
                                         g.h_desc, hx, nullptr, dhx, nullptr, nullptr, nullptr,
                                         nullptr, g.weight_size, w, g.workspace_size, g.workspace,
                                         g.reserve_size, g.reserve),
                 CUDNN_STATUS_SUCCESS);
    cr_assert_eq(cudnnRNNBackwardWeights_v8(g.handle, g.rnn, CUDNN_WGRAD_MODE_ADD, nullptr,
                                            g.x_desc, x, g.h_desc, hx, g.y_desc, y, g.weight_size,
                                            dw, g.workspace_size, g.workspace, g.reserve_size,
                                            g.reserve),
                 CUDNN_STATUS_SUCCESS);
    expect_slopes(loss, loss.x, host(dx, B * T * C), "dx");
    expect_slopes(loss, loss.hx, host(dhx, 2 * B * H), "dhx");
    floats added = host(dw, g.weights());
    for (float &v : added)
        v -= 10.0f;
    expect_slopes(loss, loss.w, added, "dw");
}

Test(emulation_cudnn, the_gru_refuses_what_does_not_fit) {
    gru g(2);
    float *x = device(floats(B * T * C)), *y = device(floats(B * T * 2 * H));
    float *w = device(floats(g.weights()));
    g.workspace_size--;
    cr_expect_eq(g.forward(x, nullptr, w, y, nullptr), CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT);
    g.workspace_size++;
    g.reserve_size -= 4;
    cr_expect_eq(g.forward(x, nullptr, w, y, nullptr), CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT);
    cr_expect_eq(cudnnGetVersion(), 91900u);
}

// ---- convolution

struct shapes {
    int n, c, h, w, k, kh, kw, pad, stride, dilation, groups;
    bool flipped;
};

static const shapes SHAPES[] = {
    {2, 3, 7, 6, 4, 3, 3, 1, 1, 1, 1, false},
    {1, 4, 9, 8, 6, 3, 2, 2, 2, 2, 2, false},
    {2, 2, 5, 5, 2, 1, 1, 0, 1, 1, 1, false},
    {1, 2, 6, 6, 3, 3, 3, 0, 1, 1, 1, true},
};

struct convolution {
    shapes s;
    int p, q;
    cudnnHandle_t handle;
    cudnnTensorDescriptor_t x_desc, y_desc;
    cudnnFilterDescriptor_t w_desc;
    cudnnConvolutionDescriptor_t conv;
    floats x, w, y;

    explicit convolution(const shapes &given) : s(given) {
        int n, k;
        cudnnCreate(&handle);
        cudnnCreateTensorDescriptor(&x_desc);
        cudnnCreateTensorDescriptor(&y_desc);
        cudnnCreateFilterDescriptor(&w_desc);
        cudnnCreateConvolutionDescriptor(&conv);
        cudnnSetTensor4dDescriptor(x_desc, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, s.n, s.c, s.h, s.w);
        cudnnSetFilter4dDescriptor(w_desc, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, s.k, s.c / s.groups,
                                   s.kh, s.kw);
        cudnnSetConvolution2dDescriptor(
            conv, s.pad, s.pad, s.stride, s.stride, s.dilation, s.dilation,
            s.flipped ? CUDNN_CONVOLUTION : CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
        cudnnSetConvolutionGroupCount(conv, s.groups);
        cudnnSetConvolutionMathType(conv, CUDNN_FMA_MATH);
        cr_assert_eq(cudnnGetConvolution2dForwardOutputDim(conv, x_desc, w_desc, &n, &k, &p, &q),
                     CUDNN_STATUS_SUCCESS);
        cudnnSetTensor4dDescriptor(y_desc, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, n, k, p, q);
        x = noise((size_t)(s.n * s.c * s.h * s.w), 5);
        w = noise((size_t)(s.k * s.c / s.groups * s.kh * s.kw), 6);
        y = noise((size_t)(s.n * s.k * p * q), 7);
    }
    ~convolution() {
        cudnnDestroyConvolutionDescriptor(conv);
        cudnnDestroyFilterDescriptor(w_desc);
        cudnnDestroyTensorDescriptor(x_desc);
        cudnnDestroyTensorDescriptor(y_desc);
        cudnnDestroy(handle);
    }
    double definition(int n, int k, int row, int column) const {
        int per = s.c / s.groups, first = k / (s.k / s.groups) * per;
        double sum = 0.0;
        for (int c = 0; c < per; c++)
            for (int i = 0; i < s.kh; i++)
                for (int j = 0; j < s.kw; j++) {
                    int h = row * s.stride - s.pad + i * s.dilation;
                    int v = column * s.stride - s.pad + j * s.dilation;
                    if (h < 0 || h >= s.h || v < 0 || v >= s.w)
                        continue;
                    int wi = s.flipped ? s.kh - 1 - i : i, wj = s.flipped ? s.kw - 1 - j : j;
                    sum += (double)x[(size_t)(((n * s.c + first + c) * s.h + h) * s.w + v)] *
                           w[(size_t)(((k * per + c) * s.kh + wi) * s.kw + wj)];
                }
        return sum;
    }
};

Test(emulation_cudnn, convolution_follows_its_definition) {
    for (const shapes &s : SHAPES) {
        convolution op(s);
        float alpha = 0.5f, beta = 2.0f, *y = device(op.y);
        cr_assert_eq(cudnnConvolutionForward(op.handle, &alpha, op.x_desc, device(op.x), op.w_desc,
                                             device(op.w), op.conv,
                                             CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, nullptr, 0,
                                             &beta, op.y_desc, y),
                     CUDNN_STATUS_SUCCESS);
        floats got = host(y, op.y.size());
        size_t i = 0;
        for (int n = 0; n < s.n; n++)
            for (int k = 0; k < s.k; k++)
                for (int row = 0; row < op.p; row++)
                    for (int column = 0; column < op.q; column++, i++)
                        cr_expect_float_eq(
                            got[i], 0.5 * op.definition(n, k, row, column) + 2.0 * op.y[i], 1e-5);
    }
}

Test(emulation_cudnn, convolutions_gradients_are_its_adjoints) {
    for (const shapes &s : SHAPES) {
        convolution op(s);
        float one = 1.0f, zero = 0.0f, *x = device(op.x), *w = device(op.w), *dy = device(op.y);
        float *y = device(floats(op.y.size(), NAN)), *dx = device(floats(op.x.size(), NAN));
        float *dw = device(floats(op.w.size(), NAN)), *workspace;
        size_t size;
        cudnnConvolutionBwdDataAlgo_t data = CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
        cr_assert_eq(cudnnGetConvolutionBackwardDataWorkspaceSize(op.handle, op.w_desc, op.y_desc,
                                                                  op.conv, op.x_desc, data, &size),
                     CUDNN_STATUS_SUCCESS);
        cr_assert_eq(cudaMalloc(&workspace, size), cudaSuccess);
        cr_assert_eq(cudnnConvolutionForward(op.handle, &one, op.x_desc, x, op.w_desc, w, op.conv,
                                             CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, nullptr, 0,
                                             &zero, op.y_desc, y),
                     CUDNN_STATUS_SUCCESS);
        cr_assert_eq(cudnnConvolutionBackwardData(op.handle, &one, op.w_desc, w, op.y_desc, dy,
                                                  op.conv, data, workspace, size, &zero, op.x_desc,
                                                  dx),
                     CUDNN_STATUS_SUCCESS);
        cr_assert_eq(cudnnConvolutionBackwardFilter(op.handle, &one, op.x_desc, x, op.y_desc, dy,
                                                    op.conv, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
                                                    nullptr, 0, &zero, op.w_desc, dw),
                     CUDNN_STATUS_SUCCESS);
        double product = dot(op.y, host(y, op.y.size()));
        cr_expect_float_eq(dot(op.x, host(dx, op.x.size())), product, 1e-4);
        cr_expect_float_eq(dot(op.w, host(dw, op.w.size())), product, 1e-4);
        cr_expect_eq(cudnnConvolutionBackwardData(op.handle, &one, op.w_desc, w, op.y_desc, dy,
                                                  op.conv, data, workspace, size - 1, &zero,
                                                  op.x_desc, dx),
                     CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT);
    }
}

Test(emulation_cudnn, the_bias_gradient_sums_over_the_image) {
    convolution op(SHAPES[0]);
    float one = 1.0f, zero = 0.0f, *db = device(floats(4, NAN));
    cudnnTensorDescriptor_t desc;
    cudnnCreateTensorDescriptor(&desc);
    cudnnSetTensor4dDescriptor(desc, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 1, 4, 1, 1);
    cr_assert_eq(
        cudnnConvolutionBackwardBias(op.handle, &one, op.y_desc, device(op.y), &zero, desc, db),
        CUDNN_STATUS_SUCCESS);
    floats got = host(db, 4);
    for (int k = 0; k < 4; k++) {
        double sum = 0.0;
        for (int n = 0; n < 2; n++)
            for (int i = 0; i < op.p * op.q; i++)
                sum += op.y[(size_t)((n * 4 + k) * op.p * op.q + i)];
        cr_expect_float_eq(got[(size_t)k], sum, 1e-5);
    }
    cudnnDestroyTensorDescriptor(desc);
}

Test(emulation_cudnn, default_arithmetic_is_tf32) {
    convolution op(SHAPES[2]);
    float one = 1.0f, zero = 0.0f, *y = device(op.y), *x = device(op.x), *w = device(op.w);
    floats exact;
    for (cudnnMathType_t math : {CUDNN_FMA_MATH, CUDNN_DEFAULT_MATH}) {
        cudnnSetConvolutionMathType(op.conv, math);
        cr_assert_eq(cudnnConvolutionForward(op.handle, &one, op.x_desc, x, op.w_desc, w, op.conv,
                                             CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, nullptr, 0,
                                             &zero, op.y_desc, y),
                     CUDNN_STATUS_SUCCESS);
        floats got = host(y, op.y.size());
        if (exact.empty()) {
            exact = got;
            continue;
        }
        double largest = 0.0;
        for (size_t i = 0; i < got.size(); i++)
            largest = fmax(largest, fabs((double)got[i] - exact[i]));
        cr_expect(largest > 1e-5 && largest < 3e-3, "%g", largest);
    }
}
