// SPDX-License-Identifier: MIT
// What all readers and writers of pictures and sound share.
#ifndef V2S_DATA_MEDIA_H
#define V2S_DATA_MEDIA_H

// Silences the log of the FFmpeg libraries. The setting belongs to the whole process, so it is
// the program (main) that asks for it, not the readers; their errors come as v2s_status.
void v2s_media_quiet(void);

#endif
