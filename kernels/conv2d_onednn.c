// SPDX-License-Identifier: MIT
#include "kernels/conv2d_onednn.h"

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/team.h"
#include "kernels/device.h"

// What a primitive is made for; as oneDNN sees it, so of DATA with C and O exchanged.
typedef struct shape {
    int kind, bias;
    int N, C, O, H, W, KH, KW, x_block, y_block;
} shape;

// Made once, then only read.
typedef struct primitive {
    struct primitive *next;
    shape of;
    dnnl_primitive_t run;     // NULL: oneDNN has nothing for the shape
    dnnl_primitive_t reorder; // of the weights (FORWARD, DATA) or of their gradient, which it adds
    dnnl_memory_desc_t x, y, bias, plain, weights, scratch, reorder_scratch;
} primitive;

struct v2s_onednn {
    pthread_mutex_t lock; // of all below
    dnnl_engine_t engine; // NULL before the first shape
    primitive *first;
};

enum { DIMS = 4, MEMORIES_MAX = 6 };

v2s_status v2s_onednn_open(v2s_onednn **out) {
    v2s_onednn *o = calloc(1, sizeof *o);
    if (o == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    pthread_mutex_init(&o->lock, NULL);
    *out = o;
    return V2S_OK;
}

void v2s_onednn_close(v2s_onednn **o) {
    if (*o == NULL)
        return;
    for (primitive *p = (*o)->first, *next; p != NULL; p = next) {
        next = p->next;
        dnnl_primitive_destroy(p->run);
        dnnl_primitive_destroy(p->reorder);
        free(p);
    }
    if ((*o)->engine != NULL)
        dnnl_engine_destroy((*o)->engine);
    pthread_mutex_destroy(&(*o)->lock);
    free(*o);
    *o = NULL;
}

// Operations have no way to fail; what fails here is memory for objects of some hundred bytes.
static void must(dnnl_status_t status, const char *what) {
    if (status == dnnl_success)
        return;
    fprintf(stderr, "v2s: oneDNN could not %s (status %d)\n", what, (int)status);
    abort();
}

// ---- making primitives ------------------------------------------------------------------------

static shape shape_of(const v2s_onednn_call *call) {
    const v2s_conv2d_args *a = &call->g.of;
    shape s;
    memset(&s, 0, sizeof s);
    s = (shape){call->kind,
                call->kind == V2S_ONEDNN_FORWARD ? a->bias != NULL : call->g.dbias != NULL,
                a->N,
                a->C,
                a->O,
                a->H,
                a->W,
                a->KH,
                a->KW,
                a->x_block > 1 ? a->x_block : 1,
                a->y_block > 1 ? a->y_block : 1};
    if (s.kind != V2S_ONEDNN_DATA)
        return s;
    s.C = a->O;
    s.O = a->C;
    s.x_block = a->y_block > 1 ? a->y_block : 1;
    s.y_block = a->x_block > 1 ? a->x_block : 1;
    s.bias = 0;
    return s;
}

static bool describe_picture(dnnl_memory_desc_t *to, const shape *s, int channels, int block) {
    dnnl_dims_t dims = {s->N, channels, s->H, s->W};
    dnnl_format_tag_t tag = block == 8 ? dnnl_nChw8c : block == 16 ? dnnl_nChw16c : dnnl_nchw;
    return dnnl_memory_desc_init_by_tag(to, DIMS, dims, dnnl_f32, tag) == dnnl_success;
}

// What goes in and comes out, with the order of the weights left to oneDNN in *any.
static bool describe(primitive *p, dnnl_memory_desc_t *any) {
    const shape *s = &p->of;
    dnnl_dims_t weights = {s->O, s->C, s->KH, s->KW}, bias = {s->O};
    return describe_picture(&p->x, s, s->C, s->x_block) &&
           describe_picture(&p->y, s, s->O, s->y_block) &&
           dnnl_memory_desc_init_by_tag(&p->plain, DIMS, weights, dnnl_f32, dnnl_oihw) ==
               dnnl_success &&
           dnnl_memory_desc_init_by_tag(&p->bias, 1, bias, dnnl_f32, dnnl_a) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(any, DIMS, weights, dnnl_f32, dnnl_format_tag_any) ==
               dnnl_success;
}

// Attributes that let the caller give scratch, and that add to what is in the output.
static dnnl_primitive_attr_t attributes(bool add) {
    dnnl_primitive_attr_t attr;
    must(dnnl_primitive_attr_create(&attr), "make attributes");
    must(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user), "set scratch");
    if (add) {
        dnnl_post_ops_t post;
        must(dnnl_post_ops_create(&post), "make attributes");
        must(dnnl_post_ops_append_sum(post, 1.0f), "set a sum");
        must(dnnl_primitive_attr_set_post_ops(attr, post), "set a sum");
        must(dnnl_post_ops_destroy(post), "free attributes");
    }
    return attr;
}

