// SPDX-License-Identifier: MIT
// v2s-train prepare: published data sets into manifests. The core that every format works with.
//
// A format is one function that reads ROOT through this header, in this order:
//
//   1 list files and labels (v2s_prepare_list, v2s_prepare_path)
//   2 leave out what cannot be used (v2s_prepare_usable, v2s_prepare_skip), each with a reason
//   3 look at every sound once (v2s_prepare_survey), in parallel, with a progress bar
//   4 add clips in a fixed order (v2s_prepare_add), flag those whose label the sound contradicts
//   5 say how many recordings there are of how many (v2s_prepare_published), and rows of its own
//     (v2s_run_log_row, v2s_run_log_number on p->log)
//
// The core then writes the manifest (last, at once) and the summary. Every function is called by
// the main thread alone. A format returns what these functions return (V2S_TRY): under --strict the
// first problem comes back as an error; NOMEM and CANCELLED always do.
//
// Texts that these functions hand out live until the end of the run. Paths are as a program opens
// them (absolute or relative to the working folder); the manifest gets them relative to its own
// folder.
//
// Reasons are "KIND: detail", without the file's name; the summary groups them by KIND.
#ifndef V2S_TRAIN_PREPARE_H
#define V2S_TRAIN_PREPARE_H

#include "data/manifest.h"
#include "infer/run_log.h"
#include "spatial/trajectory.h"
#include "train/settings.h"
#include "train/sound_survey.h"

typedef struct v2s_prepare_state v2s_prepare_state;

typedef struct v2s_prepare {
    const char *root; // ROOT as given, without slashes at its end
    const v2s_prepare_settings *settings;
    v2s_run_log *log;
    v2s_prepare_state *state; // the core's own
} v2s_prepare;

// The options that mean something to one format but not to all.
enum {
    V2S_PREPARE_SPLITS = 1, // --splits old|new
    V2S_PREPARE_FOLD = 2,   // --fold N
    V2S_PREPARE_CLIPS = 4,  // --clips N
    V2S_PREPARE_LAYOUT = 8, // --layout
};

typedef struct v2s_prepare_format {
    const char *name;
    unsigned options; // V2S_PREPARE_*
    v2s_status (*run)(v2s_prepare *p);
} v2s_prepare_format;

// Each in a file of its own, and a row of the table in cmd_prepare.c.
extern const v2s_prepare_format v2s_prepare_tau2019, v2s_prepare_tau2021, v2s_prepare_starss22,
    v2s_prepare_starss23, v2s_prepare_pairs, v2s_prepare_ytambigen, v2s_prepare_fairplay,
    v2s_prepare_soundspaces, v2s_prepare_batvision1, v2s_prepare_batvision2;

// ---- files ------------------------------------------------------------------------------------

typedef struct v2s_names {
    size_t count;
    char **items; // [count], sorted by bytes
} v2s_names;

// Names of the files and folders in ROOT/below ("" : ROOT) that end with `suffix` (NULL: any);
// hidden ones are left out. A folder that is not there is IO. The caller frees.
V2S_MUST_USE v2s_status v2s_prepare_list(v2s_prepare *p, const char *below, const char *suffix,
                                         v2s_names *names);
void v2s_names_free(v2s_names *names); // accepts a zeroed one
bool v2s_names_have(const v2s_names *names, const char *name);

// *path = ROOT/<what fmt says>.
V2S_MUST_USE v2s_status v2s_prepare_path(v2s_prepare *p, const char **path, const char *fmt, ...)
    V2S_PRINTF(3, 4);
// *text = what fmt says.
V2S_MUST_USE v2s_status v2s_prepare_text(v2s_prepare *p, const char **text, const char *fmt, ...)
    V2S_PRINTF(3, 4);

bool v2s_is_file(const char *path);
bool v2s_is_folder(const char *path);

// *usable: `path` is a file with its content. Otherwise it is skipped ("not there", "LFS").
V2S_MUST_USE v2s_status v2s_prepare_usable(v2s_prepare *p, const char *path, bool *usable);

// A file to be written: *path is where, its folders made. The caller writes it by its temporary
// name (file_out, sound_out; deferred sync is enough). It becomes <manifest without
// .jsonl>.files/<kind>/<id>.<suffix> when the run has succeeded, and clips that have *path name
// that; until then an earlier manifest and its files stay as they are. `id` must be a file name
// without a slash.
V2S_MUST_USE v2s_status v2s_prepare_file(v2s_prepare *p, const char *kind, const char *id,
                                         const char *suffix, const char **path);

