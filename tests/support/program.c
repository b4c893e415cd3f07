// SPDX-License-Identifier: MIT
#include "tests/support/program.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <sndfile.h>

#include "tests/support/make_media.h"

enum { WORDS_MAX = 64 };

// ---- the program ------------------------------------------------------------------------------

static FILE *capture_file(void) {
    FILE *file = tmpfile();
    cr_assert(file != NULL);
    return file;
}

static char *captured(FILE *file) {
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(size + 1);
    cr_assert(text != NULL && fread(text, 1, size, file) == size);
    text[size] = '\0';
    fclose(file);
    return text;
}

// The program as it was built, or, where tests have travelled to another machine, the one of its
// name in the folder V2S_TEST_PROGRAMS.
static char *program_at(const char *built, char path[PATH_MAX]) {
    const char *folder = getenv("V2S_TEST_PROGRAMS");
    if (folder == NULL)
        return (char *)built;
    int length = snprintf(path, PATH_MAX, "%s%s", folder, strrchr(built, '/'));
    cr_assert(length > 0 && length < PATH_MAX);
    return path;
}

static pid_t start(const char *program, const char *const *words, int out, int err) {
    char path[PATH_MAX];
    char *argv[WORDS_MAX + 2] = {program_at(program, path)};
    for (int i = 0; words[i] != NULL; i++) {
        cr_assert(i < WORDS_MAX);
        argv[i + 1] = (char *)words[i];
    }
    const char *folder = v2s_test_folder(); // made here, not in the child
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        if (dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0 && chdir(folder) == 0)
            execv(argv[0], argv);
        _exit(127);
    }
    return child;
}

static int code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static v2s_test_run run_program(const char *program, const char *const *words) {
    FILE *out = capture_file(), *err = capture_file();
    pid_t child = start(program, words, fileno(out), fileno(err));
    int status = 0;
    struct rusage usage;
    cr_assert(wait4(child, &status, 0, &usage) == child);
    v2s_test_run run = {.peak_kib = usage.ru_maxrss, .out = captured(out), .err = captured(err)};
    run.code = code_of(status);
    cr_assert(run.code != 127, "%s does not start", program);
    return run;
}

static pid_t start_silent(const char *program, const char *const *words) {
    FILE *null = fopen("/dev/null", "r+");
    cr_assert(null != NULL);
    pid_t child = start(program, words, fileno(null), fileno(null));
    fclose(null);
    return child;
}

pid_t v2s_test_start_train(const char *const *words) {
    return start_silent(V2S_TRAIN_PROGRAM, words);
}

pid_t v2s_test_start_infer(const char *const *words) {
    return start_silent(V2S_INFER_PROGRAM, words);
}

int v2s_test_wait(pid_t child) {
    int status = 0;
    cr_assert(waitpid(child, &status, 0) == child);
    return code_of(status);
}

v2s_test_run v2s_test_run_program(const char *const *words) {
    return run_program(V2S_INFER_PROGRAM, words);
}

v2s_test_run v2s_test_run_train(const char *const *words) {
    return run_program(V2S_TRAIN_PROGRAM, words);
}

void v2s_test_run_free(v2s_test_run *run) {
    free(run->out);
    free(run->err);
    *run = (v2s_test_run){0};
}

void v2s_test_run_ok(const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_assert(run.code == 0, "exit code %d: %s", run.code, run.err);
    v2s_test_run_free(&run);
}

