// SPDX-License-Identifier: MIT
#include "train/settings.h"

#define AT(field) offsetof(v2s_prepare_settings, field)
#define UNLIMITED 0, 0
#define END_OF_ROWS                                                                                \
    { NULL, 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, NULL, 0 }

static const v2s_option prepare_rows[] = {
    {"output", 'o', V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "manifest to write (.jsonl); files that have to be made go into FILE.files beside it",
     AT(output)},
    {"strict", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "the first file that cannot be used, or is flagged, is an error", AT(strict)},
    END_OF_ROWS,
};

static const v2s_option format_rows[] = {
    {"splits", 0, V2S_OPTION_CHOICE, "old|new", "old", UNLIMITED,
     "fairplay: the ten published splits, or the five of PseudoBinaural", AT(splits)},
    {"fold", 0, V2S_OPTION_INT, "N", NULL, 1, 10,
     "tau2019: 1 to 4; fairplay: 1 to 10 (new splits: 1 to 5); default 1", AT(fold)},
    {"clips", 0, V2S_OPTION_INT, "N", NULL, 1, 10000000,
     "soundspaces: number of clips to convolve; default 200", AT(clips)},
    {"layout", 0, V2S_OPTION_CHOICE, "ambix|n3d|fuma|wxyz_sn3d|auto", "ambix", UNLIMITED,
     "pairs: order and normalisation of the four channels; auto: guessed from the signal",
     AT(layout)},
    END_OF_ROWS,
};

static const char *const prepare_examples[] = {
    "v2s-train prepare tau2019 TAU2019 -o TAU2019/manifest.jsonl",
    "v2s-train prepare fairplay FAIR-Play -o FAIR-Play/fold3.jsonl --fold 3 --json fold3.json",
    NULL,
};

static const v2s_option_group prepare_groups[] = {
    {"Output", prepare_rows},
    {"Formats", format_rows},
    {"General", v2s_train_common_rows},
    {NULL, NULL},
};

const v2s_command v2s_prepare_command = {
    "v2s-train",
    "prepare",
    "FORMAT ROOT -o FILE [options]",
    "Reads a published data set into a manifest, and checks it: tau2019, tau2021, starss22, "
    "starss23, ytambigen, fairplay, soundspaces, batvision1, batvision2, pairs.",
    prepare_groups,
    AT(common.inputs),
    2,
    prepare_examples,
    v2s_train_prepare_run,
};
