// SPDX-License-Identifier: MIT
// v2s-infer: chooses the subcommand, prints its error, maps it to an exit code.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data/media.h"
#include "infer/settings.h"
#include "kernels/base/cancel.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

static const v2s_command *const commands[] = {&v2s_render_command, &v2s_track_command,
                                              &v2s_compare_command, &v2s_info_command};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *to) {
    fprintf(to, "Usage: v2s-infer COMMAND [options]\n\n"
                "Spatial sound that follows an object in a video.\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\nv2s-infer COMMAND --help tells more; v2s-infer --version.\n");
}

// The first interruption asks for an orderly end (temporary files are removed); the second one,
// with the handler gone, ends the process.
static void on_signal(int number) {
    v2s_cancel_request();
    signal(number, SIG_DFL);
}

// What was printed has arrived, or this is a failure (a full disk behind `>`).
static v2s_status flush_output(void) {
    if (fflush(stdout) != 0 || ferror(stdout))
        return V2S_FAIL(V2S_IO, "standard output: cannot write");
    return V2S_OK;
}

static int exit_code(v2s_status status) {
    switch (status) {
    case V2S_OK:
        return EXIT_DONE;
    case V2S_USAGE:
        return EXIT_USAGE;
    case V2S_CANCELLED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_FAILED;
    }
}

static int run_command(const v2s_command *command, int argc, char **argv) {
    v2s_settings settings = {0};
    v2s_status status = v2s_options_parse(command, argc - 2, argv + 2, &settings);
    if (status == V2S_OK && settings.help) {
        v2s_options_help(command, stdout);
        status = flush_output();
    } else if (status == V2S_OK) {
        status = command->run(&settings, argc, argv);
    }
    if (status != V2S_OK)
        fprintf(stderr, "v2s-infer %s: %s\n", command->name, v2s_error_text());
    if (status == V2S_USAGE)
        fprintf(stderr, "v2s-infer %s --help tells more.\n", command->name);
    v2s_options_free(command, &settings);
    return exit_code(status);
}

// Where a standard stream is closed, the next file to be opened would take its number, and warnings
// would be written into a sound. Read-only, so that what is printed still fails.
static void hold_standard_streams(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv) {
    hold_standard_streams();
    // Without SA_RESTART: a call that waits (for the reader of a pipe) ends at a signal.
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    v2s_media_quiet();
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return exit_code(flush_output());
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("v2s-infer %s\n", V2S_VERSION);
        return exit_code(flush_output());
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return run_command(commands[i], argc, argv);
    fprintf(stderr, "v2s-infer: unknown command '%s'\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}