// Writes a trajectory of one object into .files/traj/<id>.csv. Times are those of the truth file.
V2S_MUST_USE v2s_status v2s_prepare_trajectory(v2s_prepare *p, const char *id,
                                               const v2s_trajectory *trajectory, const char **path);

// ---- what was found ---------------------------------------------------------------------------

// Keeps a copy of the clip. FORMAT (skipped, or the error with --strict): an id that was added
// before. Fields that are NULL, 0 or NAN are left out, drr_db 0 is written: set it NAN.
V2S_MUST_USE v2s_status v2s_prepare_add(v2s_prepare *p, const v2s_clip *clip);
// Whether a clip of this id was added: ask before files are made that its line would name.
bool v2s_prepare_has(const v2s_prepare *p, const char *id);
size_t v2s_prepare_clip_count(const v2s_prepare *p, v2s_split split);

// A file (or clip) that is left out. With --strict: FORMAT "file: reason".
V2S_MUST_USE v2s_status v2s_prepare_skip(v2s_prepare *p, const char *file, const char *fmt, ...)
    V2S_PRINTF(3, 4);
// The same with this thread's error text; `status` itself where it is NOMEM or CANCELLED.
V2S_MUST_USE v2s_status v2s_prepare_skip_error(v2s_prepare *p, const char *file, v2s_status status);

// A clip whose label its sound contradicts, listed with the angle (NAN: none); put *flag, the
// reason, into clip.flag. With --strict: FORMAT. `flag` may be NULL.
V2S_MUST_USE v2s_status v2s_prepare_flag(v2s_prepare *p, const char *file, double angle_deg,
                                         const char **flag, const char *fmt, ...) V2S_PRINTF(5, 6);

// Something odd that is used all the same: a warning; with --strict FORMAT.
V2S_MUST_USE v2s_status v2s_prepare_problem(v2s_prepare *p, const char *fmt, ...) V2S_PRINTF(2, 3);

// How many `what` ("recordings") of each split were found and how many were published (-1: not
// known); a row, numbers for the JSON, and a warning where they differ.
void v2s_prepare_published(v2s_prepare *p, const char *what, const size_t found[V2S_SPLIT_COUNT],
                           const int64_t published[V2S_SPLIT_COUNT]);

// ---- sounds -----------------------------------------------------------------------------------

// Surveys every path that was not surveyed yet, on --threads threads, with a progress bar; `index`
// of the tap (NULL: none) is that of `paths`. Nothing is skipped by this.
V2S_MUST_USE v2s_status v2s_prepare_survey(v2s_prepare *p, size_t count, const char *const *paths,
                                           const v2s_sound_tap *tap);
// What is known of a sound; NULL where it was not surveyed.
const v2s_sound_survey *v2s_prepare_sound(const v2s_prepare *p, const char *path);
// For sounds that sound_in cannot read (.npy): the survey made elsewhere. Takes it over.
V2S_MUST_USE v2s_status v2s_prepare_note_sound(v2s_prepare *p, const char *path,
                                               v2s_sound_survey *survey);
// *usable: it was read, has `channels` channels (0: any) and a rate within 0.5 Hz of rate_hz (0:
// any). Otherwise it is skipped, with the numbers. A truncated file is a problem (see above) but
// usable.
V2S_MUST_USE v2s_status v2s_prepare_check_sound(v2s_prepare *p, const char *path, int channels,
                                                double rate_hz, bool *usable);

// Runs one(ctx, i) for i = 0 .. count-1 on --threads threads with a progress bar "<what> ..
// <unit>"; the first failure ends it and is returned with its text.
V2S_MUST_USE v2s_status v2s_prepare_each(v2s_prepare *p, const char *what, const char *unit,
                                         size_t count, v2s_status (*one)(void *ctx, size_t i),
                                         void *ctx);

// ---- the run ----------------------------------------------------------------------------------

// Runs a format, writes the manifest and finishes the log. FORMAT: no usable clip (the log is
// finished then too). On failure no file of the run is left.
V2S_MUST_USE v2s_status v2s_prepare_run(const v2s_prepare_format *format,
                                        const v2s_prepare_settings *settings, v2s_run_log *log);

#endif
