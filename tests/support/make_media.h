// SPDX-License-Identifier: MIT
// Makes small media files for tests through the FFmpeg libraries and libsndfile.
//
// Pictures show a textured square on a known path over a smooth background: every pixel of every
// frame is a known number (v2s_test_luma), so that tests can compare what a lossless codec gives
// back with what went in.
#ifndef V2S_TESTS_SUPPORT_MAKE_MEDIA_H
#define V2S_TESTS_SUPPORT_MAKE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spatial/picture.h"

typedef struct v2s_test_video {
    int width, height;     // 0: no video stream
    const char *codec;     // NULL: "libx264"; lossless if it is, and libx264rgb
    const char *pixels;    // pixel format name, NULL: "yuv420p"
    int frames;            // pictures
    double fps_hz;         // 0: 25
    const double *times_s; // [frames], NULL: i / fps_hz
    bool full_range;
    int rotation_deg;        // display matrix: counter-clockwise, after ...
    bool mirrored;           // ... a mirror image left to right
    bool cover;              // the picture is the cover of a sound file
    const char *key, *value; // one entry of metadata, may be NULL
    const float *sound;      // [sound_frames][sound_channels]; NULL: no sound stream
    size_t sound_frames;
    int sound_channels, sound_rate_hz;
    const char *sound_codec; // NULL: "pcm_f32le"
    bool sound_discrete;     // Opus: channels on their own (mapping family 255), more bits
    double sound_start_s;
    size_t gap_at; // from this sample on (a multiple of 1024) ...
    double gap_s;  // ... sound is this much later
} v2s_test_video;

// Writes the file; the suffix names the container. Aborts the test on failure.
void v2s_test_make_video(const char *path, const v2s_test_video *video);

// Luma (as stored) of a picture, and where the square's top left corner is.
int v2s_test_luma(const v2s_test_video *video, int frame, int x, int y);
v2s_box v2s_test_square(const v2s_test_video *video, int frame);

// A WAV file with these float samples [frames][channels].
void v2s_test_make_wav(const char *path, const float *samples, size_t frames, int channels,
                       int rate_hz);

// A fresh folder under /tmp for this test process; removed with all files in it by
// v2s_test_folder_remove. The string is static per process.
const char *v2s_test_folder(void);
const char *v2s_test_path(const char *name); // in that folder; valid for the next 8 calls
void v2s_test_folder_remove(void);

// Bytes of a file (malloc), and the reverse.
unsigned char *v2s_test_read_file(const char *path, size_t *size);
void v2s_test_write_file(const char *path, const void *data, size_t size);
void v2s_test_write_text(const char *name, const char *text); // in the test's folder

// Number of directory entries whose name contains `part`.
int v2s_test_count_files(const char *folder, const char *part);

#endif
