// SPDX-License-Identifier: MIT
#include "infer/settings.h"

#include "infer/commands.h"
#include "kernels/base/cpu.h"

#define AT(field) offsetof(v2s_settings, field)
#define UNLIMITED 0, 0
#define END_OF_ROWS                                                                                \
    { NULL, 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, NULL, 0 }

// The words in the order of v2s_precision.
#define PRECISION_ROW                                                                              \
    {                                                                                              \
        "precision", 0, V2S_OPTION_CHOICE, "f32|tf32|bf16", "f32", UNLIMITED,                      \
            "number format of the network's products; tf32 on a GPU only", AT(precision)           \
    }

static const v2s_option scene_rows[] = {
    {"box", 'b', V2S_OPTION_LIST, "X,Y,W,H[@SECONDS]", NULL, UNLIMITED,
     "object's box in pixels of the displayed picture, 0-based, at a time; once an object",
     AT(boxes)},
    {"boxes-in", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "boxes from a detector (MOT Challenge lines) instead of tracking", AT(boxes_in)},
    {"boxes", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED, "write the boxes as MOT Challenge lines",
     AT(boxes_out)},
    {"overlay", 0, V2S_OPTION_TEXT, "FILE.mp4", NULL, UNLIMITED,
     "write the video with the boxes drawn", AT(overlay)},
    {"fov", 0, V2S_OPTION_NUMBER, "DEG", NULL, 1, 179,
     "horizontal field of view; default: from metadata, else 60 with a warning", AT(fov_deg)},
    {"distance", 0, V2S_OPTION_NUMBER, "M", "2", 0.01, 10000,
     "metres to the object at its first box", AT(distance_m)},
    {"fps", 0, V2S_OPTION_NUMBER, "HZ", NULL, 0.001, 100000,
     "frame rate of a folder of images; default 25", AT(fps_hz)},
    {"smooth", 0, V2S_OPTION_CHOICE, "off|on", "on", UNLIMITED,
     "Rauch-Tung-Striebel smoothing of the tracked 3-D path", AT(smooth)},
    END_OF_ROWS,
};

static const v2s_option track_rows[] = {
    {"output", 'o', V2S_OPTION_TEXT, "FILE.csv", "trajectory.csv", UNLIMITED, "trajectory to write",
     AT(output)},
    END_OF_ROWS,
};

static const v2s_option render_rows[] = {
    {"output", 'o', V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "ambisonic file: .wav .w64 .caf .flac", AT(output)},
    {"object", 0, V2S_OPTION_LIST, "'box=X,Y,W,H;sound=FILE;distance=M;name=N'", NULL, UNLIMITED,
     "one of several objects, each with its own box and sound", AT(objects)},
    {"sound", 's', V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "mono sound of the object; default: the sound of INPUT", AT(sound)},
    {"channel", 0, V2S_OPTION_INT, "N", NULL, 1, 1024, "take this channel of the sound (from 1)",
     AT(channel)},
    {"mix", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, "take the mean of all channels of the sound",
     AT(mix)},
    {"loop", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "repeat a sound that is shorter than the video until the video ends", AT(loop)},
    {"trajectory", 't', V2S_OPTION_TEXT, "FILE.csv", NULL, UNLIMITED,
     "directions and distances instead of tracking; never smoothed", AT(trajectory)},
    {"order", 0, V2S_OPTION_INT, "N", "1", 1, 7, "ambisonic order", AT(order)},
    {"rate", 0, V2S_OPTION_NUMBER, "HZ", NULL, 1000, 768000,
     "sample rate of the output; default: that of the (first) sound", AT(rate_hz)},
    {"format", 0, V2S_OPTION_CHOICE, "float|s16|s24", "float", UNLIMITED,
     "samples of the output files", AT(format)},
    {"doppler", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "propagation delay distance / 343 m/s, with its Doppler shift", AT(doppler)},
    {"air", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "air absorption (ISO 9613-1: 20 C, 50 %, 101.325 kPa)", AT(air)},
    {"min-distance", 0, V2S_OPTION_NUMBER, "M", "0.5", 0.01, 1000,
     "the gain is 1 / max(distance, M), relative to 1 m", AT(min_distance_m)},
    {"trajectory-out", 0, V2S_OPTION_TEXT, "FILE.csv", NULL, UNLIMITED,
     "write the trajectory that was rendered", AT(trajectory_out)},
    END_OF_ROWS,
};

