// SPDX-License-Identifier: MIT
#include "spatial/tracker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/tracker_model.h"

// HOW IT WORKS
// Each picture is looked at in one window around the last box, resampled to about 40 x 40 cells of
// 4 x 4 samples, so the cost does not depend on the size of the object.
//  1 Where. HOG (31 channels) and luma of the cells under a Hann window go through KCF (Henriques
//    et al., TPAMI 2015, eq. 17, 22, 30; Gaussian kernel), which gives a response per displacement
//    (kcf.h). A colour histogram gives the share of object-coloured pixels for each displacement
//    (Staple, Bertinetto et al., CVPR 2016, eq. 1 and section 3.2; tracker_colour.h); half of
//    each (0.7 and 0.3 on grey pictures) is maximised over whole cells, then over eighths of a
//    cell, where the response is interpolated exactly by its Fourier series.
//  2 How large. A one-dimensional filter over 33 sizes, 2 % apart (DSST, Danelljan et al., BMVC
//    2014, eq. 5 and 6; scale_filter.h). Aspect stays that of the first box.
//  3 Learn. All three models are blended with what is seen at the new place: linear interpolation,
//    rates 0.02 (KCF), 0.04 (colour), 0.025 (size).
//
// WHAT HAPPENS IF LOST
// Three signs are read: the peak-to-sidelobe ratio of the KCF response (PSR: about 30 on a clean
// match, 3 to 7 where the object is not), the peak against its running mean, and the colour score
// against its running mean. A picture is doubtful when the PSR or the peak is weak and the colours
// do not vouch for the place. Nothing is learnt from a doubtful picture. The object is lost when
// the PSR is below LOST_PSR, or the colours are plainly wrong, or three pictures in a row are
// doubtful. Then the box returns to the last place that was not doubtful and stays there, nothing
// is learnt, the confidence falls by a tenth a picture, and the tracker looks at that place and at
// four more windows a picture, which run along a square spiral whose radius grows by one window
// every five pictures; every other picture at the last size, between them at 0.7, 1.4 and 0.5 of it
// and at the first one. A convincing response (FOUND_PSR and half of the usual peak) ends it.
// Thresholds are conservative on purpose: a tracker that holds lightly loses more than one that
// never does. On the four real clips we measure, none of which hides its object, nothing is held,
// neither backwards nor at half the frame rate nor from jittered boxes; at a quarter of the rate 15
// of the 49 pictures of one.
//
// LIMITATIONS
//  - An object that is covered slowly by something that moves with it is learnt away; one whose
//    look changed beyond recognition while it was followed (it came up to fill the picture, say)
//    is not remembered by its first look.
//  - While held, sizes between a third and twice the last one and near the first one are looked
//    for; others may not be recognised. Aspect and in-plane rotation are not estimated at all.
//  - Look-alikes inside the window (2.5 sides) can take over; so can anything that jumps farther
//    than 0.75 of its size between two pictures.
//  - Objects smaller than about 8 pixels are magnified, but have no texture left to follow.

// PSR: the object is lost below LOST, a low peak is doubted below SURE, more readily below WEAK.
#define LOST_PSR 4.0
#define WEAK_PSR 7.0
#define SURE_PSR 12.0
#define FOUND_PSR 7.0
#define FOUND_PSR_COLOUR 5.0 // where the colours agree
// Peak against its running mean: doubtful below (POOR: where the PSR is not weak), found above.
#define WEAK_PEAK 0.4
#define POOR_PEAK 0.33
#define FOUND_PEAK 0.5
#define FOUND_PEAK_COLOUR 0.4
// Colour score: a model that scores less than this on its own object cannot vouch for anything;
// share of the running mean that is right, and that is plainly wrong.
#define COLOUR_USEFUL 0.55
#define COLOUR_RIGHT 0.8
#define COLOUR_WRONG 0.65
#define DOUBTS_TO_LOSE 3
#define MEAN_RATE 0.05 // of the running means: about 20 pictures
#define HELD_DECAY 0.9 // of the confidence, per picture
#define HELD_WINDOWS 4 // searched per picture besides the middle one
#define PICTURES_PER_RING 5
#define MAX_RINGS 8
#define SEARCH_SIZES 5 // when lost, 0.7, 1.4 and 0.5 of it, the first one

struct v2s_tracker {
    v2s_tracker_model model;
    double safe_x, safe_y;         // last centre that was not doubtful
    double mean_peak, mean_colour; // running means over trusted pictures
    bool has_means;
    int doubts;             // doubtful pictures in a row
    int held;               // pictures since the object was lost, 0 when it is not
    int tile[SEARCH_SIZES]; // next one of the search spiral, per size
    double confidence;
};

