// SPDX-License-Identifier: MIT
// What `compare` is made of: metrics, the judging of one clip, the summary of many, and what is
// said about them.
//
// Flow: judge every clip (compare_judge, compare_clips; clips in parallel, each on its own, so the
// numbers do not depend on the number of threads) -> per group of clips means, intervals and
// differences (compare_summary) -> table, JSON (compare_print), page (report_compare).
#ifndef V2S_INFER_COMPARE_H
#define V2S_INFER_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/manifest.h"
#include "infer/bootstrap.h"
#include "infer/compare_recordings.h"
#include "infer/compare_systems.h"
#include "infer/run_log.h"
#include "infer/settings.h"
#include "spatial/hrtf.h"

// ---- metrics (compare_metrics.c) --------------------------------------------------------------

typedef enum v2s_metric_id {
    // spatial statistics
    V2S_METRIC_DIFFUSENESS,
    V2S_METRIC_LEVEL,
    V2S_METRIC_LSD,
    V2S_METRIC_DIRECTION,
    V2S_METRIC_DIFFUSENESS_BLOCK,
    V2S_METRIC_LEVEL_BLOCK,
    V2S_METRIC_COVARIANCE,
    V2S_METRIC_IACC,
    V2S_METRIC_ILD,
    V2S_METRIC_ITD,
    // published metrics, in the order of their numbers
    V2S_METRIC_M1_STFT,
    V2S_METRIC_M2_ENV,
    V2S_METRIC_M3_MAG,
    V2S_METRIC_M3_WAV,
    V2S_METRIC_M4_DPHASE,
    V2S_METRIC_M4_SNR,
    V2S_METRIC_M5_MAG,
    V2S_METRIC_M5_ENV,
    V2S_METRIC_M6_CC,
    V2S_METRIC_M6_AUC,
    V2S_METRIC_M6_CC_1FPS,
    V2S_METRIC_M6_AUC_1FPS,
    V2S_METRIC_M6_CC_5FPS,
    V2S_METRIC_M6_AUC_5FPS,
    V2S_METRIC_M6_CC_SN3D,
    V2S_METRIC_M6_AUC_SN3D,
    V2S_METRIC_M6_CC_1FPS_SN3D,
    V2S_METRIC_M6_AUC_1FPS_SN3D,
    V2S_METRIC_M6_CC_5FPS_SN3D,
    V2S_METRIC_M6_AUC_5FPS_SN3D,
    V2S_METRIC_M8,
    V2S_METRIC_M9_AZIMUTH,
    V2S_METRIC_M9_ELEVATION,
    V2S_METRIC_M9_ANGLE,
    V2S_METRIC_M10_STFT_Y,
    V2S_METRIC_M10_STFT_Z,
    V2S_METRIC_M10_STFT_X,
    V2S_METRIC_M10_ENV_Y,
    V2S_METRIC_M10_ENV_Z,
    V2S_METRIC_M10_ENV_X,
    V2S_METRIC_M10_LSD,
    V2S_METRIC_M10_MSE,
    V2S_METRIC_M10_SNR,
    V2S_METRIC_M10_EMD,
    V2S_METRIC_M10_EMD_NORM,
    V2S_METRIC_M12_SI_SDR,
    V2S_METRIC_M12_ILD,
    V2S_METRIC_COUNT
} v2s_metric_id;

// Whether a metric is one of a sound with so many channels.
typedef enum v2s_metric_use {
    V2S_USE_NEVER,
    V2S_USE_ASKED, // where it is asked for by name or number
    V2S_USE_ALWAYS // where nothing is asked for, too
} v2s_metric_use;

typedef struct v2s_metric {
    const char *name;         // "level", "M1_stft": the key in JSON
    const char *formula;      // "S2", "M1"; its own name where it has no number
    const char *unit;         // "dB", "deg" or ""
    const char *meaning;      // a few words for the page
    v2s_metric_use two, four; // of two channels, of four
    double scale;             // numbers are shown times this, with `decimals`
    int decimals;
    bool higher_is_better;
} v2s_metric;

extern const v2s_metric v2s_metrics[V2S_METRIC_COUNT];

typedef uint64_t v2s_metric_set; // bit 1 << id

#define V2S_METRIC_BIT(id) ((v2s_metric_set)1 << (id))
#define V2S_METRICS_BETWEEN(first, last)                                                           \
    ((V2S_METRIC_BIT(last) - V2S_METRIC_BIT(first)) | V2S_METRIC_BIT(last))

// The ten spatial statistics.
v2s_metric_set v2s_metrics_spatial(void);

// Metrics of two or four channels that have at least this use.
v2s_metric_set v2s_metrics_of(int channels, v2s_metric_use least);

// How many metrics a set has, and which of them, counted from 0, `metric` is.
int v2s_metrics_count(v2s_metric_set set);
int v2s_metrics_place(v2s_metric_set set, int metric);

// IACC to M5: those of two ears, however they came about.
v2s_metric_set v2s_metrics_ears(void);

