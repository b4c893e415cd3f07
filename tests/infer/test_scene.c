// SPDX-License-Identifier: MIT
#include "infer/scene.h"

#include <criterion/criterion.h>
#include <string.h>

enum { WORDS = 8 };

typedef struct words {
    const char *boxes[WORDS], *objects[WORDS]; // end with NULL
} words;

static v2s_status scene_of(const words *w, v2s_scene *scene) {
    static const char *boxes[WORDS], *objects[WORDS];
    v2s_settings settings = {.distance_m = 2};
    memcpy(boxes, w->boxes, sizeof boxes);
    memcpy(objects, w->objects, sizeof objects);
    settings.boxes.items = boxes;
    settings.objects.items = objects;
    while (boxes[settings.boxes.count] != NULL)
        settings.boxes.count++;
    while (objects[settings.objects.count] != NULL)
        settings.objects.count++;
    return v2s_scene_from_settings(&settings, scene);
}

Test(scene, boxes_become_numbered_objects) {
    v2s_scene scene = {0};
    cr_assert(scene_of(&(words){{"1,2,3,4", "-5.5,0,1e2,0.5@1.25"}, {NULL}}, &scene) == V2S_OK);
    cr_assert(scene.count == 2);
    const v2s_scene_object *a = v2s_scene_find(&scene, "1"), *b = v2s_scene_find(&scene, "2");
    cr_assert(a == &scene.objects[0] && b == &scene.objects[1]);
    cr_expect(a->has_box && a->box.x == 1 && a->box.y == 2 && a->box.w == 3 && a->box.h == 4);
    cr_expect(a->start_s == 0 && a->distance_m == 2 && a->sound == NULL);
    cr_expect(b->box.x == -5.5 && b->box.w == 100 && b->box.h == 0.5 && b->start_s == 1.25);
    cr_expect(v2s_scene_find(&scene, "3") == NULL);
    v2s_scene_free(&scene);
    cr_expect(scene.count == 0 && scene.objects == NULL);
}

Test(scene, objects_have_their_own_fields_in_any_order) {
    v2s_scene scene = {0};
    cr_assert(scene_of(&(words){{"9,9,9,9", NULL},
                                {"sound=a=b c.wav;name=bird;distance=0.75;box=1,2,3,4@5",
                                 "box=5,6,7,8", NULL}},
                       &scene) == V2S_OK,
              "%s", v2s_error_text());
    cr_assert(scene.count == 3);
    const v2s_scene_object *bird = v2s_scene_find(&scene, "bird");
    cr_assert(bird == &scene.objects[1]);
    cr_expect(strcmp(bird->sound, "a=b c.wav") == 0 && bird->distance_m == 0.75 &&
              bird->start_s == 5 && bird->box.h == 4);
    cr_expect(v2s_scene_find(&scene, "3") == &scene.objects[2]);
    cr_expect(scene.objects[2].distance_m == 2);
    v2s_scene_free(&scene);
}

Test(scene, nothing_is_no_error) {
    v2s_scene scene = {0};
    cr_assert(scene_of(&(words){{NULL}, {NULL}}, &scene) == V2S_OK && scene.count == 0);
    v2s_scene_free(&scene);
}

Test(scene, added_objects_are_found) {
    v2s_scene scene = {0};
    size_t index = 9;
    cr_assert(v2s_scene_add(&scene, "7", 3, &index) == V2S_OK && index == 0);
    cr_assert(v2s_scene_add(&scene, "8", 4, &index) == V2S_OK && index == 1);
    cr_expect(v2s_scene_find(&scene, "8")->distance_m == 4 && !scene.objects[0].has_box);
    v2s_scene_free(&scene);
}

static const char long_name[] = "name=0123456789012345678901234567890123456789012345678901234567890"
                                "123456789";

Test(scene, wrong_words_are_named) {
    static const struct {
        words w;
        const char *part;
    } cases[] = {
        {{{"1,2,3"}, {NULL}}, "--box: '1,2,3'"},
        {{{"1,2,3,4,5"}, {NULL}}, "--box: '1,2,3,4,5'"},
        {{{"1,2,x,4"}, {NULL}}, "--box"},
        {{{"1,2,nan,4"}, {NULL}}, "--box"},
        {{{"1,2,0,4"}, {NULL}}, "--box"},
        {{{"1,2,3,-4"}, {NULL}}, "--box"},
        {{{"1,2,3,4@"}, {NULL}}, "--box"},
        {{{"1,2,3,4@-1"}, {NULL}}, "--box"},
        {{{"1,2,3,4@1@2"}, {NULL}}, "--box"},
        {{{""}, {NULL}}, "--box"},
        {{{"1,,2,3,4"}, {NULL}}, "--box"},
        {{{",1,2,3,4"}, {NULL}}, "--box"},
        {{{"1,2,3,4,"}, {NULL}}, "--box"},
        {{{NULL}, {"box=1,2,3"}}, "box '1,2,3'"},
        {{{NULL}, {"distance=0"}}, "distance '0'"},
        {{{NULL}, {"distance=far"}}, "distance 'far'"},
        {{{NULL}, {"name="}}, "name ''"},
        {{{NULL}, {long_name}}, "1 to 63 characters"},
        {{{NULL}, {"box"}}, "'box' is not KEY=VALUE"},
        {{{NULL}, {"colour=red"}}, "unknown field 'colour'"},
        {{{NULL}, {"sound="}}, "sound"},
        {{{NULL}, {"name=a", "name=a"}}, "two objects are named 'a'"},
        {{{"1,2,3,4"}, {"name=1"}}, "two objects are named '1'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        v2s_scene scene = {0};
        v2s_status status = scene_of(&cases[i].w, &scene);
        cr_expect(status == V2S_USAGE, "case %zu is taken", i);
        cr_expect(strstr(v2s_error_text(), cases[i].part) != NULL, "case %zu: %s", i,
                  v2s_error_text());
        cr_expect(scene.objects == NULL);
        v2s_scene_free(&scene);
    }
}
