// SPDX-License-Identifier: MIT
#include "data/sofa.h"

#include <errno.h>
#include <math.h>
#include <mysofa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum {
    MAX_TAPS = 1 << 16,
    MAX_DELAY_SAMPLES = 1 << 14,
    SINC_HALF = 16, // half length of the interpolator for fractional delays
};

static const char *load_error_text(int error) {
    switch (error) {
    case MYSOFA_NO_MEMORY:
        return "out of memory";
    case MYSOFA_READ_ERROR:
        return "the file ends early or cannot be read";
    case MYSOFA_UNSUPPORTED_FORMAT:
        return "an HDF5 feature that libmysofa cannot read";
    case MYSOFA_INVALID_FORMAT:
        return "not a SOFA file (HDF5)";
    default:
        return "not a SOFA file that libmysofa can read";
    }
}

static const char *attribute(const struct MYSOFA_ATTRIBUTE *list, const char *name) {
    for (; list; list = list->next)
        if (list->name && strcmp(list->name, name) == 0)
            return list->value ? list->value : "";
    return "";
}

static v2s_status load(const char *path, struct MYSOFA_HRTF **sofa) {
    struct stat info;
    if (stat(path, &info) != 0)
        return V2S_FAIL(V2S_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return V2S_FAIL(V2S_IO, "%s: not a regular file", path);
    FILE *f = fopen(path, "rb");
    if (!f)
        return V2S_FAIL(V2S_IO, "%s: %s", path, strerror(errno));
    fclose(f);
    int error = MYSOFA_OK;
    *sofa = mysofa_load(path, &error);
    if (!*sofa)
        return V2S_FAIL(error == MYSOFA_NO_MEMORY ? V2S_NOMEM : V2S_FORMAT, "%s: %s", path,
                        load_error_text(error));
    return V2S_OK;
}

static v2s_status check_finite(const char *path, const char *field, const struct MYSOFA_ARRAY *a) {
    for (unsigned i = 0; i < a->elements; i++)
        if (!isfinite(a->values[i]))
            return V2S_FAIL(V2S_NUMERIC, "%s: %s[%u] is not a finite number", path, field, i);
    return V2S_OK;
}

// The listener must look along x with z up: SourcePosition is then in our axes.
static v2s_status check_view(const char *path, const struct MYSOFA_ARRAY *view) {
    if (!view->values || view->elements < 3)
        return V2S_OK;
    bool spherical = strcasecmp(attribute(view->attributes, "Type"), "spherical") == 0;
    for (unsigned i = 0; i + 2 < view->elements; i += 3) {
        const float *v = view->values + i;
        bool front = spherical ? v[0] == 0.0F && v[1] == 0.0F
                               : v[0] > 0.0F && fabsf(v[1]) < 1e-3F && fabsf(v[2]) < 1e-3F;
        if (!front)
            return V2S_FAIL(V2S_UNSUPPORTED,
                            "%s: ListenerView is (%g, %g, %g), need a listener who looks along x",
                            path, v[0], v[1], v[2]);
    }
    return V2S_OK;
}

static v2s_status check_shape(const char *path, const struct MYSOFA_HRTF *s) {
    const char *convention = attribute(s->attributes, "SOFAConventions");
    const char *type = attribute(s->attributes, "DataType");
    if (strstr(convention, "HRIR") == NULL || strncmp(type, "FIR", 3) != 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: SOFAConventions '%.40s' with DataType '%.20s', need "
                        "SimpleFreeFieldHRIR with FIR",
                        path, convention, type);
    if (s->R != 2)
        return V2S_FAIL(V2S_FORMAT, "%s: %u receivers, need 2 (ears)", path, s->R);
    if (s->M < 1 || s->N < 1 || s->N > MAX_TAPS || s->M > (1U << 20))
        return V2S_FAIL(V2S_FORMAT, "%s: %u measurements of %u samples, need 1..2^20 of 1..%d",
                        path, s->M, s->N, MAX_TAPS);
    if (!s->DataIR.values || s->DataIR.elements != (size_t)s->M * 2 * s->N)
        return V2S_FAIL(V2S_FORMAT, "%s: Data.IR has %u values, need %u x 2 x %u", path,
                        s->DataIR.elements, s->M, s->N);
    if (!s->SourcePosition.values || s->SourcePosition.elements != (size_t)s->M * 3)
        return V2S_FAIL(V2S_FORMAT, "%s: SourcePosition has %u values, need %u x 3", path,
                        s->SourcePosition.elements, s->M);
    if (!s->DataSamplingRate.values || s->DataSamplingRate.elements < 1)
        return V2S_FAIL(V2S_FORMAT, "%s: Data.SamplingRate is missing", path);
    float rate_hz = s->DataSamplingRate.values[0];
    if (!(rate_hz >= 4000.0F && rate_hz <= 400000.0F))
        return V2S_FAIL(V2S_FORMAT, "%s: Data.SamplingRate is %g Hz, need 4000..400000", path,
                        rate_hz);
    if (s->DataDelay.elements != 0 && s->DataDelay.elements != 2 &&
        s->DataDelay.elements != (size_t)s->M * 2)
        return V2S_FAIL(V2S_FORMAT, "%s: Data.Delay has %u values, need 2 or %u x 2", path,
                        s->DataDelay.elements, s->M);
    return V2S_OK;
}

static v2s_status check_values(const char *path, const struct MYSOFA_HRTF *s) {
    V2S_TRY(check_finite(path, "Data.IR", &s->DataIR));
    V2S_TRY(check_finite(path, "SourcePosition", &s->SourcePosition));
    V2S_TRY(check_finite(path, "Data.Delay", &s->DataDelay));
    for (unsigned i = 0; i < s->DataDelay.elements; i++)
        if (s->DataDelay.values[i] < 0.0F || s->DataDelay.values[i] > MAX_DELAY_SAMPLES)
            return V2S_FAIL(V2S_FORMAT, "%s: Data.Delay[%u] is %g samples, need 0..%d", path, i,
                            s->DataDelay.values[i], MAX_DELAY_SAMPLES);
    return check_view(path, &s->ListenerView);
}

static v2s_status read_positions(const char *path, const struct MYSOFA_HRTF *s, v2s_vec3 *unit) {
    const struct MYSOFA_ARRAY *a = &s->SourcePosition;
    bool cartesian = strcasecmp(attribute(a->attributes, "Type"), "cartesian") == 0;
    bool radians = strncasecmp(attribute(a->attributes, "Units"), "rad", 3) == 0;
    for (unsigned m = 0; m < s->M; m++) {
        const float *p = a->values + 3 * (size_t)m;
        if (cartesian) {
            v2s_vec3 v = {p[0], p[1], p[2]};
            double length = v2s_norm(v);
            if (length < 1e-6)
                return V2S_FAIL(V2S_FORMAT, "%s: SourcePosition %u is in the middle of the head",
                                path, m);
            unit[m] = (v2s_vec3){v.x / length, v.y / length, v.z / length};
        } else {
            unit[m] = v2s_unit_from_angles(radians ? p[0] : v2s_rad(p[0]),
                                           radians ? p[1] : v2s_rad(p[1]));
        }
    }
    return V2S_OK;
}

// out(t) += in(t - delay - SINC_HALF): a windowed sinc for the fraction, exact for whole delays.
static void add_delayed(const float *in, size_t taps, double delay, float *out) {
    size_t whole = (size_t)floor(delay);
    double fraction = delay - (double)whole;
    for (int k = -SINC_HALF + 1; k <= SINC_HALF; k++) {
        double x = (double)k - fraction;
        double window = 0.5 + 0.5 * cos(V2S_PI * x / (SINC_HALF + 1));
        double gain = fabs(x) < 1e-12 ? 1.0 : sin(V2S_PI * x) / (V2S_PI * x) * window;
        if (fraction == 0.0 && k != 0)
            continue;
        float *to = out + whole + (size_t)(SINC_HALF + k);
        for (size_t t = 0; t < taps; t++)
            to[t] += (float)gain * in[t];
    }
}

// Copies the responses with their delays; *taps grows where there are any.
static v2s_status read_responses(const char *path, const struct MYSOFA_HRTF *s, v2s_hrtf *h) {
    float longest = 0.0F;
    for (unsigned i = 0; i < s->DataDelay.elements; i++)
        longest = fmaxf(longest, s->DataDelay.values[i]);
    size_t taps = s->N, grown = taps;
    if (longest > 0.0F)
        grown = taps + (size_t)ceilf(longest) + 2 * (size_t)SINC_HALF + 1;
    h->ir = calloc((size_t)s->M * 2 * grown, sizeof *h->ir);
    if (!h->ir)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory for %u responses", path, s->M);
    h->taps = (int)grown;
    if (longest == 0.0F) {
        memcpy(h->ir, s->DataIR.values, (size_t)s->M * 2 * taps * sizeof *h->ir);
        return V2S_OK;
    }
    for (size_t i = 0; i < (size_t)s->M * 2; i++) {
        size_t d = s->DataDelay.elements == 2 ? i % 2 : i;
        add_delayed(s->DataIR.values + i * taps, taps, s->DataDelay.values[d], h->ir + i * grown);
    }
    return V2S_OK;
}

// Receiver 0 is the left ear by the standard, but converters of older files disagree with
// themselves (CIPIC, LISTEN and FHK files say y = -0.09 for receiver 0 and mean the left ear), so
// the sound decides: the ear on the source's side is the louder one.
static void put_left_ear_first(v2s_hrtf *h) {
    double side = 0.0;
    size_t taps = (size_t)h->taps;
    for (size_t m = 0; m < (size_t)h->measurements; m++) {
        const float *left = h->ir + m * 2 * taps, *right = left + taps;
        double difference = 0.0;
        for (size_t t = 0; t < taps; t++)
            difference += (double)left[t] * left[t] - (double)right[t] * right[t];
        side += h->unit[m].y * difference;
    }
    if (side >= 0.0)
        return;
    for (size_t m = 0; m < (size_t)h->measurements; m++) {
        float *left = h->ir + m * 2 * taps, *right = left + taps;
        for (size_t t = 0; t < taps; t++) {
            float swap = left[t];
            left[t] = right[t];
            right[t] = swap;
        }
    }
}

// "<Title>" or "<DatabaseName> <ListenerShortName>", ASCII only.
static void read_title(const struct MYSOFA_HRTF *s, v2s_hrtf *h) {
    const char *database = attribute(s->attributes, "DatabaseName");
    const char *listener = attribute(s->attributes, "ListenerShortName");
    if (*database || *listener)
        snprintf(h->title, sizeof h->title, "%s%s%s", database, *database && *listener ? " " : "",
                 listener);
    else
        snprintf(h->title, sizeof h->title, "%s", attribute(s->attributes, "Title"));
    for (char *c = h->title; *c; c++)
        if (*c < 32 || *c > 126)
            *c = '?';
}

v2s_status v2s_sofa_read(const char *path, v2s_hrtf *hrtf) {
    struct MYSOFA_HRTF *s = NULL;
    v2s_hrtf h = {0};
    if (!path)
        path = V2S_SOFA_DEFAULT;
    V2S_TRY(load(path, &s));
    v2s_status status;
    V2S_TRY_GOTO(status, check_shape(path, s), end);
    V2S_TRY_GOTO(status, check_values(path, s), end);
    h.rate_hz = s->DataSamplingRate.values[0];
    h.measurements = (int)s->M;
    h.unit = malloc((size_t)s->M * sizeof *h.unit);
    if (!h.unit) {
        status = V2S_FAIL(V2S_NOMEM, "%s: out of memory for %u positions", path, s->M);
        goto end;
    }
    V2S_TRY_GOTO(status, read_positions(path, s, h.unit), end);
    V2S_TRY_GOTO(status, read_responses(path, s, &h), end);
    put_left_ear_first(&h);
    read_title(s, &h);
end:
    mysofa_free(s);
    if (status != V2S_OK) {
        v2s_hrtf_free(&h);
        return status;
    }
    *hrtf = h;
    return V2S_OK;
}