void v2s_test_run_refused(const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_assert(run.code == 1, "exit code %d: %s", run.code, run.err);
    cr_assert(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    const char *first = strstr(run.err, "v2s-infer ");
    cr_assert(first != NULL && strstr(first + 1, "\nv2s-infer ") == NULL, "one sentence: %s",
              run.err);
    v2s_test_run_free(&run);
}

// ---- sound ------------------------------------------------------------------------------------

v2s_test_sound v2s_test_sound_read(const char *path) {
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    cr_assert(file != NULL, "%s: %s", path, sf_strerror(NULL));
    v2s_test_sound sound = {info.samplerate, info.channels, info.format, (size_t)info.frames, NULL};
    sound.samples = calloc(sound.frames * (size_t)sound.channels + 1, sizeof(float));
    cr_assert(sound.samples != NULL);
    cr_assert(sf_readf_float(file, sound.samples, info.frames) == info.frames);
    sf_close(file);
    return sound;
}

void v2s_test_sound_free(v2s_test_sound *sound) {
    free(sound->samples);
    *sound = (v2s_test_sound){0};
}

static double product(const v2s_test_sound *s, int a, int b, size_t from, size_t to) {
    cr_assert(from < to && to <= s->frames, "frames %zu .. %zu of %zu", from, to, s->frames);
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        const float *frame = s->samples + i * (size_t)s->channels;
        sum += (double)frame[a] * (double)frame[b];
    }
    return sum;
}

double v2s_test_rms(const v2s_test_sound *sound, int c, size_t from, size_t to) {
    return sqrt(product(sound, c, c, from, to) / (double)(to - from));
}

double v2s_test_gain(const v2s_test_sound *sound, int a, int b, size_t from, size_t to) {
    return product(sound, a, b, from, to) / product(sound, a, a, from, to);
}

double v2s_test_difference(const v2s_test_sound *a, const v2s_test_sound *b) {
    cr_assert(a->frames == b->frames, "%zu and %zu frames", a->frames, b->frames);
    int channels = a->channels < b->channels ? a->channels : b->channels;
    double largest = 0;
    for (size_t i = 0; i < a->frames; i++)
        for (int c = 0; c < channels; c++) {
            double d = fabs((double)a->samples[i * (size_t)a->channels + (size_t)c] -
                            (double)b->samples[i * (size_t)b->channels + (size_t)c]);
            largest = d > largest || isnan(d) ? d : largest;
        }
    return largest;
}

// ---- text files -------------------------------------------------------------------------------

v2s_test_row *v2s_test_trajectory(const char *path, size_t *count) {
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL, "%s", path);
    char line[256];
    v2s_test_row *rows = NULL;
    *count = 0;
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        if (number <= 2) {
            const char *head = number == 1 ? "# v2s trajectory 1: az_deg counter-clockwise (left "
                                             "+), el_deg up +, dist_m\n"
                                           : "time_s,object,az_deg,el_deg,dist_m,confidence\n";
            cr_assert(strcmp(line, head) == 0, "line %d: %s", number, line);
            continue;
        }
        rows = realloc(rows, (*count + 1) * sizeof *rows);
        cr_assert(rows != NULL);
        v2s_test_row *r = &rows[(*count)++];
        int n = sscanf(line, "%lf,%31[^,],%lf,%lf,%lf,%lf", &r->time_s, r->object, &r->az_deg,
                       &r->el_deg, &r->dist_m, &r->confidence);
        cr_assert(n == 6, "line %d: %s", number, line);
    }
    fclose(file);
    return rows;
}

cJSON *v2s_test_json(const char *path) {
    size_t size;
    char *text = (char *)v2s_test_read_file(path, &size);
    text[size] = '\0';
    cJSON *json = cJSON_ParseWithOpts(text, NULL, 1);
    cr_assert(json != NULL, "%s is not JSON: %s", path, text);
    free(text);
    return json;
}

const cJSON *v2s_test_at(const cJSON *json, const char *path) {
    char copy[128], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", path);
    while (json != NULL && (word = strsep(&rest, ".")) != NULL)
        json = cJSON_GetObjectItemCaseSensitive(json, word);
    return json;
}

double v2s_test_number(const cJSON *json, const char *path) {
    const cJSON *item = v2s_test_at(json, path);
    cr_assert(cJSON_IsNumber(item), "%s is not a number", path);
    return item->valuedouble;
}