static v2s_status check_picture(const v2s_picture *p) {
    if (!p->y || p->width < 1 || p->height < 1)
        return V2S_FAIL(V2S_ARG, "tracker: picture of %d x %d pixels, need at least 1 x 1",
                        p->width, p->height);
    return V2S_OK;
}

static v2s_status check_box(const v2s_picture *p, v2s_box b) {
    if (!(isfinite(b.x) && isfinite(b.y) && isfinite(b.w) && isfinite(b.h)))
        return V2S_FAIL(V2S_ARG, "box %g,%g,%g,%g: not finite numbers", b.x, b.y, b.w, b.h);
    if (b.w < 2.0 || b.h < 2.0)
        return V2S_FAIL(V2S_ARG, "box %g,%g,%g,%g: smaller than 2 x 2 pixels", b.x, b.y, b.w, b.h);
    if (b.w > 4.0 * p->width || b.h > 4.0 * p->height)
        return V2S_FAIL(V2S_ARG, "box %g,%g,%g,%g: more than 4 times the picture (%d x %d)", b.x,
                        b.y, b.w, b.h, p->width, p->height);
    if (b.x >= p->width || b.y >= p->height || b.x + b.w <= 0.0 || b.y + b.h <= 0.0)
        return V2S_FAIL(V2S_ARG, "box %g,%g,%g,%g: outside the picture (%d x %d)", b.x, b.y, b.w,
                        b.h, p->width, p->height);
    return V2S_OK;
}

v2s_status v2s_tracker_open(const v2s_picture *picture, v2s_box box, v2s_tracker **tracker) {
    V2S_TRY(check_picture(picture));
    V2S_TRY(check_box(picture, box));
    v2s_tracker *t = calloc(1, sizeof *t);
    if (!t)
        return V2S_FAIL(V2S_NOMEM, "tracker: no memory for %zu bytes", sizeof *t);
    v2s_status status = v2s_tracker_model_open(&t->model, picture, box);
    if (status != V2S_OK) {
        free(t);
        return status;
    }
    v2s_tracker_model_learn(&t->model, picture);
    t->safe_x = t->model.cx;
    t->safe_y = t->model.cy;
    t->confidence = 1.0;
    *tracker = t;
    return V2S_OK;
}

void v2s_tracker_close(v2s_tracker **tracker) {
    if (!*tracker)
        return;
    v2s_tracker_model_close(&(*tracker)->model);
    free(*tracker);
    *tracker = NULL;
}

// Tile i of a square spiral around (0, 0); ring k has 8 k tiles.
static void spiral(int i, int *x, int *y) {
    int k = 0;
    while ((2 * k + 1) * (2 * k + 1) <= i)
        k++;
    *x = *y = 0;
    if (k == 0)
        return;
    int j = i - (2 * k - 1) * (2 * k - 1), side = j / (2 * k), at = j % (2 * k) - k;
    *x = side == 0 ? at : side == 1 ? k : side == 2 ? -at : -k;
    *y = side == 0 ? -k : side == 1 ? at : side == 2 ? k : -at;
}

// Which size to look for in this picture: every other time the one when lost (0).
static int search_size(int held) {
    return held % 2 == 0 ? 0 : 1 + held / 2 % (SEARCH_SIZES - 1);
}

// Looks at the place where the object was lost, then at the next tiles of the spiral; *scale is
// the size at which the best place was found.
static v2s_finding search(v2s_tracker *t, const v2s_picture *picture, double *scale) {
    v2s_tracker_model *m = &t->model;
    double lost_scale = m->scale, reach_x, reach_y;
    const double factors[SEARCH_SIZES] = {1.0, 0.7, 1.4, 0.5, 1.0 / lost_scale};
    int size = search_size(t->held), rings = 1 + t->held / PICTURES_PER_RING;
    rings = rings < MAX_RINGS ? rings : MAX_RINGS;
    int tiles = (2 * rings + 1) * (2 * rings + 1), tried = 0;
    v2s_finding best = v2s_tracker_model_find(m, picture, m->cx, m->cy);
    *scale = lost_scale;
    v2s_tracker_model_set_scale(m, lost_scale * factors[size]);
    v2s_tracker_model_reach(m, &reach_x, &reach_y);
    for (int n = 0; n < tiles && tried < HELD_WINDOWS; n++) {
        int x, y;
        spiral(t->tile[size], &x, &y);
        t->tile[size] = (t->tile[size] + 1) % tiles;
        // Windows overlap by a quarter: the response is weak at their rim.
        double cx = m->cx + 1.5 * x * reach_x, cy = m->cy + 1.5 * y * reach_y;
        if (cx < 0.0 || cy < 0.0 || cx > m->width || cy > m->height)
            continue;
        v2s_finding f = v2s_tracker_model_find(m, picture, cx, cy);
        tried++;
        if (f.peak > best.peak) {
            best = f;
            *scale = m->scale;
        }
    }
    m->scale = lost_scale;
    return best;
}

