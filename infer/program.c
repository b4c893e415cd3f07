// SPDX-License-Identifier: MIT
#include "infer/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/media.h"
#include "kernels/base/cancel.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

static void print_usage(const v2s_program *program, FILE *to) {
    fprintf(to, "Usage: %s COMMAND [options]\n\n%s\n\nCommands:\n", program->name,
            program->summary);
    for (size_t i = 0; i < program->command_count; i++)
        fprintf(to, "  %-8s %s\n", program->commands[i].command->name,
                program->commands[i].command->summary);
    fprintf(to, "\n%s COMMAND --help tells more; %s --version.\n", program->name, program->name);
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

static v2s_status parse_and_run(const v2s_program_command *entry, int argc, char **argv,
                                void *config) {
    V2S_TRY(v2s_options_parse(entry->command, argc - 2, argv + 2, config));
    if (!*(const bool *)((const char *)config + entry->help_offset))
        return entry->command->run(config, argc, argv);
    v2s_options_help(entry->command, stdout);
    return flush_output();
}

static int run_command(const v2s_program *program, const v2s_program_command *entry, int argc,
                       char **argv) {
    const char *name = entry->command->name;
    void *config = calloc(1, entry->config_size);
    v2s_status status = config != NULL ? parse_and_run(entry, argc, argv, config)
                                       : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status != V2S_OK)
        fprintf(stderr, "%s %s: %s\n", program->name, name, v2s_error_text());
    if (status == V2S_USAGE)
        fprintf(stderr, "%s %s --help tells more.\n", program->name, name);
    if (config != NULL)
        v2s_options_free(entry->command, config);
    free(config);
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

int v2s_program_run(const v2s_program *program, int argc, char **argv) {
    hold_standard_streams();
    // Without SA_RESTART: a call that waits (for the reader of a pipe) ends at a signal.
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    v2s_media_quiet();
    if (argc < 2) {
        print_usage(program, stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(program, stdout);
        return exit_code(flush_output());
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("%s %s\n", program->name, V2S_VERSION);
        return exit_code(flush_output());
    }
    for (size_t i = 0; i < program->command_count; i++)
        if (strcmp(argv[1], program->commands[i].command->name) == 0)
            return run_command(program, &program->commands[i], argc, argv);
    fprintf(stderr, "%s: unknown command '%s'\n", program->name, argv[1]);
    print_usage(program, stderr);
    return EXIT_USAGE;
}
