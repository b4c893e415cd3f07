// SPDX-License-Identifier: MIT
// A listening test after ITU-R BS.1534 (MUSHRA) for webMUSHRA (github.com/audiolabs/webMUSHRA):
//
//   FOLDER/configs/listening_test.yaml                     the test: one page a clip
//   FOLDER/configs/resources/listening_test/trial_NN/*.wav reference and stimuli, 48 kHz, 24 bits
//   FOLDER/listening_test.json                             which clip is which, levels, seed
//   FOLDER/README.txt                                      how to run it
//
// Paths in the configuration are those of webMUSHRA's own folder, into which `configs` is copied.
// The hidden reference is the one that webMUSHRA adds; the anchors are files (createAnchor35 and
// createAnchor70 are false). Clips are drawn by the seed from those that were judged, over as many
// rooms as there are; webMUSHRA shuffles pages and stimuli for every listener. Same clips, same
// seed: same bytes.
//
// Levels      every stimulus has the loudness of its reference (0.05 LU, BS.1770); references are
//             V2S_STIMULUS_LUFS; then all files are lowered by one gain until the largest sample of
//             the package is at most -1 dBFS. Gains stand in the JSON.
// Length      one for all files: that of the longest clip, at most 10 s; others end in silence.
#ifndef V2S_INFER_LISTENING_TEST_H
#define V2S_INFER_LISTENING_TEST_H

#include "infer/compare.h"

// Of `clips` clips or as many as can be used; those that cannot are named in the log. The folder
// appears when all of it is there. IO: it is not empty, or cannot be written. FORMAT: no clip can
// be used. NOMEM.
V2S_MUST_USE v2s_status v2s_listening_test_write(const char *folder, size_t clips,
                                                 const v2s_comparison *comparison,
                                                 const v2s_comparison_run *run);

#endif