static const v2s_option room_rows[] = {
    {"room", 0, V2S_OPTION_TEXT, "L,W,H", NULL, UNLIMITED,
     "shoebox room, metres front-back, left-right, up-down; its reflections are of order 1, the "
     "direct sound keeps --order; --air does not reach them",
     AT(room)},
    {"rt60", 0, V2S_OPTION_TEXT, "SECONDS", NULL, UNLIMITED,
     "its decay time (Eyring), or eight for the octaves 63 Hz to 8 kHz, with commas", AT(rt60)},
    {"absorption", 0, V2S_OPTION_TEXT, "A", NULL, UNLIMITED,
     "instead: share of energy that the walls absorb, 0 to 1, or eight for the octaves",
     AT(absorption)},
    {"listener", 0, V2S_OPTION_TEXT, "X,Y,Z", NULL, UNLIMITED,
     "listener's place from the corner behind, right, down; default: the middle, 1.5 m up; the "
     "trajectory is relative to it",
     AT(listener)},
    {"room-order", 0, V2S_OPTION_INT, "N", "-1", -1, 200,
     "most reflections on the way of an image; -1: all until the room is diffuse (50 to 100 ms)",
     AT(room_order)},
    {"room-tail", 0, V2S_OPTION_CHOICE, "off|on", "on", UNLIMITED,
     "diffuse tail in place of the images that are left out; the output grows by it",
     AT(room_tail)},
    {"room-response", 0, V2S_OPTION_TEXT, "FOA.wav", NULL, UNLIMITED,
     "measured response (AmbiX) instead of --room: its own direct sound is cut 2.5 ms after the "
     "peak and rendered by geometry, the rest scaled to it at the trajectory's start",
     AT(room_response)},
    END_OF_ROWS,
};

static const v2s_option refiner_rows[] = {
    {"refiner", 0, V2S_OPTION_TEXT, "FILE|NAME|none", NULL, UNLIMITED,
     "refiner weights (safetensors), or the name of shipped ones; default: v2s-omni for the "
     "film's own sound, none otherwise",
     AT(refiner)},
    {"refiner-amount", 0, V2S_OPTION_NUMBER, "0..1", "1", 0, 1,
     "share of the refiner's residual that is added", AT(refiner_amount)},
    PRECISION_ROW,
    END_OF_ROWS,
};

static const v2s_option preview_rows[] = {
    {"binaural", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED, "write a headphone preview",
     AT(binaural)},
    {"hrtf", 0, V2S_OPTION_TEXT, "FILE.sofa", NULL, UNLIMITED,
     "head for it; default: MIT KEMAR of package libmysofa1", AT(hrtf)},
    {"binaural-method", 0, V2S_OPTION_CHOICE, "magls|speakers", "magls", UNLIMITED,
     "magnitude least squares or virtual loudspeakers", AT(binaural_method)},
    {"stereo", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED, "write a loudspeaker stereo preview",
     AT(stereo)},
    {"report", 0, V2S_OPTION_TEXT, "FILE.html", NULL, UNLIMITED,
     "write one self-contained HTML page about the run", AT(report)},
    END_OF_ROWS,
};

static const v2s_option info_rows[] = {
    {"devices", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "list the processors that can run the network, and why one is not used", AT(devices)},
    END_OF_ROWS,
};

