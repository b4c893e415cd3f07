// SPDX-License-Identifier: MIT
// The command line of a run as one text.
#ifndef V2S_INFER_QUOTE_H
#define V2S_INFER_QUOTE_H

// Quoted so that it can be pasted into a shell; malloc'ed, NULL without memory.
char *v2s_quote_command(int argc, char **argv);

#endif
