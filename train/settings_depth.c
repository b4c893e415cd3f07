// SPDX-License-Identifier: MIT
#include "train/settings.h"

#define AT(field) offsetof(v2s_depth_settings, field)
#define UNLIMITED 0, 0
#define END_OF_ROWS                                                                                \
    { NULL, 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, NULL, 0 }

#define MOST 1e15 // of a count of steps

static const v2s_option run_rows[] = {
    {"output", 'o', V2S_OPTION_TEXT, "RUN", NULL, UNLIMITED,
     "folder of the run: last.safetensors, best.safetensors, log.csv, config.json, events",
     AT(output)},
    {"resume", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "continue RUN; options that are not given are those it began with", AT(resume)},
    {"epochs", 0, V2S_OPTION_INT, "N", NULL, 1, MOST,
     "end after so many times the training set; default 20", AT(epochs)},
    {"steps", 0, V2S_OPTION_INT, "N", NULL, 1, MOST, "end after so many optimizer steps",
     AT(steps)},
    {"minutes", 0, V2S_OPTION_NUMBER, "N", NULL, 1e-6, 1e7,
     "end after so much time (not repeatable to the bit)", AT(minutes)},
    {"patience", 0, V2S_OPTION_INT, "N", "0", 0, 1000000,
     "end after so many validations without a better score; 0 is never", AT(patience)},
    {"save-every", 0, V2S_OPTION_INT, "STEPS", "0", 0, MOST,
     "write last.safetensors every so many steps; 0 is once a minute", AT(save_every)},
    {"val-every", 0, V2S_OPTION_INT, "STEPS", "0", 0, MOST,
     "validate every so many steps; 0 is after each epoch", AT(val_every)},
    {"max-skipped", 0, V2S_OPTION_INT, "N", "20", 1, 1000000000,
     "give up after so many batches in a row that are not finite", AT(max_skipped)},
    {"strict", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "a sample that cannot be used is an error", AT(strict)},
    {"allow-outside", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "manifests may name files outside their own folder", AT(allow_outside)},
    {"keep-flagged", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "take the clips too that 'prepare' flagged as doubtful", AT(keep_flagged)},
    END_OF_ROWS,
};

static const v2s_option network_rows[] = {
    {"base-channels", 0, V2S_OPTION_INT, "N", "64", 8, 256,
     "channels of the first level, a multiple of 8", AT(base_channels)},
    {"attention-levels", 0, V2S_OPTION_TEXT, "LIST", "2,3,4,5", UNLIMITED,
     "levels with attention between the ears, of 1 .. 5", AT(levels)},
    {"attention-scale", 0, V2S_OPTION_CHOICE, "channels|key", "key", UNLIMITED,
     "products are divided by the root of the key's size, or of all channels (published)",
     AT(scale)},
    {"attention", 0, V2S_OPTION_CHOICE, "none|random|cross", "cross", UNLIMITED,
     "none: no level has it; random: where it looks stays as drawn, the rest is trained",
     AT(attention)},
    {"ears", 0, V2S_OPTION_CHOICE, "left|both", "both", UNLIMITED,
     "left: both encoders get the left ear", AT(ears)},
    {"size", 0, V2S_OPTION_INT, "N", "256", 16, 1024,
     "rows and columns of spectrograms and depth maps, a multiple of 16", AT(size)},
    {"init", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "starting weights (safetensors); default: random, by --seed", AT(init)},
    END_OF_ROWS,
};

static const v2s_option data_rows[] = {
    {"max-depth", 0, V2S_OPTION_NUMBER, "M", "30", 0.1, 1000,
     "largest depth in metres; sounds are cut to its echo", AT(max_depth_m)},
    {"rate", 0, V2S_OPTION_INT, "HZ", "44100", 1000, 384000,
     "sample rate of the sounds; another one is not used", AT(rate_hz)},
    {"depth-resize", 0, V2S_OPTION_CHOICE, "nearest|bilinear", "nearest", UNLIMITED,
     "how depth maps are resized; bilinear mixes invalid pixels in, as published", AT(resize)},
    {"batch", 0, V2S_OPTION_INT, "N", "8", 1, 1000000, "samples at a time", AT(batch)},
    {"accumulate", 0, V2S_OPTION_INT, "K", "1", 1, 1000000, "batches of an optimizer step",
     AT(accumulate)},
    {"augment", 0, V2S_OPTION_CHOICE, "none|swap", "swap", UNLIMITED,
     "swap: half of the samples with ears exchanged and the depth map mirrored", AT(augment)},
    {"cache-mb", 0, V2S_OPTION_INT, "MB", "2048", 0, 1e9,
     "memory for decoded samples; what does not fit is read again every epoch", AT(cache_mb)},
    END_OF_ROWS,
};

