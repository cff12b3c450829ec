//===- Blocks.cpp - Numbers into quantised blocks -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/quantize/Blocks.h"
#include "lib/frontend/quantize/Numbers.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace narae;
using namespace narae::quantize;

static void putHalf(char *to, float value) {
  uint16_t bits = halfOf(value);
  std::memcpy(to, &bits, sizeof(bits));
}

static int clampRound(float value, int low, int high) {
  // Comparisons first: what is not finite has no integer.
  if (!(value > float(low)))
    return low;
  return value < float(high) ? int(std::nearbyint(value)) : high;
}

static float reciprocal(float value) { return value != 0 ? 1 / value : 0; }

static void q8_0(const float *x, char *to) {
  float largest = 0;
  for (int i = 0; i < 32; ++i)
    largest = std::max(largest, std::fabs(x[i]));
  float inverse = reciprocal(largest / 127);
  putHalf(to, largest / 127);
  for (int i = 0; i < 32; ++i)
    to[2 + i] = char(clampRound(x[i] * inverse, -127, 127));
}

static void q4_0(const float *x, char *to) {
  float largest = 0;
  for (int i = 0; i < 32; ++i)
    if (std::fabs(x[i]) > std::fabs(largest))
      largest = x[i];
  float scale = largest / -8, inverse = reciprocal(scale);
  putHalf(to, scale);
  for (int i = 0; i < 16; ++i)
    to[2 + i] = char(clampRound(x[i] * inverse + 8, 0, 15) |
                     clampRound(x[i + 16] * inverse + 8, 0, 15) << 4);
}

namespace {
/// x is about scale * q - minimum, with q from 0 to 15 and both not negative.
struct Affine {
  float scale = 0, minimum = 0;
};
} // namespace

/// The best of a few steps: for each, the q that it gives, and then scale and
/// minimum of least squares for those q.
static Affine fitAffine(const float *x) {
  float low = 0, high = x[0];
  for (int i = 0; i < 32; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  if (!(high > low))
    return {0, -low};
  Affine best{(high - low) / 15, -low};
  float bestError = -1;
  for (int step = -3; step <= 3; ++step) {
    float inverse = (15 + 0.25f * float(step)) / (high - low);
    float q1 = 0, q2 = 0, x1 = 0, xq = 0, q[32];
    for (int i = 0; i < 32; ++i) {
      q[i] = std::min(15.0f,
                      std::max(0.0f, std::nearbyint((x[i] - low) * inverse)));
      q1 += q[i];
      q2 += q[i] * q[i];
      x1 += x[i];
      xq += x[i] * q[i];
    }
    float determinant = 32 * q2 - q1 * q1;
    if (!(determinant > 0))
      continue;
    Affine fit{(32 * xq - x1 * q1) / determinant,
               (q1 * xq - q2 * x1) / determinant};
    if (fit.minimum < 0) // then none, and the scale alone
      fit = {q2 > 0 ? xq / q2 : 0, 0};
    if (!(fit.scale > 0))
      continue;
    float error = 0;
    for (int i = 0; i < 32; ++i) {
      float difference = fit.scale * q[i] - fit.minimum - x[i];
      error += difference * difference;
    }
    if (bestError < 0 || error < bestError) {
      bestError = error;
      best = fit;
    }
  }
  return best;
}

static void q4_k(const float *x, char *to) {
  Affine parts[8];
  float scale = 0, minimum = 0;
  for (int j = 0; j < 8; ++j) {
    parts[j] = fitAffine(x + 32 * j);
    scale = std::max(scale, parts[j].scale);
    minimum = std::max(minimum, parts[j].minimum);
  }
  putHalf(to, scale / 63);
  putHalf(to + 2, minimum / 63);
  float byScale = reciprocal(scale / 63), byMinimum = reciprocal(minimum / 63);
  // Numbers are rounded to what a reader will make of the scales.
  uint16_t stored[2];
  std::memcpy(stored, to, sizeof(stored));
  float unit = fromHalf(stored[0]), unitMinimum = fromHalf(stored[1]);
  uint8_t packed[12] = {}, q[256];
  for (int j = 0; j < 8; ++j) {
    int s = clampRound(parts[j].scale * byScale, 0, 63);
    int m = clampRound(parts[j].minimum * byMinimum, 0, 63);
    if (j < 4) {
      packed[j] |= uint8_t(s);
      packed[j + 4] |= uint8_t(m);
    } else {
      packed[j + 4] = uint8_t((s & 15) | (m & 15) << 4);
      packed[j - 4] |= uint8_t(s >> 4 << 6);
      packed[j] |= uint8_t(m >> 4 << 6);
    }
    float inverse = reciprocal(unit * float(s));
    for (int i = 32 * j; i < 32 * j + 32; ++i)
      q[i] =
          uint8_t(clampRound((x[i] + unitMinimum * float(m)) * inverse, 0, 15));
  }
  std::memcpy(to + 4, packed, sizeof(packed));
  for (int pair = 0; pair < 4; ++pair)
    for (int i = 0; i < 32; ++i)
      to[16 + 32 * pair + i] =
          char(q[64 * pair + i] | q[64 * pair + 32 + i] << 4);
}

void quantize::quantizeBlocks(language::Storage to, const float *x,
                              int64_t count, char *bytes) {
  auto each = [&](void (*block)(const float *, char *), int64_t elements,
                  int64_t size) {
    for (int64_t i = 0; i < count; i += elements, bytes += size)
      block(x + i, bytes);
  };
  if (to == language::Storage::Q8_0)
    each(q8_0, 32, 34);
  else if (to == language::Storage::Q4_0)
    each(q4_0, 32, 18);
  else
    each(q4_k, 256, 144);
}
