// SPDX-License-Identifier: MIT
// Writes a report from made-up data, to look at: report_demo OUT.html [SECONDS [PICTURE.jpg]...]
//
// Two objects: one walks around the listener and passes behind, the other swings in front and is
// lost twice. The players hold a tone that moves from ear to ear with the first object.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/report.h"
#include "spatial/energy_map.h"

enum { PICTURES_PER_S = 25, MAPS = 4, MAX_FRAMES = 16, RATE_HZ = 8000 };

static v2s_vec3 unit_of(double az_deg, double el_deg) {
    return v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg));
}

static void fill_walker(v2s_point *p, double t, double length_s) {
    p->time_s = t;
    p->unit = unit_of(30.0 + 360.0 * t / length_s, 8.0 * sin(2.0 * t));
    p->distance_m = 2.5 + 1.2 * cos(2.0 * V2S_PI * t / length_s) + 0.05 * sin(9.0 * t);
    p->confidence = 0.85 + 0.1 * sin(1.3 * t);
}

static void fill_swinger(v2s_point *p, double t) {
    p->time_s = t;
    p->unit = unit_of(38.0 * sin(0.9 * t), 14.0 + 6.0 * cos(1.7 * t));
    p->distance_m = 1.6 + 0.5 * sin(0.5 * t);
    p->confidence = 0.7 + 0.2 * cos(t);
}

static bool is_lost(double t, double length_s) {
    return (t > 0.31 * length_s && t < 0.40 * length_s) ||
           (t > 0.72 * length_s && t < 0.76 * length_s);
}

static void fill_states(v2s_report_state *states, const v2s_point *points, size_t count,
                        double length_s) {
    for (size_t i = 0; i < count; i++) {
        bool lost = is_lost(points[i].time_s, length_s);
        bool was_lost = i > 0 && is_lost(points[i - 1].time_s, length_s);
        states[i].time_s = points[i].time_s;
        states[i].state = lost ? V2S_HELD : was_lost ? V2S_REDETECTED : V2S_TRACKED;
        states[i].confidence = lost ? 0.15 : points[i].confidence;
    }
}

// First-order maps of both objects, the first one louder.
static void fill_map(float *map, const v2s_trajectory *objects, double time_s) {
    v2s_vec3 a = v2s_trajectory_at(&objects[0], time_s, NULL).unit;
    v2s_vec3 b = v2s_trajectory_at(&objects[1], time_s, NULL).unit;
    for (int row = 0; row < V2S_ENERGY_MAP_ROWS; row++) {
        for (int col = 0; col < V2S_ENERGY_MAP_COLS; col++) {
            v2s_vec3 u = unit_of(178.0 - 2.0 * col, 88.0 - 2.0 * row);
            double va = 1.0 + v2s_dot(u, a), vb = 0.4 * (1.0 + v2s_dot(u, b));
            map[row * V2S_ENERGY_MAP_COLS + col] = (float)sqrt(va * va + vb * vb);
        }
    }
}

static void put_u32(unsigned char *p, unsigned value) {
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(value >> 8 * i);
}

// 16-bit stereo WAV of a tone panned by the first object's azimuth.
static unsigned char *make_sound(const v2s_trajectory *t, double length_s, size_t *size) {
    size_t frames = (size_t)(length_s * RATE_HZ), cursor = 0;
    *size = 44 + 4 * frames;
    unsigned char *wav = calloc(*size, 1);
    if (!wav)
        return NULL;
    memcpy(wav, "RIFF....WAVEfmt ", 16);
    memcpy(wav + 36, "data", 4);
    put_u32(wav + 4, (unsigned)(*size - 8));
    put_u32(wav + 16, 16);
    put_u32(wav + 20, 2 << 16 | 1);
    put_u32(wav + 24, RATE_HZ);
    put_u32(wav + 28, RATE_HZ * 4);
    put_u32(wav + 32, 16 << 16 | 4);
    put_u32(wav + 40, (unsigned)(4 * frames));
    for (size_t i = 0; i < frames; i++) {
        double time_s = (double)i / RATE_HZ, y = v2s_trajectory_at(t, time_s, &cursor).unit.y;
        double tone =
            6000.0 * sin(2.0 * V2S_PI * 330.0 * time_s) * (0.6 + 0.4 * sin(20.0 * time_s));
        short left = (short)(tone * (1.0 + y) / 2.0), right = (short)(tone * (1.0 - y) / 2.0);
        put_u32(wav + 44 + 4 * i, (unsigned)(unsigned short)right << 16 | (unsigned short)left);
    }
    return wav;
}

