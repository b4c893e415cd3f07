// SPDX-License-Identifier: MIT
#include "train/settings.h"

#define AT(field) offsetof(v2s_refiner_settings, field)
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
    {"preset", 0, V2S_OPTION_TEXT, "NAME", "seed", UNLIMITED,
     "network and objective: seed (waveforms), v2s (gains per band, spatial statistics)",
     AT(preset)},
    {"pairing", 0, V2S_OPTION_CHOICE, "auto|dry|omni", "auto", UNLIMITED,
     "clips to train on; auto: those of MANIFEST, if they are all of one kind", AT(pairing)},
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
    {"strict", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, "a clip that cannot be used is an error",
     AT(strict)},
    {"allow-outside", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "manifests may name files outside their own folder", AT(allow_outside)},
    {"keep-flagged", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "take the clips too that 'prepare' flagged as doubtful", AT(keep_flagged)},
    END_OF_ROWS,
};

static const v2s_option data_rows[] = {
    {"batch", 0, V2S_OPTION_INT, "N", "8", 1, 1000000, "rows of a step, per process", AT(batch)},
    {"segment", 0, V2S_OPTION_NUMBER, "SECONDS", NULL, 1e-4, 3600,
     "length of a row; default: the preset's (seed: 1, or the shortest clip)", AT(segment_s)},
    {"rate", 0, V2S_OPTION_NUMBER, "HZ", NULL, 1000, 384000,
     "sample rate of the network; default: the preset's (seed: that of the truth)", AT(rate_hz)},
    {"augment", 0, V2S_OPTION_TEXT, "none|LIST", NULL, UNLIMITED,
     "random changes of rows; default: the preset's (seed: rotation,mirror,gain)", AT(augment)},
    {"loss", 0, V2S_OPTION_TEXT, "LIST", NULL, UNLIMITED,
     "losses with weights, as mse=1,mrstft=0.5; default: the preset's (seed: mse=1)", AT(loss)},
    END_OF_ROWS,
};

static const v2s_option optimizer_rows[] = {
    {"init", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "starting weights (safetensors); default: random, by --seed", AT(init)},
    {"optimizer", 0, V2S_OPTION_CHOICE, "adamw|adam|sgd", "adamw", UNLIMITED,
     "as in torch.optim; betas 0.9 and 0.999, eps 1e-8", AT(optimizer)},
    {"lr", 0, V2S_OPTION_NUMBER, "RATE", "0.001", 1e-12, 1e3, "learning rate", AT(learning_rate)},
    {"weight-decay", 0, V2S_OPTION_NUMBER, "X", "0.01", 0, 1e3, "weight decay", AT(weight_decay)},
    {"momentum", 0, V2S_OPTION_NUMBER, "X", "0.9", 0, 0.999999, "momentum of sgd", AT(momentum)},
    {"schedule", 0, V2S_OPTION_CHOICE, "cosine|step|constant", "cosine", UNLIMITED,
     "course of the learning rate; cosine ends at 0 with the run", AT(schedule)},
    {"warmup", 0, V2S_OPTION_INT, "STEPS", "0", 0, MOST,
     "steps over which the learning rate first grows", AT(warmup)},
    {"step-every", 0, V2S_OPTION_INT, "STEPS", "1000", 1, MOST, "length of a step of the schedule",
     AT(step_every)},
    {"step-factor", 0, V2S_OPTION_NUMBER, "X", "0.5", 1e-6, 1, "factor of each step of it",
     AT(step_factor)},
    {"clip", 0, V2S_OPTION_NUMBER, "NORM", "1", 0, 1e9,
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

static const char *const refiner_examples[] = {
    "v2s-train refiner data16k/manifest.jsonl -o run --preset seed --pairing omni --minutes 10",
    "v2s-train refiner --resume -o run",
    "mpirun -n 4 v2s-train refiner data16k/manifest.jsonl -o run --pairing dry --batch 4",
    NULL,
};

static const v2s_option_group refiner_groups[] = {
    {"Run", run_rows},
    {"Rows", data_rows},
    {"Weights", optimizer_rows},
    {"Device", device_rows},
    {"General", v2s_train_common_rows},
    {NULL, NULL},
};

const v2s_command v2s_refiner_command = {
    "v2s-train",
    "refiner",
    "MANIFEST... -o RUN [options]",
    "Trains the network that refines geometric first-order ambisonics, on pairs.",
    refiner_groups,
    AT(common.inputs),
    1000,
    refiner_examples,
    v2s_train_refiner_run,
};
