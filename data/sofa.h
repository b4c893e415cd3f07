// SPDX-License-Identifier: MIT
// Head-related impulse responses from a SOFA file (AES69, convention SimpleFreeFieldHRIR), by
// libmysofa.
//
// The file is read at its own rate, without libmysofa's resampling (slow) and loudness
// normalisation. Positions may be spherical (degrees, azimuth counter-clockwise, elevation, m) or
// cartesian (x front, y left, z up: our axes). Data.Delay (samples, may be fractional) is applied
// to the responses, which grow by as much.
#ifndef V2S_DATA_SOFA_H
#define V2S_DATA_SOFA_H

#include "kernels/base/status.h"
#include "spatial/hrtf.h"

// The file that Debian's libmysofa1 ships; used for `path` NULL.
#define V2S_SOFA_DEFAULT "/usr/share/libmysofa/MIT_KEMAR_normal_pinna.sofa"

// Fills *hrtf, which is the caller's (v2s_hrtf_free). IO: cannot be opened; FORMAT: not SOFA, not
// HRIRs of two ears, sizes that do not fit, delays or rates out of range; NUMERIC: values that are
// not finite; NOMEM. One sentence each; *hrtf is untouched on failure.
V2S_MUST_USE v2s_status v2s_sofa_read(const char *path, v2s_hrtf *hrtf);

#endif