// True where four channels have to be decoded to two ears through a head.
bool v2s_metrics_need_head(v2s_metric_set set);

// "level,M1,M6_cc_all": names or formula ids, "all", "spatial". USAGE names the unknown one.
V2S_MUST_USE v2s_status v2s_metrics_parse(const char *list, v2s_metric_set *set);

// ---- judging one pair of sounds (compare_judge.c, judge_ears.c, judge_field.c) ---------------

typedef struct v2s_judge_options {
    v2s_metric_set metrics;
    const v2s_hrtf *hrtf; // of the decode to two ears; NULL: four channels have no metrics of ears
    bool normalise;       // M1-M4
    bool reflect;         // M1, M3, M4, M5: librosa 0.8's padding
    bool lenient;         // where the spatial statistics are not defined, there are none
} v2s_judge_options;

typedef struct v2s_judge v2s_judge;

// One thread at a time per judge. Options are borrowed until close.
V2S_MUST_USE v2s_status v2s_judge_open(const v2s_judge_options *options, v2s_judge **judge);

// Scores of `count` predictions against one truth, all [frames][4] AmbiX at rate_hz; what is not
// asked for is not a number. FORMAT: too short, or a silent truth, unless lenient.
V2S_MUST_USE v2s_status v2s_judge_foa(v2s_judge *judge, double rate_hz, size_t frames,
                                      const float *truth, const float *const *predictions,
                                      size_t count, double (*scores)[V2S_METRIC_COUNT]);

// The same against two ears [frames][2]: predictions [frames][4] are decoded through options->hrtf;
// what is asked for of the metrics of ears.
V2S_MUST_USE v2s_status v2s_judge_decoded(v2s_judge *judge, double rate_hz, size_t frames,
                                          const float *ears, const float *const *predictions,
                                          size_t count, double (*scores)[V2S_METRIC_COUNT]);

// The same of two-channel sound [frames][2].
V2S_MUST_USE v2s_status v2s_judge_stereo(v2s_judge *judge, double rate_hz, size_t frames,
                                         const float *truth, const float *prediction,
                                         double scores[V2S_METRIC_COUNT]);

void v2s_judge_close(v2s_judge **judge);

// ---- judging the clips of manifests (compare_clips.c) -----------------------------------------

typedef enum v2s_clip_fate { V2S_FATE_JUDGED, V2S_FATE_UNCLEAR, V2S_FATE_FAILED } v2s_clip_fate;

// What became of one clip.
typedef struct v2s_clip_result {
    const v2s_clip *clip;
    bool recorded;      // the rule for real recordings was applied
    bool has_room;      // its RT60 makes a room; else the system room is the geometric one
    double dipole_gain; // applied to Y,Z,X of the truth; 1 where not recorded
    double directness;  // 2|I| / (E_W + E_YZX) of a recorded truth
    v2s_clip_fate fate;
    v2s_status status; // of a failed one
    char *reason;      // owned
    double *scores;    // [systems][metrics in use], borrowed; read it with v2s_clip_score
} v2s_clip_result;

// A recording needs this much of one direction to be judged by it.
#define V2S_RECORDED_DIRECTNESS_MIN 0.45

struct v2s_compare_cache;

typedef struct v2s_clips_job {
    const v2s_judge_options *options;
    const v2s_systems *systems;
    const struct v2s_compare_cache *cache; // NULL: none
    bool all_recorded;                     // --real
    int threads;
    bool quiet;
    v2s_clip_result *results; // [count], clip and scores filled in by the caller
    size_t count;
    size_t cached; // set by v2s_clips_judge: clips whose scores the cache had
} v2s_clips_job;

// Fills the results. What is wrong with a clip is its own result; NOMEM, CANCELLED and a cache that
// cannot be written end the work.
V2S_MUST_USE v2s_status v2s_clips_judge(v2s_clips_job *job);

// What a system other than geometric makes of a clip: out [frames][4], zeroed by the caller. Fills
// result->has_room for the system room.
V2S_MUST_USE v2s_status v2s_clip_sound(const v2s_system *system, v2s_clip_result *result,
                                       const v2s_pair *pair, float *out);

// ---- summary (compare_summary.c) --------------------------------------------------------------

typedef struct v2s_difference {
    v2s_interval interval; // the contrast's first system minus its second
    double win_rate;       // share of clips in which the first is better
} v2s_difference;

typedef struct v2s_summary {
    const char *group; // "all", "reverberant", "dry", or a recording's name
    size_t clips, clusters;
    v2s_interval *system;       // [systems][metrics in use], owned
    v2s_difference *difference; // [contrasts][metrics in use], owned
    double dipole_gain;         // of a recording, else not a number
} v2s_summary;

// Which field of the judged clips makes the clusters of the bootstrap (v2s_clip_cluster).
typedef struct v2s_cluster_use {
    size_t room, source, id; // clips
} v2s_cluster_use;