// Turns a description into a primitive with what it wants to know of memory: its weights'
// description by `query`, if wanted, and scratch. false: oneDNN has none but its reference.
static bool finish(dnnl_primitive_desc_t pd, dnnl_query_t query, dnnl_memory_desc_t *weights,
                   dnnl_memory_desc_t *scratch, dnnl_primitive_t *out) {
    const char *name = "";
    bool good = dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) == dnnl_success &&
                strncmp(name, "ref", 3) != 0;
    if (good && weights != NULL)
        *weights = *dnnl_primitive_desc_query_md(pd, query, 0);
    *scratch = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    good = good && dnnl_primitive_create(out, pd) == dnnl_success;
    dnnl_primitive_desc_destroy(pd);
    return good;
}

static bool make_forward(dnnl_engine_t engine, primitive *p, const dnnl_memory_desc_t *any,
                         dnnl_primitive_desc_t *pd) {
    const shape *s = &p->of;
    dnnl_dims_t strides = {1, 1}, pad = {s->KH / 2, s->KW / 2};
    dnnl_convolution_desc_t desc;
    if (dnnl_convolution_forward_desc_init(&desc, dnnl_forward_training, dnnl_convolution_direct,
                                           &p->x, any, s->bias ? &p->bias : NULL, &p->y, strides,
                                           pad, pad) != dnnl_success)
        return false;
    dnnl_primitive_attr_t attr = attributes(s->kind == V2S_ONEDNN_DATA);
    bool good = dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL) == dnnl_success;
    dnnl_primitive_attr_destroy(attr);
    return good;
}

static bool make_weights(dnnl_engine_t engine, primitive *p, const dnnl_memory_desc_t *any,
                         dnnl_primitive_desc_t *pd) {
    const shape *s = &p->of;
    dnnl_dims_t strides = {1, 1}, pad = {s->KH / 2, s->KW / 2};
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t hint;
    if (dnnl_convolution_backward_weights_desc_init(&desc, dnnl_convolution_direct, &p->x, any,
                                                    s->bias ? &p->bias : NULL, &p->y, strides, pad,
                                                    pad) != dnnl_success ||
        !make_forward(engine, p, any, &hint))
        return false;
    dnnl_primitive_attr_t attr = attributes(false);
    bool good = dnnl_primitive_desc_create(pd, &desc, attr, engine, hint) == dnnl_success;
    dnnl_primitive_attr_destroy(attr);
    dnnl_primitive_desc_destroy(hint);
    return good;
}

static bool make_reorder(dnnl_engine_t engine, primitive *p) {
    bool back = p->of.kind == V2S_ONEDNN_WEIGHTS;
    const dnnl_memory_desc_t *from = back ? &p->weights : &p->plain;
    const dnnl_memory_desc_t *to = back ? &p->plain : &p->weights;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_attr_t attr = attributes(back);
    bool good =
        dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, attr) == dnnl_success;
    dnnl_primitive_attr_destroy(attr);
    if (!good)
        return false;
    p->reorder_scratch = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    good = dnnl_primitive_create(&p->reorder, pd) == dnnl_success;
    dnnl_primitive_desc_destroy(pd);
    return good;
}