static const v2s_option optimizer_rows[] = {
    {"curriculum", 0, V2S_OPTION_CHOICE, "none|adaptive", "none", UNLIMITED,
     "adaptive: L1 alone to epoch 20, with edges to epoch 60, then all terms", AT(curriculum)},
    {"optimizer", 0, V2S_OPTION_CHOICE, "adamw|adam|sgd", "adamw", UNLIMITED,
     "as in torch.optim; betas 0.9 and 0.999, eps 1e-8", AT(optimizer)},
    {"lr", 0, V2S_OPTION_NUMBER, "RATE", "0.001", 1e-12, 1e3, "learning rate", AT(learning_rate)},
    {"weight-decay", 0, V2S_OPTION_NUMBER, "X", "0.01", 0, 1e3, "weight decay", AT(weight_decay)},
    {"momentum", 0, V2S_OPTION_NUMBER, "X", "0.9", 0, 0.999999, "momentum of sgd", AT(momentum)},
    {"schedule", 0, V2S_OPTION_CHOICE, "cosine|step|constant|none", "cosine", UNLIMITED,
     "course of the learning rate; cosine ends at 0 with the run; none is constant", AT(schedule)},
    {"warmup", 0, V2S_OPTION_INT, "STEPS", "0", 0, MOST,
     "steps over which the learning rate first grows", AT(warmup)},
    {"step-every", 0, V2S_OPTION_INT, "STEPS", "1000", 1, MOST, "length of a step of the schedule",
     AT(step_every)},
    {"step-factor", 0, V2S_OPTION_NUMBER, "X", "0.5", 1e-6, 1, "factor of each step of it",
     AT(step_factor)},
    {"clip", 0, V2S_OPTION_NUMBER, "NORM", "0", 0, 1e9,
     "largest norm of the gradient, 0 is no limit", AT(clip_norm)},
    {"ema", 0, V2S_OPTION_NUMBER, "DECAY", "0", 0, 0.9999999,
     "running average of the weights, which is what is validated and kept as best; 0 is none",
     AT(ema_decay)},
    END_OF_ROWS,
};

static const v2s_option device_rows[] = {
    {"precision", 0, V2S_OPTION_CHOICE, "f32|tf32|bf16", "f32", UNLIMITED,
     "number format of the network's products; tf32 and bf16 on a GPU", AT(precision)},
    {"deterministic", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "nothing whose result could differ from run to run on a GPU", AT(deterministic)},
    {"verbose", 'v', V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, "say which kernels ran", AT(verbose)},
    END_OF_ROWS,
};

static const char *const examples[] = {
    "v2s-train depth scenes -o run --base-channels 8 --size 64 --minutes 10",
    "v2s-train depth BatVision_V2 -o run --batch 4 --accumulate 8 --curriculum adaptive "
    "--epochs 80",
    "v2s-train depth --resume -o run",
    NULL,
};

static const v2s_option_group groups[] = {
    {"Run", run_rows},
    {"Network", network_rows},
    {"Samples", data_rows},
    {"Weights", optimizer_rows},
    {"Device", device_rows},
    {"General", v2s_train_common_rows},
    {NULL, NULL},
};

const v2s_command v2s_depth_command = {
    "v2s-train",
    "depth",
    "ROOT|MANIFEST... -o RUN [options]",
    "Trains the network that tells depth from echoes at two ears.",
    groups,
    AT(common.inputs),
    1000,
    examples,
    v2s_train_depth_run,
};
