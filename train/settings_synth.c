// SPDX-License-Identifier: MIT
#include "train/settings.h"

#define AT(field) offsetof(v2s_synth_settings, field)
#define UNLIMITED 0, 0
#define END_OF_ROWS                                                                                \
    { NULL, 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, NULL, 0 }

static const v2s_option synth_rows[] = {
    {"task", 0, V2S_OPTION_CHOICE, "foa|depth", "foa", UNLIMITED,
     "pairs for the refiner, or echoes and depth maps for the depth network", AT(task)},
    {"output", 'o', V2S_OPTION_TEXT, "FOLDER", NULL, UNLIMITED,
     "folder to write manifest.jsonl, foa/, dry/ and traj/ into; depth: a folder for each room",
     AT(output)},
    {"sounds", 's', V2S_OPTION_LIST, "FOLDER", NULL, UNLIMITED,
     "folder of recordings, searched in depth (or one file); may be repeated", AT(sounds)},
    {"licence", 0, V2S_OPTION_TEXT, "TEXT", NULL, UNLIMITED,
     "licence of the sounds; default: licences.tsv of each folder, else \"not stated\"",
     AT(licence)},
    {"clips", 'n', V2S_OPTION_INT, "N", "200", 1, 10000000,
     "scenes (foa) or samples (depth) to make", AT(clips)},
    {"duration", 0, V2S_OPTION_NUMBER, "SECONDS", "5", 0.1, 3600, "length of each scene",
     AT(duration_s)},
    {"rate", 0, V2S_OPTION_NUMBER, "HZ", "16000", 8000, 192000, "sample rate", AT(rate_hz)},
    {"pairing", 0, V2S_OPTION_CHOICE, "both|dry|omni", "both", UNLIMITED,
     "dry sound to room, or W of the room to all channels; both: two lines a scene", AT(pairing)},
    END_OF_ROWS,
};

static const v2s_option scene_rows[] = {
    {"rooms", 0, V2S_OPTION_INT, "N", "60", 1, 1000000, "different rooms; depth: at least 3",
     AT(rooms)},
    {"open", 0, V2S_OPTION_NUMBER, "SHARE", "0.12", 0, 1,
     "share of them in the open: two thirds with a ground that reflects, the others free field",
     AT(open)},
    {"motion", 0, V2S_OPTION_LIST, "static|linear|circle|pendulum|approach|zigzag|random-walk|jump",
     NULL, UNLIMITED,
     "way the source moves; may be repeated; default: all, static in half of the scenes",
     AT(motions)},
    {"noise", 0, V2S_OPTION_TEXT, "LO,HI|none", "20,50", UNLIMITED,
     "range of the signal-to-noise ratio in dB: diffuse noise (foa) and that of the microphones",
     AT(noise)},
    END_OF_ROWS,
};

static const v2s_option depth_rows[] = {
    {"hrtf", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "SOFA file of the head that listens; default: MIT KEMAR of libmysofa", AT(hrtf)},
    {"depth-size", 0, V2S_OPTION_INT, "N", "128", 8, 1024, "rows and columns of a depth map",
     AT(depth_size)},
    END_OF_ROWS,
};

static const char *const synth_examples[] = {
    "v2s-train synth -o data16k --sounds sounds --clips 2000 --rooms 300 --seed 1",
    "v2s-train synth -o walks --sounds speech --sounds birds --motion random-walk --rate 48000 "
    "--noise none --pairing dry",
    "v2s-train synth --task depth -o echoes --clips 800 --rooms 80 --seed 1",
    NULL,
};

static const v2s_option_group synth_groups[] = {
    {"Output", synth_rows},
    {"Scenes", scene_rows},
    {"With --task depth", depth_rows},
    {"General", v2s_train_common_rows},
    {NULL, NULL},
};

const v2s_command v2s_synth_command = {
    "v2s-train",
    "synth",
    "-o FOLDER (--sounds FOLDER... | --task depth) [options]",
    "Makes training data: recordings of single sources x simulated rooms x motions, or echoes and "
    "depth maps of simulated rooms.",
    synth_groups,
    AT(common.inputs),
    0,
    synth_examples,
    v2s_synth_run,
};
