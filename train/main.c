// SPDX-License-Identifier: MIT
// v2s-train: the program that will hold the training subcommands; this version has none.
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("v2s-train %s\n", V2S_VERSION);
        return 0;
    }
    fprintf(stderr, "Usage: v2s-train --version\n\n"
                    "This version has no training commands; it renders with weights trained "
                    "elsewhere (v2s-infer render --refiner FILE).\n");
    return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
}