static void make(dnnl_engine_t engine, primitive *p) {
    bool back = p->of.kind == V2S_ONEDNN_WEIGHTS;
    dnnl_memory_desc_t any;
    dnnl_primitive_desc_t pd;
    if (!describe(p, &any) ||
        !(back ? make_weights(engine, p, &any, &pd) : make_forward(engine, p, &any, &pd)))
        return;
    dnnl_query_t query = back ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
    if (!finish(pd, query, &p->weights, &p->scratch, &p->run))
        return;
    if (!make_reorder(engine, p)) {
        dnnl_primitive_destroy(p->run);
        p->run = NULL;
    }
}

// The primitive of a call. oneDNN divides the work when it makes one, so the size of the team is
// said before that, and again before it runs.
static const primitive *find(const v2s_device *dev, const v2s_onednn_call *call) {
    v2s_onednn *o = dev->onednn;
    shape s = shape_of(call);
    v2s_team_size(dev->threads);
    pthread_mutex_lock(&o->lock);
    primitive *p = o->first;
    while (p != NULL && memcmp(&p->of, &s, sizeof s) != 0)
        p = p->next;
    if (p == NULL) {
        if (o->engine == NULL)
            must(dnnl_engine_create(&o->engine, dnnl_cpu, 0), "start");
        p = calloc(1, sizeof *p);
        must(p != NULL ? dnnl_success : dnnl_out_of_memory, "take memory");
        p->of = s;
        make(o->engine, p);
        p->next = o->first;
        o->first = p;
    }
    pthread_mutex_unlock(&o->lock);
    return p;
}

// ---- running them -----------------------------------------------------------------------------

// Weights turned for DATA: to[c,o,taps - 1 - tap] = w[o,c,tap].
typedef struct turn_job {
    const v2s_conv2d_args *a;
    float *to;
} turn_job;

static void turn_channels(void *ctx, int i, int n) {
    enum { CHANNELS = 16 }; // read side by side
    const turn_job *job = ctx;
    size_t taps = (size_t)job->a->KH * job->a->KW, C = (size_t)job->a->C, O = (size_t)job->a->O;
    size_t begin, end;
    v2s_team_share(C, CHANNELS, i, n, &begin, &end);
    for (size_t c0 = begin; c0 < end; c0 += CHANNELS)
        for (size_t o = 0; o < O; o++)
            for (size_t c = c0; c < end && c < c0 + CHANNELS; c++) {
                const float *from = job->a->w + (o * C + c) * taps;
                float *to = job->to + (c * O + o) * taps;
                for (size_t tap = 0; tap < taps; tap++)
                    to[tap] = from[taps - 1 - tap];
            }
}

static size_t weights_of(const shape *s) {
    return (size_t)s->O * s->C * s->KH * s->KW;
}

enum { WORTH_A_TEAM = 1 << 16 };

static const float *turned_weights(const v2s_device *dev, const primitive *p,
                                   const v2s_conv2d_args *a, v2s_arena *scratch) {
    if (p->of.kind != V2S_ONEDNN_DATA)
        return a->w;
    turn_job job = {a, v2s_arena_take(scratch, weights_of(&p->of), sizeof(float))};
    int threads = weights_of(&p->of) < WORTH_A_TEAM ? 1 : dev->threads;
    v2s_team(threads, threads, turn_channels, &job);
    return job.to;
}

// Memory objects of one execution; they own nothing that they point at.
typedef struct arguments {
    dnnl_engine_t engine;
    int count;
    dnnl_exec_arg_t at[MEMORIES_MAX];
} arguments;

static void bind(arguments *to, int name, const dnnl_memory_desc_t *desc, const void *data) {
    dnnl_exec_arg_t *arg = &to->at[to->count++];
    arg->arg = name;
    must(dnnl_memory_create(&arg->memory, desc, to->engine, (void *)data), "describe memory");
}

static void execute(arguments *args, dnnl_primitive_t run) {
    dnnl_stream_t stream;
    must(dnnl_stream_create(&stream, args->engine, dnnl_stream_default_flags), "make a stream");
    must(dnnl_primitive_execute(run, stream, args->count, args->at), "run");
    must(dnnl_stream_wait(stream), "wait");
    must(dnnl_stream_destroy(stream), "free a stream");
    while (args->count > 0)
        must(dnnl_memory_destroy(args->at[--args->count].memory), "free a memory's description");
}

