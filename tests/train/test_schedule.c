// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>

#include "train/schedule.h"

// torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10, eta_min=1e-4) from 1e-3, torch 2:
// get_last_lr() before every step.
Test(schedule, cosine_equals_pytorch) {
    static const double torch_rates[] = {1e-3,
                                         0.0009779754323328191,
                                         0.0009140576474687263,
                                         0.0008145033635316129,
                                         0.0006890576474687264,
                                         0.00055,
                                         0.00041094235253127365,
                                         0.0002854966364683871,
                                         0.00018594235253127366,
                                         0.00012202456766718093,
                                         0.0001};
    v2s_schedule s = {.kind = V2S_SCHEDULE_COSINE, .rate = 1e-3, .total_steps = 10, .floor = 0.1};
    for (int i = 0; i <= 10; i++)
        cr_assert_float_eq(v2s_schedule_rate(&s, i), torch_rates[i], 1e-15, "step %d", i);
    cr_assert_float_eq(v2s_schedule_rate(&s, 1000), 1e-4, 1e-18);
}

Test(schedule, warm_up_rises_in_equal_steps_to_the_rate) {
    for (int kind = V2S_SCHEDULE_COSINE; kind <= V2S_SCHEDULE_CONSTANT; kind++) {
        v2s_schedule s = {.kind = (v2s_schedule_kind)kind,
                          .rate = 5.0,
                          .total_steps = 100,
                          .warmup_steps = 4,
                          .every_steps = 10,
                          .factor = 0.5};
        for (int i = 0; i < 5; i++)
            cr_assert_float_eq(v2s_schedule_rate(&s, i), i + 1.0, 1e-15);
    }
}

Test(schedule, steps_fall_by_the_factor) {
    v2s_schedule s = {.kind = V2S_SCHEDULE_STEP,
                      .rate = 2.0,
                      .warmup_steps = 3,
                      .every_steps = 10,
                      .factor = 0.5};
    cr_assert_eq(v2s_schedule_rate(&s, 12), 2.0);
    cr_assert_eq(v2s_schedule_rate(&s, 13), 1.0);
    cr_assert_eq(v2s_schedule_rate(&s, 22), 1.0);
    cr_assert_eq(v2s_schedule_rate(&s, 23), 0.5);
}

Test(schedule, constant_stays) {
    v2s_schedule s = {.kind = V2S_SCHEDULE_CONSTANT, .rate = 0.3};
    cr_assert_eq(v2s_schedule_rate(&s, 0), 0.3);
    cr_assert_eq(v2s_schedule_rate(&s, 123456789), 0.3);
}

Test(schedule, a_warm_up_longer_than_the_run_is_no_division_by_zero) {
    v2s_schedule s = {.kind = V2S_SCHEDULE_COSINE,
                      .rate = 1.0,
                      .total_steps = 5,
                      .warmup_steps = 5,
                      .floor = 0.25};
    cr_assert_eq(v2s_schedule_rate(&s, 5), 0.25);
    cr_assert_float_eq(v2s_schedule_rate(&s, 4), 5.0 / 6.0, 1e-15);
}
