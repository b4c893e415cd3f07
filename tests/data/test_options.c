// SPDX-License-Identifier: MIT
#include "data/options.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct config {
    bool loud;
    int64_t order;
    double rate_hz;
    const char *output;
    int format;
    v2s_text_list boxes, inputs;
} config;

static const v2s_option rows[] = {
    {"loud", 'l', V2S_OPTION_FLAG, NULL, NULL, 0, 0, "a flag", offsetof(config, loud)},
    {"order", 0, V2S_OPTION_INT, "N", "1", 1, 7, "a whole number", offsetof(config, order)},
    {"rate", 0, V2S_OPTION_NUMBER, "HZ", NULL, 0, 0, "a number", offsetof(config, rate_hz)},
    {"output", 'o', V2S_OPTION_TEXT, "FILE", NULL, 0, 0, "a text", offsetof(config, output)},
    {"format", 0, V2S_OPTION_CHOICE, "float|s16|s24", "s16", 0, 0, "a choice",
     offsetof(config, format)},
    {"box", 'b', V2S_OPTION_LIST, "BOX", NULL, 0, 0, "a list", offsetof(config, boxes)},
    {NULL, 0, V2S_OPTION_FLAG, NULL, NULL, 0, 0, NULL, 0},
};
static const v2s_option_group groups[] = {{"Things", rows}, {NULL, NULL}};
static const char *const examples[] = {"tool do this", "tool do that", NULL};
static const v2s_command command = {"tool",     "do",     "[INPUT] [options]",
                                    "Does it.", groups,   offsetof(config, inputs),
                                    2,          examples, NULL};

// Words end with NULL.
static v2s_status parse(config *c, const char *const *words) {
    char *argv[32];
    int argc = 0;
    for (; words[argc] != NULL; argc++)
        argv[argc] = (char *)words[argc];
    *c = (config){0};
    return v2s_options_parse(&command, argc, argv, c);
}
#define PARSE(c, ...) parse(c, (const char *const[]){__VA_ARGS__, NULL})

Test(options, defaults_are_parsed_like_given_values) {
    config c;
    cr_assert(parse(&c, (const char *const[]){NULL}) == V2S_OK);
    cr_expect(!c.loud && c.order == 1 && c.rate_hz == 0 && c.output == NULL && c.format == 1);
    cr_expect(c.boxes.count == 0 && c.inputs.count == 0);
    v2s_options_free(&command, &c);
}

Test(options, every_form_of_a_value) {
    config c;
    cr_assert(PARSE(&c, "a", "--order", "3", "--rate=44100.5", "-o", "x.wav", "-b", "1", "--box=2",
                    "--box", "-3", "-l", "--format", "s24", "b") == V2S_OK,
              "%s", v2s_error_text());
    cr_expect(c.loud && c.order == 3 && c.rate_hz == 44100.5 && c.format == 2);
    cr_expect(strcmp(c.output, "x.wav") == 0);
    cr_assert(c.boxes.count == 3 && c.inputs.count == 2);
    cr_expect(strcmp(c.boxes.items[0], "1") == 0 && strcmp(c.boxes.items[2], "-3") == 0);
    cr_expect(strcmp(c.inputs.items[1], "b") == 0);
    v2s_options_free(&command, &c);
    cr_expect(c.boxes.items == NULL && c.inputs.items == NULL);
}

Test(options, two_dashes_end_the_options_and_one_is_an_input) {
    config c;
    cr_assert(PARSE(&c, "-", "--", "--loud") == V2S_OK);
    cr_expect(!c.loud && c.inputs.count == 2 && strcmp(c.inputs.items[1], "--loud") == 0);
    v2s_options_free(&command, &c);
}

Test(options, the_last_of_two_values_counts) {
    config c;
    cr_assert(PARSE(&c, "--order", "2", "--order", "5") == V2S_OK && c.order == 5);
    v2s_options_free(&command, &c);
}

Test(options, wrong_words_are_named) {
    static const struct {
        const char *words[4];
        const char *part;
    } cases[] = {
        {{"--ordre", "3"}, "unknown option '--ordre'; did you mean --order?"},
        {{"--qqqqqqqq"}, "unknown option '--qqqqqqqq'"},
        {{"-x"}, "unknown option '-x'"},
        {{"-ox.wav"}, "unknown option '-ox.wav'"},
        {{"--order"}, "--order needs a value: N"},
        {{"--order", "x"}, "--order: 'x' is not a whole number"},
        {{"--order", "2.5"}, "not a whole number"},
        {{"--order", "99999999999999999999"}, "not a whole number"},
        {{"--order", "0"}, "--order: 0 is outside 1 .. 7"},
        {{"--order", "8"}, "--order: 8 is outside 1 .. 7"},
        {{"--rate", "nan"}, "--rate: 'nan' is not a number"},
        {{"--rate", "inf"}, "not a number"},
        {{"--rate", "1e999"}, "not a number"},
        {{"--rate", "0x10"}, "not a number"},
        {{"--rate", "5Hz"}, "not a number"},
        {{"--rate", " 5"}, "not a number"},
        {{"--rate="}, "not a number"},
        {{"--output="}, "--output: the value is empty"},
        {{"--format", "s1"}, "--format: 's1' is not one of float|s16|s24"},
        {{"--format", "float|s16"}, "is not one of"},
        {{"--loud=1"}, "--loud takes no value"},
        {{"a", "b", "c"}, "unexpected argument 'c'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        config c;
        cr_expect(parse(&c, cases[i].words) == V2S_USAGE, "case %zu is taken", i);
        cr_expect(strstr(v2s_error_text(), cases[i].part) != NULL, "case %zu: %s", i,
                  v2s_error_text());
        v2s_options_free(&command, &c);
    }
}

Test(options, help_shows_every_row_with_its_default_and_range) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    cr_assert(to != NULL);
    v2s_options_help(&command, to);
    fclose(to);
    static const char *const parts[] = {"Usage: tool do [INPUT] [options]\n",
                                        "Does it.",
                                        "Things:",
                                        "-l, --loud",
                                        "--order N",
                                        "[1] (1 .. 7)",
                                        "-o, --output FILE",
                                        "--format float|s16|s24",
                                        "[s16]",
                                        "tool do that"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        cr_expect(strstr(text, parts[i]) != NULL, "'%s' is not in\n%s", parts[i], text);
    free(text);
}

Test(options, numbers_are_strict) {
    double x = 7;
    int64_t n = 7;
    cr_expect(v2s_parse_number("-1.5e3", &x) && x == -1500);
    cr_expect(v2s_parse_int("-9223372036854775808", &n) && n == INT64_MIN);
    x = 7;
    n = 7;
    static const char *const wrong[] = {"", " ", "1 ", "1,5", "1.2.3", "--1", "e5", "0x1", "one"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect(!v2s_parse_number(wrong[i], &x) && !v2s_parse_int(wrong[i], &n) && x == 7 &&
                      n == 7,
                  "'%s' is a number", wrong[i]);
}

Test(options, what_was_given_is_told_from_defaults) {
    char *argv[] = {"a", "--order=1", "-o", "--rate", "-l", "--", "--box"};
    cr_expect(v2s_options_given(&command, 7, argv, "order"));
    cr_expect(v2s_options_given(&command, 7, argv, "output"));
    cr_expect(v2s_options_given(&command, 7, argv, "loud"));
    cr_expect_not(v2s_options_given(&command, 7, argv, "rate"), "it is the value of -o");
    cr_expect_not(v2s_options_given(&command, 7, argv, "box"), "options have ended");
    cr_expect_not(v2s_options_given(&command, 7, argv, "format"));
}
