// SPDX-License-Identifier: MIT
// cuDNN's recurrent layer: one GRU layer in one or two directions, with two biases, in float:
//
//   r = s(W_r x + R_r h + b_Wr + b_Rr)      z = s(W_z x + R_z h + b_Wz + b_Rz)
//   n = tanh(W_n x + b_Wn + r (R_n h + b_Rn))      h' = (1 - z) n + z h
//
// The reserve space holds r, z, n and q = R_n h + b_Rn of every step; backward data replaces them
// by the gradients before the gate functions, which backward weights reads.
#include <math.h>

#include "cudnn_types.h"

struct cudnnRNNStruct {
    int C = 0, H = 0, D = 1;
    bool exact = false; // no TF32
};

struct cudnnRNNDataStruct {
    cudnnRNNDataLayout_t layout = CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED;
    int T = 0, B = 0, width = 0;
    std::vector<int> lengths;
    float padding = 0.0f;
};

using namespace v2s_emulation;

namespace {

const int PARTS = 6; // W_r, W_z, W_n, R_r, R_z, R_n

struct shape {
    int C, H, D, B, T;
    bool exact, batch_major;
    std::vector<int> lengths;

    size_t row(int b, int t) const {
        return batch_major ? (size_t)b * (size_t)T + (size_t)t : (size_t)t * (size_t)B + (size_t)b;
    }
    size_t steps() const {
        return (size_t)B * (size_t)T;
    }
    size_t gates(int d, int b, int t) const { // of r, z, n, q in the reserve space
        return (((size_t)d * (size_t)B + (size_t)b) * (size_t)T + (size_t)t) * 4 * (size_t)H;
    }
    size_t state(int d, int b) const {
        return ((size_t)d * (size_t)B + (size_t)b) * (size_t)H;
    }
    // The time of step s of a walk, in direction d.
    int time(int d, int b, int s) const {
        return d == 0 ? s : lengths[(size_t)b] - 1 - s;
    }
};

size_t matrix_offset(int C, int H, int d, int part) {
    size_t input = (size_t)H * (size_t)C, recurrent = (size_t)H * (size_t)H;
    size_t start = (size_t)d * 3 * (input + recurrent);
    return part < 3 ? start + (size_t)part * input
                    : start + 3 * input + (size_t)(part - 3) * recurrent;
}

size_t bias_offset(int C, int H, int D, int d, int part) {
    return matrix_offset(C, H, D, 0) + ((size_t)d * PARTS + (size_t)part) * (size_t)H;
}

size_t weight_count(int C, int H, int D) {
    return bias_offset(C, H, D, D, 0);
}

// Row j of a matrix times v, and the bias.
double product(const shape &s, const float *weights, int d, int part, int j, const float *v) {
    int n = part < 3 ? s.C : s.H;
    const float *row = weights + matrix_offset(s.C, s.H, d, part) + (size_t)j * (size_t)n;
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        sum += (double)tf32_unless(row[i], s.exact) * tf32_unless(v[i], s.exact);
    return sum + weights[bias_offset(s.C, s.H, s.D, d, part) + (size_t)j];
}

double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

void forward_step(const shape &s, const float *weights, int d, const float *x,
                  std::vector<float> &h, float *gates) {
    std::vector<float> next(h.size());
    for (int j = 0; j < s.H; j++) {
        double p[PARTS];
        for (int part = 0; part < PARTS; part++)
            p[part] = product(s, weights, d, part, j, part < 3 ? x : h.data());
        double r = sigmoid(p[0] + p[3]), z = sigmoid(p[1] + p[4]), n = tanh(p[2] + r * p[5]);
        next[(size_t)j] = (float)((1.0 - z) * n + z * h[(size_t)j]);
        if (gates) {
            gates[j] = (float)r;
            gates[s.H + j] = (float)z;
            gates[2 * s.H + j] = (float)n;
            gates[3 * s.H + j] = (float)p[5];
        }
    }
    h = next;
}

std::vector<float> state_before(const shape &s, const float *hx, int d, int b) {
    std::vector<float> h((size_t)s.H, 0.0f);
    if (hx)
        h.assign(hx + s.state(d, b), hx + s.state(d, b) + s.H);
    return h;
}

void forward(const shape &s, const float *x, float *y, const float *hx, float *hy,
             const float *weights, float *reserve, float padding) {
    size_t width = (size_t)s.D * (size_t)s.H;
    for (int d = 0; d < s.D; d++)
        for (int b = 0; b < s.B; b++) {
            std::vector<float> h = state_before(s, hx, d, b);
            for (int step = 0; step < s.lengths[(size_t)b]; step++) {
                int t = s.time(d, b, step);
                forward_step(s, weights, d, x + s.row(b, t) * (size_t)s.C, h,
                             reserve ? reserve + s.gates(d, b, t) : nullptr);
                memcpy(y + s.row(b, t) * width + (size_t)d * (size_t)s.H, h.data(),
                       h.size() * sizeof(float));
            }
            for (int t = s.lengths[(size_t)b]; t < s.T; t++)
                for (int j = 0; j < s.H; j++)
                    y[s.row(b, t) * width + (size_t)(d * s.H + j)] = padding;
            if (hy)
                memcpy(hy + s.state(d, b), h.data(), h.size() * sizeof(float));
        }
}

// The state before step `step`: of y, or hx.
std::vector<float> state_of(const shape &s, const float *hx, const float *y, int d, int b,
                            int step) {
    if (step == 0)
        return state_before(s, hx, d, b);
    const float *row = y + s.row(b, s.time(d, b, step - 1)) * (size_t)(s.D * s.H) + d * s.H;
    return std::vector<float>(row, row + s.H);
}

// sums[i] += matrix^T g.
void add_transposed(const shape &s, const float *weights, int d, int part, const float *g,
                    double *sums) {
    int n = part < 3 ? s.C : s.H;
    const float *m = weights + matrix_offset(s.C, s.H, d, part);
    for (int j = 0; j < s.H; j++)
        for (int i = 0; i < n; i++)
            sums[i] += (double)tf32_unless(m[(size_t)j * (size_t)n + (size_t)i], s.exact) *
                       tf32_unless(g[j], s.exact);
}

// One step back: gates become gradients, dh goes from after the step to before it.
void backward_step(const shape &s, const float *weights, int d, const float *dy,
                   const std::vector<float> &h, float *gates, std::vector<double> &dh, double *dx) {
    int H = s.H;
    std::vector<double> before((size_t)H);
    for (int j = 0; j < H; j++) {
        double r = gates[j], z = gates[H + j], n = gates[2 * H + j], q = gates[3 * H + j];
        double g = dy[j] + dh[(size_t)j];
        double da_n = g * (1.0 - z) * (1.0 - n * n);
        before[(size_t)j] = g * z;
        gates[j] = (float)(da_n * q * r * (1.0 - r));
        gates[H + j] = (float)(g * (h[(size_t)j] - n) * z * (1.0 - z));
        gates[2 * H + j] = (float)da_n;
        gates[3 * H + j] = (float)(da_n * r);
    }
    for (int part = 0; part < PARTS; part++) {
        int gate = part == 5 ? 3 : part % 3;
        add_transposed(s, weights, d, part, gates + gate * H, part < 3 ? dx : before.data());
    }
    dh = before;
}

void backward_data(const shape &s, const float *y, const float *dy, float *dx, const float *hx,
                   const float *dhy, float *dhx, const float *weights, float *reserve) {
    size_t width = (size_t)s.D * (size_t)s.H;
    std::vector<double> sums(s.steps() * (size_t)s.C, 0.0);
    for (int d = 0; d < s.D; d++)
        for (int b = 0; b < s.B; b++) {
            std::vector<float> after = state_before(s, dhy, d, b);
            std::vector<double> dh(after.begin(), after.end());
            for (int step = s.lengths[(size_t)b] - 1; step >= 0; step--) {
                int t = s.time(d, b, step);
                backward_step(s, weights, d, dy + s.row(b, t) * width + d * s.H,
                              state_of(s, hx, y, d, b, step), reserve + s.gates(d, b, t), dh,
                              &sums[s.row(b, t) * (size_t)s.C]);
            }
            for (int j = 0; dhx && j < s.H; j++)
                dhx[s.state(d, b) + (size_t)j] = (float)dh[(size_t)j];
        }
    for (size_t i = 0; i < sums.size(); i++)
        dx[i] = (float)sums[i];
}

void backward_weights(const shape &s, const float *x, const float *hx, const float *y,
                      float *dweights, const float *reserve) {
    std::vector<double> sums(weight_count(s.C, s.H, s.D), 0.0);
    for (int d = 0; d < s.D; d++)
        for (int b = 0; b < s.B; b++)
            for (int step = 0; step < s.lengths[(size_t)b]; step++) {
                int t = s.time(d, b, step);
                std::vector<float> h = state_of(s, hx, y, d, b, step);
                const float *gates = reserve + s.gates(d, b, t);
                for (int part = 0; part < PARTS; part++) {
                    int n = part < 3 ? s.C : s.H;
                    const float *v = part < 3 ? x + s.row(b, t) * (size_t)s.C : h.data();
                    const float *g = gates + (part == 5 ? 3 : part % 3) * s.H;
                    double *m = &sums[matrix_offset(s.C, s.H, d, part)];
                    for (int j = 0; j < s.H; j++) {
                        for (int i = 0; i < n; i++)
                            m[j * n + i] +=
                                (double)tf32_unless(g[j], s.exact) * tf32_unless(v[i], s.exact);
                        sums[bias_offset(s.C, s.H, s.D, d, part) + (size_t)j] += g[j];
                    }
                }
            }
    for (size_t i = 0; i < sums.size(); i++)
        dweights[i] += (float)sums[i];
}

size_t workspace_bytes(const cudnnRNNStruct &rnn, const cudnnRNNDataStruct &x) {
    return 256 + (size_t)rnn.D * (size_t)x.B * (size_t)rnn.H * 4 * sizeof(float);
}

size_t reserve_bytes(const cudnnRNNStruct &rnn, const cudnnRNNDataStruct &x) {
    return (size_t)rnn.D * (size_t)x.B * (size_t)x.T * (size_t)rnn.H * 4 * sizeof(float);
}

// Whether the descriptors fit together, and then the shape of the call.
cudnnStatus_t settle(cudnnRNNDescriptor_t rnn, cudnnRNNDataDescriptor_t x,
                     cudnnRNNDataDescriptor_t y, cudnnTensorDescriptor_t h, size_t weight_size,
                     size_t workspace_size, shape &s) {
    if (!rnn || !x || !y || rnn->H == 0 || x->T == 0)
        return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
    if (x->width != rnn->C || y->width != rnn->D * rnn->H || x->T != y->T || x->B != y->B ||
        x->layout != y->layout || x->lengths != y->lengths)
        return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
    if (h && h->size != std::vector<int>{rnn->D, x->B, rnn->H})
        return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
    if (weight_size < weight_count(rnn->C, rnn->H, rnn->D) * sizeof(float) ||
        workspace_size < workspace_bytes(*rnn, *x))
        return CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT;
    s = shape{rnn->C,
              rnn->H,
              rnn->D,
              x->B,
              x->T,
              rnn->exact,
              x->layout == CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED,
              x->lengths};
    return CUDNN_STATUS_SUCCESS;
}

void check_states(const shape &s, const char *name, const void *data) {
    if (data)
        cudnn_check_place(name, data, (size_t)s.D * (size_t)s.B * (size_t)s.H);
}

void check_data(const shape &s, const char *x_name, const void *x, const char *y_name,
                const void *y) {
    cudnn_check_place(x_name, x, s.steps() * (size_t)s.C);
    cudnn_check_place(y_name, y, s.steps() * (size_t)(s.D * s.H));
}

} // namespace