static unsigned char *read_file(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    long length = ftell(f);
    rewind(f);
    unsigned char *bytes = length > 0 ? malloc((size_t)length) : NULL;
    *size = bytes ? fread(bytes, 1, (size_t)length, f) : 0;
    fclose(f);
    return bytes;
}

static const v2s_report_row rows[] = {
    {"video", "1280x720, 25 pictures a second, 250 pictures"},
    {"tracked", "92.8 % of the pictures, held 7.2 %, found again 2 times"},
    {"mean confidence", "0.78"},
    {"field of view", "60.0 deg (assumed: no option, no metadata)"},
    {"distance", "1.10 .. 3.75 m"},
    {"azimuth", "+30 .. +390 deg (passes behind)"},
    {"layout", "AmbiX (ACN, SN3D), first order, 4 channels, 48000 Hz"},
    {"level", "peak -6.2 dBFS, -23.4 LUFS, gain applied 0.0 dB"},
    {"refiner", "none: no file was given, geometric path"},
    {"time", "1.4 s for 10.0 s of sound (7.1 times real time)"},
};

static const char *const warnings[] = {
    "walk & talk <1>.mp4: no field of view in the metadata; 60 degrees assumed, use --fov",
    "singer: lost for 0.88 s from 3.12 s on, the last place was held",
};

// Everything of the report that depends on its length; points and states are calloc'd.
static bool make_objects(v2s_trajectory *objects, v2s_report_object *shown, double length_s) {
    size_t count = (size_t)(length_s * PICTURES_PER_S) + 1;
    v2s_report_state *states = calloc(2 * count, sizeof *states);
    for (int k = 0; k < 2; k++) {
        objects[k].count = count;
        objects[k].points = calloc(count, sizeof(v2s_point));
        shown[k] = (v2s_report_object){&objects[k], states + (k ? count : 0), count};
    }
    if (!states || !objects[0].points || !objects[1].points)
        return false;
    for (size_t i = 0; i < count; i++) {
        fill_walker(&objects[0].points[i], (double)i / PICTURES_PER_S, length_s);
        fill_swinger(&objects[1].points[i], (double)i / PICTURES_PER_S);
    }
    fill_states(states, objects[0].points, count, 100.0 * length_s);
    fill_states(states + count, objects[1].points, count, length_s);
    return true;
}

int main(int argc, char **argv) {
    static float maps[MAPS][V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS];
    v2s_trajectory objects[2] = {{.name = "walker"}, {.name = "singer <b>&"}};
    v2s_report_object shown_objects[2];
    v2s_report_map shown_maps[MAPS];
    v2s_report_frame frames[MAX_FRAMES];
    v2s_report report = {
        .title = "walk & talk <1>.mp4",
        .command = "v2s-infer render 'walk & talk <1>.mp4' -o out.wav --report report.html",
        .version = V2S_VERSION,
        .rows = rows,
        .row_count = sizeof rows / sizeof *rows,
        .warnings = warnings,
        .warning_count = sizeof warnings / sizeof *warnings,
        .frames = frames,
        .objects = shown_objects,
        .object_count = 2,
        .maps = shown_maps,
        .map_count = MAPS,
    };
    double length_s = argc > 2 ? atof(argv[2]) : 10.0;
    if (argc < 2 || !(length_s > 0.0) || !make_objects(objects, shown_objects, length_s))
        return 2;
    for (int i = 3; i < argc && report.frame_count < MAX_FRAMES; i++) {
        v2s_report_frame *f = &frames[report.frame_count++];
        f->jpeg = read_file(argv[i], &f->jpeg_size);
        f->time_s = length_s * (i - 3) / fmax(argc - 4, 1);
    }
    for (int i = 0; i < MAPS; i++) {
        shown_maps[i] = (v2s_report_map){(i + 0.5) * length_s / MAPS, 1.0, maps[i]};
        fill_map(maps[i], objects, shown_maps[i].time_s);
    }
    size_t size = 0;
    unsigned char *sound = make_sound(&objects[0], length_s, &size);
    v2s_report_player players[2] = {
        {"Binaural preview (headphones)", "audio/wav", NULL, sound, size},
        {"Original sound", "audio/wav", "first 600 s of 3600 s", sound, size}};
    report.players = players;
    report.player_count = 2;
    if (v2s_report_write(argv[1], &report) == V2S_OK)
        return 0; // the end of the process frees
    fprintf(stderr, "%s\n", v2s_error_text());
    return 1;
}