static bool colours_vouch(const v2s_tracker *t, const v2s_finding *f) {
    return t->mean_colour > COLOUR_USEFUL && f->colour > COLOUR_RIGHT * t->mean_colour;
}

static bool is_found(const v2s_tracker *t, const v2s_finding *f) {
    if (f->psr >= FOUND_PSR && f->peak >= FOUND_PEAK * t->mean_peak)
        return true;
    return colours_vouch(t, f) && f->psr >= FOUND_PSR_COLOUR &&
           f->peak >= FOUND_PEAK_COLOUR * t->mean_peak;
}

// Counts the doubts and says whether the object is lost.
static bool is_lost(v2s_tracker *t, const v2s_finding *f) {
    bool wrong_colours =
        t->mean_colour > COLOUR_USEFUL && f->colour < COLOUR_WRONG * t->mean_colour;
    double least = f->psr < WEAK_PSR || wrong_colours ? WEAK_PEAK : POOR_PEAK;
    bool weak = f->psr < LOST_PSR || (f->psr < SURE_PSR && f->peak < least * t->mean_peak);
    if (!weak || colours_vouch(t, f)) {
        t->doubts = 0;
        return false;
    }
    t->doubts++;
    return f->psr < LOST_PSR || wrong_colours || t->doubts >= DOUBTS_TO_LOSE;
}

// 0 at PSR 0, 1/2 at 10, 0.9 at 30.
static double confidence_of(double psr) {
    double p = psr > 0.0 ? psr : 0.0;
    return p * p / (p * p + 100.0);
}

static void hold(v2s_tracker *t, const v2s_finding *f) {
    if (t->held == 0) {
        memset(t->tile, 0, sizeof t->tile);
        t->model.cx = t->safe_x;
        t->model.cy = t->safe_y;
    }
    t->held++;
    t->doubts = 0;
    t->confidence = HELD_DECAY * fmin(t->confidence, confidence_of(f->psr));
}

static void follow(v2s_tracker *t, const v2s_picture *picture, const v2s_finding *f) {
    v2s_tracker_model *m = &t->model;
    t->held = 0;
    t->confidence = confidence_of(f->psr);
    // An object that leaves the picture is expected back at the border.
    m->cx = fmin(fmax(f->cx, 0.0), m->width);
    m->cy = fmin(fmax(f->cy, 0.0), m->height);
    if (t->doubts > 0)
        return;
    t->safe_x = m->cx;
    t->safe_y = m->cy;
    t->mean_peak += MEAN_RATE * (f->peak - t->mean_peak);
    t->mean_colour += MEAN_RATE * (f->colour - t->mean_colour);
    v2s_tracker_model_resize(m, picture);
    v2s_tracker_model_learn(m, picture);
}

v2s_status v2s_tracker_update(v2s_tracker *t, const v2s_picture *picture, v2s_track *track) {
    v2s_tracker_model *m = &t->model;
    V2S_TRY(check_picture(picture));
    if (picture->width != m->width || picture->height != m->height)
        return V2S_FAIL(V2S_ARG, "tracker: picture of %d x %d pixels after %d x %d", picture->width,
                        picture->height, m->width, m->height);
    if ((picture->u && picture->v) != m->coloured)
        return V2S_FAIL(V2S_ARG, "tracker: picture %s chroma after one %s",
                        m->coloured ? "without" : "with", m->coloured ? "with" : "without");
    v2s_pyramid_clear(&m->pyramid);
    v2s_track_state state = V2S_TRACKED;
    v2s_finding f;
    if (t->held > 0) {
        double scale;
        f = search(t, picture, &scale);
        state = is_found(t, &f) ? V2S_REDETECTED : V2S_HELD;
        if (state == V2S_REDETECTED)
            m->scale = scale;
    } else {
        f = v2s_tracker_model_find(m, picture, m->cx, m->cy);
        if (!t->has_means) {
            t->mean_peak = f.peak;
            t->mean_colour = f.colour;
            t->has_means = true;
        }
        state = is_lost(t, &f) ? V2S_HELD : V2S_TRACKED;
    }
    if (state == V2S_HELD)
        hold(t, &f);
    else
        follow(t, picture, &f);
    *track = (v2s_track){v2s_tracker_model_box(m), state, t->confidence, f.psr};
    return V2S_OK;
}