typedef struct v2s_comparison {
    v2s_metric_set metrics;
    const v2s_systems *systems;
    const v2s_clip_result *results; // all of them, in the order of the manifests
    size_t result_count, judged, unclear, failed;
    size_t with_room; // of the judged ones
    v2s_cluster_use cluster_use;
    int draws;
    uint64_t seed;
    size_t group_count; // groups[0] is "all"; dry and reverberant follow where both exist
    v2s_summary groups[3];
    v2s_recordings recordings; // of judged clips; owned
    int threads;               // of the bootstrap
    const char *refiner;       // path or NULL
    char refiner_text[96];     // "seed, omni"
} v2s_comparison;

// What is known of one metric, whatever its place in memory: not a number, and intervals without
// numbers, for a metric that is not in use. `system` and `contrast` count in c->systems.
double v2s_clip_score(const v2s_comparison *c, const v2s_clip_result *r, size_t system, int metric);
v2s_interval v2s_summary_system(const v2s_comparison *c, const v2s_summary *s, size_t system,
                                int metric);
v2s_difference v2s_summary_difference(const v2s_comparison *c, const v2s_summary *s,
                                      size_t contrast, int metric);

// True for dry and outdoor clips: free field, or a mean RT60 below 0.1 s.
bool v2s_clip_is_dry(const v2s_clip *clip);

// The summary of one of c->recordings, made when it is asked for: a set of short recordings has as
// many as clips. NOMEM. Free it.
V2S_MUST_USE v2s_status v2s_comparison_recording(const v2s_comparison *c, size_t index,
                                                 v2s_summary *summary);
void v2s_summary_free(v2s_summary *summary);

// Fills groups and recordings from results. NOMEM.
V2S_MUST_USE v2s_status v2s_comparison_summarise(v2s_comparison *comparison);
void v2s_comparison_close(v2s_comparison *comparison);

// -1 worse, 0 not different (or not known), 1 better.
int v2s_verdict(v2s_metric_id metric, const v2s_difference *difference);

// ---- what is said -----------------------------------------------------------------------------

// (compare_words.c) "0.154 [0.140, 0.170]"; a dash where there is no number. Differences have a
// sign and one digit more.
void v2s_interval_words(const v2s_metric *metric, const v2s_interval *interval, bool sign,
                        char text[64]);

// "is better than", "is worse than", "is not different from"; NULL: too few clusters to say.
const char *v2s_verdict_words(v2s_metric_id metric, const v2s_difference *difference);

// "48 rooms", "1 source", "7 ids"; "12 rooms, sources or ids" where not all clips name the same.
void v2s_cluster_words(const v2s_comparison *c, size_t clusters, char text[48]);

// The field or fields that name the clusters: "room", "room or source", ...
void v2s_cluster_fields(const v2s_comparison *c, char text[32]);

enum { V2S_SENTENCE_MAX = 320 };
// "refined is better than geometric in level: -0.12 dB [-0.16, -0.08], better in 62.0 % of 120
// clips from 48 rooms"
void v2s_difference_sentence(const v2s_comparison *c, const v2s_summary *s, size_t contrast,
                             int metric, char text[V2S_SENTENCE_MAX]);

// (compare_ablation_words.c) Of an ablation: "air helps; refiner hurts; doppler and depth make no
// difference; the minimal system is worse than the full one"
void v2s_ablation_sentence(const v2s_comparison *c, const v2s_summary *s, int metric,
                           char text[V2S_SENTENCE_MAX]);

// The table of an ablation on standard output; `ablation` of a group's JSON object. Nothing where
// nothing was left out.
void v2s_ablation_print(const v2s_comparison *c, const v2s_summary *s);
void v2s_ablation_json(const v2s_comparison *c, const v2s_summary *s, cJSON *o);

// (compare_print.c, compare_json.c) Tables on standard output; every number as JSON, clips one by
// one while the file is written.

// Tables have this many recordings at most; JSON has all of them.
enum { V2S_RECORDINGS_SHOWN = 100 };

V2S_MUST_USE v2s_status v2s_comparison_print(const v2s_comparison *comparison);
void v2s_comparison_json(const v2s_comparison *comparison, v2s_run_log *log);

// Of compare_json.c: `key` of o = {mean, lo, hi, clips}.
cJSON *v2s_json_interval(cJSON *o, const char *key, const v2s_interval *interval);
// The differences of a contrast by metric: an interval, win_rate, verdict and sentence each.
void v2s_json_differences(const v2s_comparison *c, const v2s_summary *s, size_t contrast, cJSON *o);

// (report_compare.c)

// What the page says besides the numbers. Everything is borrowed.
typedef struct v2s_comparison_run {
    const char *command;
    const v2s_settings *settings;
    const v2s_manifest *manifests; // [settings->inputs.count]
    const v2s_hrtf *hrtf;          // of the decode to two ears
    v2s_run_log *log;
} v2s_comparison_run;

// One self-contained page. A clip whose sounds cannot be made again is named in the log and left
// out of the pictures.
V2S_MUST_USE v2s_status v2s_comparison_page(const char *path, const v2s_comparison *comparison,
                                            const v2s_comparison_run *run);

#endif