static void *take(v2s_arena *scratch, const dnnl_memory_desc_t *desc) {
    return v2s_arena_take(scratch, dnnl_memory_desc_get_size(desc), 1);
}

static void reorder(dnnl_engine_t engine, const primitive *p, const float *from, float *to,
                    void *work) {
    bool back = p->of.kind == V2S_ONEDNN_WEIGHTS;
    arguments args = {.engine = engine};
    bind(&args, DNNL_ARG_FROM, back ? &p->weights : &p->plain, from);
    bind(&args, DNNL_ARG_TO, back ? &p->plain : &p->weights, to);
    bind(&args, DNNL_ARG_SCRATCHPAD, &p->reorder_scratch, work);
    execute(&args, p->reorder);
}

static void run_forward(const v2s_device *dev, const primitive *p, const v2s_onednn_call *call,
                        v2s_arena *scratch) {
    const v2s_conv2d_args *a = &call->g.of;
    bool back = call->kind == V2S_ONEDNN_DATA;
    dnnl_engine_t engine = dev->onednn->engine;
    const float *plain = turned_weights(dev, p, a, scratch);
    float *w = take(scratch, &p->weights);
    reorder(engine, p, plain, w, take(scratch, &p->reorder_scratch));
    arguments args = {.engine = engine};
    bind(&args, DNNL_ARG_SRC, &p->x, back ? call->g.dy : a->x);
    bind(&args, DNNL_ARG_WEIGHTS, &p->weights, w);
    bind(&args, DNNL_ARG_DST, &p->y, back ? call->g.dx : a->y);
    bind(&args, DNNL_ARG_SCRATCHPAD, &p->scratch, take(scratch, &p->scratch));
    if (p->of.bias)
        bind(&args, DNNL_ARG_BIAS, &p->bias, a->bias);
    execute(&args, p->run);
}

static void run_weights(const v2s_device *dev, const primitive *p, const v2s_onednn_call *call,
                        v2s_arena *scratch) {
    dnnl_engine_t engine = dev->onednn->engine;
    float *dw = take(scratch, &p->weights), *dbias = take(scratch, &p->bias);
    arguments args = {.engine = engine};
    bind(&args, DNNL_ARG_SRC, &p->x, call->g.of.x);
    bind(&args, DNNL_ARG_DIFF_DST, &p->y, call->g.dy);
    bind(&args, DNNL_ARG_DIFF_WEIGHTS, &p->weights, dw);
    bind(&args, DNNL_ARG_SCRATCHPAD, &p->scratch, take(scratch, &p->scratch));
    if (p->of.bias)
        bind(&args, DNNL_ARG_DIFF_BIAS, &p->bias, dbias);
    execute(&args, p->run);
    reorder(engine, p, dw, call->g.dw, take(scratch, &p->reorder_scratch));
    for (int o = 0; p->of.bias && o < p->of.O; o++)
        call->g.dbias[o] += dbias[o];
}

bool v2s_onednn_has(const v2s_device *dev, const v2s_onednn_call *call) {
    return find(dev, call)->run != NULL;
}

size_t v2s_onednn_scratch(const v2s_device *dev, const v2s_onednn_call *call) {
    const primitive *p = find(dev, call);
    size_t bytes = dnnl_memory_desc_get_size(&p->weights) + dnnl_memory_desc_get_size(&p->scratch) +
                   dnnl_memory_desc_get_size(&p->reorder_scratch);
    bytes += call->kind == V2S_ONEDNN_DATA      ? weights_of(&p->of) * sizeof(float)
             : call->kind == V2S_ONEDNN_WEIGHTS ? dnnl_memory_desc_get_size(&p->bias)
                                                : 0;
    return v2s_scratch_round(bytes, MEMORIES_MAX);
}

void v2s_onednn_run(const v2s_device *dev, const v2s_onednn_call *call, v2s_arena *scratch) {
    size_t mark = scratch->used;
    const primitive *p = find(dev, call);
    if (call->kind == V2S_ONEDNN_WEIGHTS)
        run_weights(dev, p, call, scratch);
    else
        run_forward(dev, p, call, scratch);
    v2s_arena_rewind(scratch, mark);
}