static const v2s_option compare_rows[] = {
    {"refiner", 0, V2S_OPTION_TEXT, "FILE|NAME|none", NULL, UNLIMITED,
     "refiner to judge (safetensors); without one geometric and mono alone, and room for dry pairs",
     AT(refiner)},
    PRECISION_ROW,
    {"split", 0, V2S_OPTION_CHOICE, "train|val|test|all", "test", UNLIMITED,
     "which clips of the manifests", AT(split)},
    {"pairing", 0, V2S_OPTION_CHOICE, "auto|dry|omni|binaural", "auto", UNLIMITED,
     "which pairs; auto is what the refiner was trained on, or what is there", AT(pairing)},
    {"against", 0, V2S_OPTION_LIST, "[NAME=]FILE", NULL, UNLIMITED,
     "another checkpoint on the same clips, repeated: paired differences to it", AT(against)},
    {"without", 0, V2S_OPTION_TEXT, "LIST", NULL, UNLIMITED,
     "ablation: the whole renderer, the same without each of doppler, air, depth, smoothing, "
     "refiner, conditioning (by commas, or all), and without all of them",
     AT(without)},
    {"metrics", 0, V2S_OPTION_TEXT, "LIST", NULL, UNLIMITED,
     "names or ids by commas: spatial, S1..S5, iacc, ild, itd, M1..M6, M8..M10, M12, M6_cc_1fps, "
     "..., all; without it spatial for manifests, and for --pred all that its channels have",
     AT(metrics)},
    {"bootstrap", 0, V2S_OPTION_INT, "DRAWS", "2000", 100, 1000000,
     "draws of rooms (else sources) behind the 95 % intervals", AT(draws)},
    {"real", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "rule for real recordings for every clip, not only those marked recorded: true dipoles of a "
     "recording scaled to E_YZX = E_W; only clips with 2|I|/(E_W+E_YZX) >= 0.45",
     AT(recorded)},
    {"cache", 0, V2S_OPTION_TEXT, "FOLDER", NULL, UNLIMITED,
     "keep every clip's scores there as soon as they are known: an interrupted run goes on, and "
     "what "
     "has not changed is not judged again",
     AT(cache)},
    {"strict", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "a line or clip that cannot be used is an error", AT(strict)},
    {"allow-outside", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "manifests may name files outside their own folder", AT(allow_outside)},
    {"keep-flagged", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "take the clips too that 'prepare' flagged as doubtful", AT(keep_flagged)},
    {"pred", 0, V2S_OPTION_TEXT, "FILE|FOLDER", NULL, UNLIMITED,
     "judge one file against --truth, without manifests: sound (4 channels AmbiX, or 2), a room's "
     "response (with --metrics M11), or directions as .csv: a trajectory or DCASE labels; "
     "responses "
     "and DCASE labels may be folders of them",
     AT(prediction)},
    {"truth", 0, V2S_OPTION_TEXT, "FILE|FOLDER", NULL, UNLIMITED, "what --pred should be",
     AT(truth)},
    {"normalization", 0, V2S_OPTION_CHOICE, "false|true", "false", UNLIMITED,
     "M1-M4: each sound divided by its largest sample (true in PseudoBinaural, false in 2.5D "
     "Visual Sound)",
     AT(normalise)},
    {"librosa-compat", 0, V2S_OPTION_CHOICE, "0.8|0.9", "0.9", UNLIMITED,
     "M1, M3-M5: the padding of librosa below 0.9 (reflected) or of 0.9 on (zeros)", AT(librosa)},
    {"hrtf", 0, V2S_OPTION_TEXT, "FILE.sofa", NULL, UNLIMITED,
     "head through which four channels are heard; default: MIT KEMAR of package libmysofa1",
     AT(hrtf)},
    {"report", 0, V2S_OPTION_TEXT, "FILE.html", NULL, UNLIMITED,
     "write one self-contained HTML page", AT(report)},
    {"listening-test", 0, V2S_OPTION_TEXT, "FOLDER", NULL, UNLIMITED,
     "write a listening test (MUSHRA) for webMUSHRA: truth, refined, geometric and anchors over "
     "headphones",
     AT(listening_test)},
    {"pointing-test", 0, V2S_OPTION_TEXT, "FOLDER", NULL, UNLIMITED,
     "write a page on which listeners say where sounds come from", AT(pointing_test)},
    {"listening-clips", 0, V2S_OPTION_INT, "N", "8", 1, 100,
     "clips of a listening or pointing test, drawn by --seed from as many rooms as there are",
     AT(listening_clips)},
    END_OF_ROWS,
};