cudnnStatus_t cudnnCreateRNNDescriptor(cudnnRNNDescriptor_t *rnn) {
    *rnn = new cudnnRNNStruct;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyRNNDescriptor(cudnnRNNDescriptor_t rnn) {
    delete rnn;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t rnn, cudnnRNNAlgo_t algo,
                                       cudnnRNNMode_t cell, cudnnRNNBiasMode_t bias,
                                       cudnnDirectionMode_t direction, cudnnRNNInputMode_t input,
                                       cudnnDataType_t type, cudnnDataType_t math_precision,
                                       cudnnMathType_t math, int32_t input_size,
                                       int32_t hidden_size, int32_t projection_size, int32_t layers,
                                       cudnnDropoutDescriptor_t, uint32_t) {
    if (input_size < 1 || hidden_size < 1 || projection_size != hidden_size || layers < 1)
        return CUDNN_STATUS_BAD_PARAM;
    if (algo != CUDNN_RNN_ALGO_STANDARD && algo != CUDNN_RNN_ALGO_PERSIST_STATIC)
        return CUDNN_STATUS_NOT_SUPPORTED;
    if (cell != CUDNN_GRU || bias != CUDNN_RNN_DOUBLE_BIAS || input != CUDNN_LINEAR_INPUT ||
        type != CUDNN_DATA_FLOAT || math_precision != CUDNN_DATA_FLOAT || layers != 1)
        return CUDNN_STATUS_NOT_SUPPORTED;
    rnn->C = input_size;
    rnn->H = hidden_size;
    rnn->D = direction == CUDNN_BIDIRECTIONAL ? 2 : 1;
    rnn->exact = math == CUDNN_FMA_MATH;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateRNNDataDescriptor(cudnnRNNDataDescriptor_t *data) {
    *data = new cudnnRNNDataStruct;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyRNNDataDescriptor(cudnnRNNDataDescriptor_t data) {
    delete data;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t data, cudnnDataType_t type,
                                        cudnnRNNDataLayout_t layout, int max_length, int batch,
                                        int vector_size, const int lengths[], void *padding) {
    if (max_length < 1 || batch < 1 || vector_size < 1 || !lengths)
        return CUDNN_STATUS_BAD_PARAM;
    if (type != CUDNN_DATA_FLOAT || layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED)
        return CUDNN_STATUS_NOT_SUPPORTED;
    for (int b = 0; b < batch; b++)
        if (lengths[b] < 1 || lengths[b] > max_length)
            return CUDNN_STATUS_BAD_PARAM;
    data->layout = layout;
    data->T = max_length;
    data->B = batch;
    data->width = vector_size;
    data->lengths.assign(lengths, lengths + batch);
    // Without a value the padded places are not defined: NaN.
    data->padding = padding ? *(const float *)padding : (float)NAN;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNWeightSpaceSize(cudnnHandle_t, cudnnRNNDescriptor_t rnn, size_t *size) {
    *size = weight_count(rnn->C, rnn->H, rnn->D) * sizeof(float);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNTempSpaceSizes(cudnnHandle_t, cudnnRNNDescriptor_t rnn,
                                        cudnnForwardMode_t mode, cudnnRNNDataDescriptor_t x,
                                        size_t *workspace_size, size_t *reserve_size) {
    *workspace_size = workspace_bytes(*rnn, *x);
    if (reserve_size)
        *reserve_size = mode == CUDNN_FWD_MODE_TRAINING ? reserve_bytes(*rnn, *x) : 0;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNWeightParams(cudnnHandle_t, cudnnRNNDescriptor_t rnn, int32_t pseudo_layer,
                                      size_t weight_size, const void *weights, int32_t part,
                                      cudnnTensorDescriptor_t matrix_desc, void **matrix,
                                      cudnnTensorDescriptor_t bias_desc, void **bias) {
    int C = rnn->C, H = rnn->H, n = part < 3 ? C : H;
    if (pseudo_layer < 0 || pseudo_layer >= rnn->D || part < 0 || part >= PARTS ||
        weight_size < weight_count(C, H, rnn->D) * sizeof(float))
        return CUDNN_STATUS_BAD_PARAM;
    float *base = (float *)weights;
    *matrix = base + matrix_offset(C, H, pseudo_layer, part);
    *bias = base + bias_offset(C, H, rnn->D, pseudo_layer, part);
    const int matrix_size[] = {1, H, n}, matrix_stride[] = {H * n, n, 1};
    const int bias_size[] = {1, H, 1}, bias_stride[] = {H, 1, 1};
    if (matrix_desc)
        cudnnSetTensorNdDescriptor(matrix_desc, CUDNN_DATA_FLOAT, 3, matrix_size, matrix_stride);
    if (bias_desc)
        cudnnSetTensorNdDescriptor(bias_desc, CUDNN_DATA_FLOAT, 3, bias_size, bias_stride);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnRNNForward(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn,
                              cudnnForwardMode_t mode, const int32_t[],
                              cudnnRNNDataDescriptor_t x_desc, const void *x,
                              cudnnRNNDataDescriptor_t y_desc, void *y,
                              cudnnTensorDescriptor_t h_desc, const void *hx, void *hy,
                              cudnnTensorDescriptor_t, const void *, void *, size_t weight_size,
                              const void *weights, size_t workspace_size, void *workspace,
                              size_t reserve_size, void *reserve) {
    locked guard;
    shape s;
    cudnnStatus_t status = settle(rnn, x_desc, y_desc, h_desc, weight_size, workspace_size, s);
    if (status != CUDNN_STATUS_SUCCESS)
        return status;
    bool training = mode == CUDNN_FWD_MODE_TRAINING;
    if (training && (reserve_size < reserve_bytes(*rnn, *x_desc) || !reserve))
        return CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT;
    check_data(s, "x", x, "y", y);
    check_states(s, "hx", hx);
    check_states(s, "hy", hy);
    cudnn_check_place("the weight space", weights, weight_count(s.C, s.H, s.D));
    if (training)
        cudnn_check_place("the reserve space", reserve, reserve_size / sizeof(float));
    float padding = y_desc->padding;
    return cudnn_queue(handle, workspace, workspace_size, [=]() {
        forward(s, (const float *)x, (float *)y, (const float *)hx, (float *)hy,
                (const float *)weights, training ? (float *)reserve : nullptr, padding);
    });
}

cudnnStatus_t cudnnRNNBackwardData_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn,
                                      const int32_t[], cudnnRNNDataDescriptor_t y_desc,
                                      const void *y, const void *dy,
                                      cudnnRNNDataDescriptor_t x_desc, void *dx,
                                      cudnnTensorDescriptor_t h_desc, const void *hx,
                                      const void *dhy, void *dhx, cudnnTensorDescriptor_t,
                                      const void *, const void *, void *, size_t weight_size,
                                      const void *weights, size_t workspace_size, void *workspace,
                                      size_t reserve_size, void *reserve) {
    locked guard;
    shape s;
    cudnnStatus_t status = settle(rnn, x_desc, y_desc, h_desc, weight_size, workspace_size, s);
    if (status != CUDNN_STATUS_SUCCESS)
        return status;
    if (reserve_size < reserve_bytes(*rnn, *x_desc) || !dx)
        return CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT;
    check_data(s, "dx", dx, "y", y);
    check_data(s, "dx", dx, "dy", dy);
    check_states(s, "hx", hx);
    check_states(s, "dhy", dhy);
    check_states(s, "dhx", dhx);
    cudnn_check_place("the weight space", weights, weight_count(s.C, s.H, s.D));
    cudnn_check_place("the reserve space", reserve, reserve_size / sizeof(float));
    return cudnn_queue(handle, workspace, workspace_size, [=]() {
        backward_data(s, (const float *)y, (const float *)dy, (float *)dx, (const float *)hx,
                      (const float *)dhy, (float *)dhx, (const float *)weights, (float *)reserve);
    });
}

cudnnStatus_t cudnnRNNBackwardWeights_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn,
                                         cudnnWgradMode_t mode, const int32_t[],
                                         cudnnRNNDataDescriptor_t x_desc, const void *x,
                                         cudnnTensorDescriptor_t h_desc, const void *hx,
                                         cudnnRNNDataDescriptor_t y_desc, const void *y,
                                         size_t weight_size, void *dweights, size_t workspace_size,
                                         void *workspace, size_t reserve_size, void *reserve) {
    locked guard;
    shape s;
    cudnnStatus_t status = settle(rnn, x_desc, y_desc, h_desc, weight_size, workspace_size, s);
    if (status != CUDNN_STATUS_SUCCESS)
        return status;
    if (mode != CUDNN_WGRAD_MODE_ADD)
        return CUDNN_STATUS_NOT_SUPPORTED;
    if (reserve_size < reserve_bytes(*rnn, *x_desc))
        return CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT;
    check_data(s, "x", x, "y", y);
    check_states(s, "hx", hx);
    cudnn_check_place("the weight space", dweights, weight_count(s.C, s.H, s.D));
    cudnn_check_place("the reserve space", reserve, reserve_size / sizeof(float));
    return cudnn_queue(handle, workspace, workspace_size, [=]() {
        backward_weights(s, (const float *)x, (const float *)hx, (const float *)y,
                         (float *)dweights, (const float *)reserve);
    });
}
