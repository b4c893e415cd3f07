// SPDX-License-Identifier: MIT
// Axes, angles and channel order: the one place that fixes them.
//
// Axes      x front, y left, z up; metres. Radians inside, degrees in files and options.
// Azimuth   counter-clockwise seen from above: front 0, left +pi/2. Elevation: up +pi/2.
// Vector    u = (cos az cos el, sin az cos el, sin el)
// FOA       AmbiX: ACN order W,Y,Z,X; SN3D: W = 1, Y = u.y, Z = u.z, X = u.x
//           (Nachbar, Zotter, Deleflie, Sontacchi, "AmbiX - A Suggested Ambisonics Format", 2011).
// Camera    picture u right, v down, depth forward; the optical axis is the x axis here.
#ifndef V2S_SPATIAL_CONVENTIONS_H
#define V2S_SPATIAL_CONVENTIONS_H

#include <math.h>

#include "kernels/base/vec3.h" // here: x front, y left, z up

#define V2S_PI 3.14159265358979323846

enum {
    V2S_ACN_W = 0,
    V2S_ACN_Y = 1,
    V2S_ACN_Z = 2,
    V2S_ACN_X = 3,
    V2S_FOA_CHANNELS = 4,
    V2S_MAX_ORDER = 7,
    V2S_MAX_CHANNELS = (V2S_MAX_ORDER + 1) * (V2S_MAX_ORDER + 1),
};

#define V2S_SPEED_OF_SOUND_M_S 343.0

static inline double v2s_rad(double deg) {
    return deg * (V2S_PI / 180.0);
}

static inline double v2s_deg(double rad) {
    return rad * (180.0 / V2S_PI);
}

// Number of channels of ambisonic order n.
static inline int v2s_channels_of_order(int order) {
    return (order + 1) * (order + 1);
}

static inline v2s_vec3 v2s_unit_from_angles(double az_rad, double el_rad) {
    v2s_vec3 u = {cos(az_rad) * cos(el_rad), sin(az_rad) * cos(el_rad), sin(el_rad)};
    return u;
}

static inline double v2s_azimuth_rad(v2s_vec3 p) {
    return atan2(p.y, p.x);
}

static inline double v2s_elevation_rad(v2s_vec3 p) {
    return atan2(p.z, hypot(p.x, p.y));
}

// Angle between two directions, any lengths but zero; accurate for small angles too (atan2 form).
static inline double v2s_angle_between_rad(v2s_vec3 a, v2s_vec3 b) {
    v2s_vec3 c = {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
    return atan2(v2s_norm(c), v2s_dot(a, b));
}

#endif