static const v2s_option pair_rows[] = {
    // The words in the order of v2s_rt60_family.
    {"rt60-family", 0, V2S_OPTION_CHOICE, "crossings|regression|reduced", "crossings", UNLIMITED,
     "M11: RT60 from -5 and -35 dB (NAF, INRAS), a line fitted to the decay (pyroomacoustics "
     "0.10), "
     "or two crossings as far as the decay goes (older pyroomacoustics)",
     AT(rt60_family)},
    {"rt60-decay", 0, V2S_OPTION_NUMBER, "DB", NULL, 1, 120,
     "M11: decay that is measured below -5 dB; default 30 for crossings, else 60",
     AT(rt60_decay_db)},
    {"seld-year", 0, V2S_OPTION_CHOICE, "2022|2023|2024", "2024", UNLIMITED,
     "M8 of DCASE labels: 2024 counts frames, 2022 and 2023 segments of 1 s", AT(seld_year)},
    {"seld-classes", 0, V2S_OPTION_INT, "N", "0", 0, 1000,
     "M8: average over the classes 0 to N - 1 (the baselines: 13); 0 is those that occur",
     AT(seld_classes)},
    {"seld-drop-last", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "M8: leave out the truth's last frame, as the baselines' reader does", AT(seld_drop_last)},
    {"pred-distance", 0, V2S_OPTION_CHOICE, "cm|m", "m", UNLIMITED,
     "unit of distances in DCASE labels given as --pred: m, as systems write them",
     AT(prediction_distance)},
    {"truth-distance", 0, V2S_OPTION_CHOICE, "cm|m", "cm", UNLIMITED,
     "unit of distances in DCASE labels given as --truth: cm, as in STARSS23", AT(truth_distance)},
    {"fps", 0, V2S_OPTION_NUMBER, "HZ", NULL, 0.001, 100000,
     "M12's jerk: points a second; default: of the truth's median step (trajectories), 10 (DCASE)",
     AT(fps_hz)},
    END_OF_ROWS,
};

static const v2s_option listener_rows[] = {
    {"listening-results", 0, V2S_OPTION_TEXT, "FILE.csv", NULL, UNLIMITED,
     "answers of a listening test (webMUSHRA's mushra.csv): post-screening as BS.1534-3, means, "
     "paired tests",
     AT(listening_results)},
    {"pointing-results", 0, V2S_OPTION_TEXT, "FILE.csv", NULL, UNLIMITED,
     "directions that listeners pointed at (the CSV of --pointing-test's page): angular errors, "
     "front-back confusions",
     AT(pointing_results)},
    END_OF_ROWS,
};

static const v2s_option export_rows[] = {
    {"output", 'o', V2S_OPTION_TEXT, "FILE.safetensors|FILE.onnx", NULL, UNLIMITED,
     "file to write; its name says which of the two", AT(output)},
    {"weights-only", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "safetensors: only what PyTorch's module has (load_state_dict, strict); without it the "
     "constants that compare and depth need (floor.*) stay",
     AT(weights_only)},
    END_OF_ROWS,
};

static const v2s_option export_metadata_rows[] = {
    {"pairing", 0, V2S_OPTION_CHOICE, "auto|dry|omni", "auto", UNLIMITED,
     "refiner: which pairs it was trained on; auto: as the file says", AT(pairing)},
    {"rate", 0, V2S_OPTION_NUMBER, "HZ", NULL, 1000, 384000,
     "seed, depth: sample rate it was trained for", AT(rate_hz)},
    {"attention-scale", 0, V2S_OPTION_CHOICE, "auto|channels|key", "auto", UNLIMITED,
     "depth: what the products of attention are divided by the root of; auto: as the file says, "
     "else channels",
     AT(attention_scale)},
    {"size", 0, V2S_OPTION_INT, "PIXELS", NULL, 16, 1024,
     "depth: side of spectrograms and maps, a multiple of 16", AT(map_size)},
    {"max-depth", 0, V2S_OPTION_NUMBER, "M", NULL, 0.001, 10000,
     "depth: metres that the largest output means", AT(max_depth_m)},
    {"ears", 0, V2S_OPTION_CHOICE, "auto|both|left", "auto", UNLIMITED,
     "depth: whose spectrograms it sees; auto: as the file says, else both", AT(ears)},
    END_OF_ROWS,
};

static const v2s_option depth_rows[] = {
    {"model", 'm', V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "checkpoint of a depth network (safetensors)", AT(model)},
    {"batch", 0, V2S_OPTION_INT, "N", "4", 1, 1024,
     "sounds that go through the network at once; memory grows with it", AT(batch)},
    {"resample", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "convert a sound whose rate is not the checkpoint's instead of refusing it", AT(resample)},
    {"strict", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "a sound, truth or line that cannot be used is an error", AT(strict)},
    {"allow-outside", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "manifests may name files outside their own folder", AT(allow_outside)},
    {"keep-flagged", 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED,
     "take the clips too that 'prepare' flagged as doubtful", AT(keep_flagged)},
    PRECISION_ROW,
    END_OF_ROWS,
};

