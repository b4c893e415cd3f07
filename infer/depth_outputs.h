// SPDX-License-Identifier: MIT
// The files that a depth run writes for its sounds, each complete or not at all.
//
// For one sound an option names the file; for a folder it names a folder, made if it is not there,
// with NAME.npy or NAME.png of every sound in it (-o: both).
#ifndef V2S_INFER_DEPTH_OUTPUTS_H
#define V2S_INFER_DEPTH_OUTPUTS_H

#include "infer/depth_source.h"
#include "infer/settings.h"

// USAGE: outputs that this kind of input does not have, or with another suffix.
V2S_MUST_USE v2s_status v2s_depth_outputs_usage(const v2s_settings *settings,
                                                v2s_depth_source_kind kind);

// Everything that will be written can be: USAGE where two outputs, or an output and something that
// is read, are one file; IO for a place that cannot take it.
V2S_MUST_USE v2s_status v2s_depth_outputs_preflight(const v2s_settings *settings,
                                                    const v2s_depth_source *source);

// Writes what is asked for of one sound: x [2,size,size] as the network saw it, depth [size,size].
V2S_MUST_USE v2s_status v2s_depth_outputs_write(const v2s_settings *settings,
                                                v2s_depth_source_kind kind,
                                                const v2s_depth_sample *sample, int size,
                                                const float *x, const float *depth);

// mm of a predicted depth in a 16-bit picture: 1 .. 65535, for 0 is "not valid".
uint16_t v2s_depth_millimetres(float depth_m);

// Makes a folder that may be there already. IO.
V2S_MUST_USE v2s_status v2s_depth_make_folder(const char *path);

// Bytes under `path`, complete or not at all.
V2S_MUST_USE v2s_status v2s_depth_write_bytes(const char *path, const unsigned char *bytes,
                                              size_t size);

#endif
