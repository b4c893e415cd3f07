// SPDX-License-Identifier: MIT
// Event files for TensorBoard, written by hand: no protobuf library, no TensorFlow.
//
// A file is a sequence of TFRecords (tensorflow/core/lib/io/record_writer.h):
//
//   u64 little-endian  bytes of the data, N
//   u32                masked CRC-32C of those eight bytes
//   N bytes            data: one Event message
//   u32                masked CRC-32C of the data
//
//   masked(c) = ((c >> 15) | (c << 17)) + 0xa282ead8 (mod 2^32); CRC-32C is Castagnoli's
//   (RFC 3720, polynomial 0x1edc6f41, reflected 0x82f63b78).
//
// Messages (field number in brackets; tensorflow/core/util/event.proto, framework/summary.proto):
//
//   Event       wall_time [1] double, step [2] int64, file_version [3] "brain.Event:2" (first
//               record), summary [5] Summary, session_log [7] SessionLog
//   SessionLog  status [1] 1 = START: TensorBoard forgets what older files say from this step on,
//               so that steps which a killed run had written and a resumed run writes again are
//               shown once
//   Summary     value [1] repeated Value
//   Value       tag [1] string, simple_value [2] float, image [4] Image, tensor [8] TensorProto,
//               metadata [9] SummaryMetadata
//   Image       height [1], width [2], colorspace [3] (3: RGB), encoded_image_string [4] (a PNG)
//   TensorProto dtype [1] (7: string), tensor_shape [2] {dim [2] {size [1]}}, string_val [8]
//   SummaryMetadata  plugin_data [1] {plugin_name [1] "text"}
//
// Records are written whole, in one write each, to a file that grows: a killed run leaves at most
// one torn record at the end, which TensorBoard skips. The wall clock is in every record, so two
// runs never give the same bytes here. One thread at a time per writer.
#ifndef V2S_TRAIN_TENSORBOARD_H
#define V2S_TRAIN_TENSORBOARD_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_tensorboard v2s_tensorboard;

// Creates "<folder>/events.out.tfevents.<seconds>.<host>.<pid>"; `folder` exists. first_step is the
// first step that will be written: what older files of the folder say of it and later is void. IO.
V2S_MUST_USE v2s_status v2s_tensorboard_open(const char *folder, int64_t first_step,
                                             v2s_tensorboard **out);

// The first error is kept, and returned by later calls (IO, NOMEM).
V2S_MUST_USE v2s_status v2s_tensorboard_scalar(v2s_tensorboard *t, const char *tag, int64_t step,
                                               double value);
// Markdown.
V2S_MUST_USE v2s_status v2s_tensorboard_text(v2s_tensorboard *t, const char *tag, int64_t step,
                                             const char *text);
// A finished PNG of width x height.
V2S_MUST_USE v2s_status v2s_tensorboard_image(v2s_tensorboard *t, const char *tag, int64_t step,
                                              int width, int height, const void *png, size_t size);

void v2s_tensorboard_close(v2s_tensorboard **t);

// CRC-32C of `size` bytes.
uint32_t v2s_crc32c(const void *data, size_t size);

#endif