static const v2s_option depth_output_rows[] = {
    {"output", 'o', V2S_OPTION_LIST, "FILE.npy|FILE.png|FOLDER", NULL, UNLIMITED,
     "depth map: npy in metres (float32), png in millimetres (16 bit); may be repeated. For a "
     "folder of sounds: a folder that gets NAME.npy and NAME.png of each",
     AT(outputs)},
    {"colour", 0, V2S_OPTION_TEXT, "FILE.png|FOLDER", NULL, UNLIMITED,
     "depth in colours: dark blue is 0 m, light yellow what all but a hundredth lies below, "
     "rounded up to a metre",
     AT(colour)},
    {"spectrogram-out", 0, V2S_OPTION_TEXT, "FILE.npy|FOLDER", NULL, UNLIMITED,
     "what the network sees: float32, 2 x size x size, left ear first", AT(spectrogram_out)},
    {"attention", 0, V2S_OPTION_TEXT, "FOLDER", NULL, UNLIMITED,
     "pictures of where each ear looked in the other's spectrogram, and index.json", AT(attention)},
    {"attention-at", 0, V2S_OPTION_LIST, "ROW,COL", NULL, UNLIMITED,
     "pixel of the depth map to look from, repeated; default: 3 x 3 of them", AT(attention_at)},
    {"report", 0, V2S_OPTION_TEXT, "FILE.html", NULL, UNLIMITED,
     "write one self-contained HTML page", AT(report)},
    END_OF_ROWS,
};

static const v2s_option depth_truth_rows[] = {
    {"truth", 0, V2S_OPTION_TEXT, "FILE.npy|FILE.png|FOLDER", NULL, UNLIMITED,
     "true depth: integers are millimetres, floats metres; a folder has NAME.npy or NAME.png of "
     "each sound. Prints M7",
     AT(truth)},
    // The words in the order of v2s_depth_resize.
    {"depth-resize", 0, V2S_OPTION_CHOICE, "nearest|bilinear", "nearest", UNLIMITED,
     "how true depth comes to the network's size; bilinear mixes invalid pixels in, as published "
     "code does",
     AT(depth_resize)},
    {"split", 0, V2S_OPTION_CHOICE, "train|val|test|all", "test", UNLIMITED,
     "which samples of a data set", AT(split)},
    {"against", 0, V2S_OPTION_LIST, "[NAME=]FILE", NULL, UNLIMITED,
     "another checkpoint on the same samples, repeated: paired differences to it", AT(against)},
    {"bootstrap", 0, V2S_OPTION_INT, "DRAWS", "2000", 100, 1000000,
     "draws of locations behind the 95 % intervals", AT(draws)},
    END_OF_ROWS,
};

static const v2s_option common_rows[] = {
    {"json", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "every number of the run as JSON; - is standard output", AT(json)},
    {"threads", 0, V2S_OPTION_INT, "N", "0", 0, 1024, "threads to use; 0 is every processor",
     AT(threads)},
    {"device", 0, V2S_OPTION_TEXT, "auto|cpu|cuda[:N]", "auto", UNLIMITED, "where the network runs",
     AT(device)},
    {"seed", 0, V2S_OPTION_INT, "N", "0", UNLIMITED, "seed of random numbers", AT(seed)},
    {"quiet", 'q', V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, "no progress, no summary", AT(quiet)},
    {"verbose", 'v', V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, "say which kernels ran", AT(verbose)},
    {"help", 'h', V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, "this text", AT(help)},
    END_OF_ROWS,
};

static const char *const track_examples[] = {
    "v2s-infer track ball.mp4 --box 30,250,60,60 -o ball.csv --overlay ball-boxes.mp4",
    "v2s-infer track frames/ --fps 30 --box 12,40,80,120@1.5 --fov 70 --boxes ball.txt",
    NULL,
};

static const v2s_option_group track_groups[] = {
    {"Tracking", scene_rows},
    {"Output", track_rows},
    {"General", common_rows},
    {NULL, NULL},
};

const v2s_command v2s_track_command = {
    "v2s-infer",
    "track",
    "INPUT --box X,Y,W,H[@SECONDS] [options]",
    "Follows an object through a video or a folder of images and writes its trajectory.",
    track_groups,
    AT(inputs),
    1,
    track_examples,
    v2s_track_run,
};

static const char *const render_examples[] = {
    "v2s-infer render talk.mp4 --box 380,60,120,300 -o talk.wav --binaural talk-phones.wav",
    "v2s-infer render --trajectory path.csv --sound bird.wav --order 3 --doppler -o bird.caf",
    "v2s-infer render talk.mp4 --box 380,60,120,300 --room 8,6,3 --rt60 0.6 --listener 2,3,1.6 "
    "-o hall.wav",
    "v2s-infer render duo.mp4 --object 'box=10,20,80,160;sound=a.wav' "
    "--object 'box=400,20,80,160;sound=b.wav;distance=4' -o duo.wav --report duo.html",
    NULL,
};

