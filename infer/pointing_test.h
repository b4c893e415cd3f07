// SPDX-License-Identifier: MIT
// A pointing test: listeners say where a sound comes from.
//
//   FOLDER/index.html            the whole test in one page that loads nothing: play, point (a dial
//                                for azimuth, a slider for elevation, or numbers, all of them with
//                                the keyboard), at the end a CSV to save
//   FOLDER/stimuli/NN.wav        the same sounds, 48 kHz, 24 bits (in the page: 16 bits)
//   FOLDER/stimuli.csv           what each of them is, its true direction, and its clip
//   FOLDER/README.txt
//
// The page's CSV, which `compare --pointing-results` reads (infer/pointing_results.h):
//   assessor,trial,condition,target_az_deg,target_el_deg,answer_az_deg,answer_el_deg,stimulus,place
// trial is the clip, place when it was heard; conditions are reference (the truth), refined (with a
// refiner) and geometric.
//
// Clips are drawn as for a listening test (infer/listening_test.h), stimuli are those of
// infer/pointing_stimuli.h, numbered in an order drawn by the seed, so that a number says nothing
// about its system; the page shuffles them again for every session, by the seed and the session's
// name. One gain over all files brings the largest sample to at most -1 dBFS. Same clips, same
// seed: same bytes.
#ifndef V2S_INFER_POINTING_TEST_H
#define V2S_INFER_POINTING_TEST_H

#include "infer/compare.h"

// Of `clips` clips or as many as can be used; errors as of v2s_listening_test_write.
V2S_MUST_USE v2s_status v2s_pointing_test_write(const char *folder, size_t clips,
                                                const v2s_comparison *comparison,
                                                const v2s_comparison_run *run);

#endif