static const v2s_option_group render_groups[] = {
    {"Rendering", render_rows},
    {"Room", room_rows},
    {"Refiner", refiner_rows},
    {"Previews and report", preview_rows},
    {"Tracking", scene_rows},
    {"General", common_rows},
    {NULL, NULL},
};

const v2s_command v2s_render_command = {
    "v2s-infer",
    "render",
    "[INPUT] -o FILE [options]",
    "Makes an ambisonic file (AmbiX: ACN, SN3D) in which the sound follows the object.",
    render_groups,
    AT(inputs),
    1,
    render_examples,
    v2s_render_run,
};

static const char *const info_examples[] = {
    "v2s-infer info recording.wav",
    "v2s-infer info refiner.safetensors --json -",
    NULL,
};

static const v2s_option_group info_groups[] = {
    {"Information", info_rows},
    {"General", common_rows},
    {NULL, NULL},
};

const v2s_command v2s_info_command = {
    "v2s-infer",
    "info",
    "FILE [options]",
    "Says what a sound file, a trajectory, a manifest, an array, a checkpoint or an ONNX model is.",
    info_groups,
    AT(inputs),
    1,
    info_examples,
    v2s_info_run,
};

static const char *const compare_examples[] = {
    "v2s-infer compare data/manifest.jsonl --refiner v2s-omni.safetensors --report compare.html",
    "v2s-infer compare --pred out.wav --truth recorded.wav --metrics all --json -",
    "v2s-infer compare data/manifest.jsonl --refiner v2s-omni --listening-test listen --seed 7",
    NULL,
};

static const v2s_option_group compare_groups[] = {
    {"Comparison", compare_rows},
    {"One pair of files", pair_rows},
    {"Listeners", listener_rows},
    {"General", common_rows},
    {NULL, NULL},
};

const v2s_command v2s_compare_command = {
    "v2s-infer",
    "compare",
    "MANIFEST... [options]",
    "Says whether a refiner is better than plain geometry, on clips with a known truth.",
    compare_groups,
    AT(inputs),
    1000,
    compare_examples,
    v2s_compare_run,
};

static const char *const depth_examples[] = {
    "v2s-infer depth echo.wav --model depth.safetensors -o echo.png --truth echo-depth.npy "
    "--report echo.html",
    "v2s-infer depth scenes/ --model both.safetensors --against left=left.safetensors --json -",
    NULL,
};

static const v2s_option_group depth_groups[] = {
    {"Depth", depth_rows},
    {"Output", depth_output_rows},
    {"Truth and data sets", depth_truth_rows},
    {"General", common_rows},
    {NULL, NULL},
};

const v2s_command v2s_depth_command = {
    "v2s-infer",
    "depth",
    "AUDIO.wav|FOLDER|DATASET --model FILE [options]",
    "Estimates a depth map from the echoes at two ears, and judges it where the truth is known.",
    depth_groups,
    AT(inputs),
    1,
    depth_examples,
    v2s_depth_run,
};

static const char *const export_examples[] = {
    "v2s-infer export v2s-omni -o v2s-omni.onnx",
    "v2s-infer export run/best.safetensors -o weights.safetensors --weights-only",
    "v2s-infer export from-pytorch.safetensors -o refiner.safetensors --rate 16000 --pairing omni",
    NULL,
};

static const v2s_option_group export_groups[] = {
    {"Export", export_rows},
    {"What the checkpoint does not say itself", export_metadata_rows},
    {"General", common_rows},
    {NULL, NULL},
};

const v2s_command v2s_export_command = {
    "v2s-infer",
    "export",
    "CHECKPOINT -o FILE.safetensors|FILE.onnx [options]",
    "Writes a checkpoint (a file, or the name of one that ships) for PyTorch or as an ONNX model.",
    export_groups,
    AT(inputs),
    1,
    export_examples,
    v2s_export_run,
};

int v2s_settings_threads(const v2s_settings *settings) {
    return settings->threads > 0 ? (int)settings->threads : v2s_cpu_count();
}

v2s_manifest_rules v2s_settings_rules(const v2s_settings *settings) {
    return (v2s_manifest_rules){settings->strict, settings->allow_outside, settings->keep_flagged};
}
