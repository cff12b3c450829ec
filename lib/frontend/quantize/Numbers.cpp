//===- Numbers.cpp - Narrow floating-point numbers ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/quantize/Numbers.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace narae;

static uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

static float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

uint16_t quantize::halfOf(float value) {
  uint32_t bits = bitsOf(value);
  uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  float magnitude = std::fabs(value);
  if (std::isnan(value))
    return uint16_t(sign | 0x7e00);
  if (magnitude >= 65520.0f) // halfway to what would come after the largest
    return uint16_t(sign | 0x7c00);
  if (magnitude < 6.103515625e-05f) // subnormal: multiples of 2^-24
    return uint16_t(sign | uint16_t(std::nearbyint(magnitude * 16777216.0f)));
  bits &= 0x7fffffff;
  bits += 0xfff + (bits >> 13 & 1);
  return uint16_t(sign | uint16_t((bits - 0x38000000) >> 13));
}

float quantize::fromHalf(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
  if (exponent == 0)
    return fromBits(sign | bitsOf(float(fraction) * 5.9604644775390625e-08f));
  if (exponent == 31)
    return fromBits(sign | 0x7f800000 | fraction << 13);
  return fromBits(sign | (exponent + 112) << 23 | fraction << 13);
}

static float fromF8E4M3(uint8_t bits) {
  int exponent = bits >> 3 & 15, fraction = bits & 7;
  float magnitude = exponent ? std::ldexp(float(8 + fraction), exponent - 10)
                             : std::ldexp(float(fraction), -9);
  if ((bits & 0x7f) == 0x7f)
    magnitude = std::numeric_limits<float>::quiet_NaN();
  return bits & 0x80 ? -magnitude : magnitude;
}

void quantize::widen(language::Storage from, const char *bytes, int64_t count,
                     float *to) {
  auto half = [&](int64_t i) {
    uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, sizeof(bits));
    return bits;
  };
  switch (from) {
  case language::Storage::F16:
    for (int64_t i = 0; i < count; ++i)
      to[i] = fromHalf(half(i));
    return;
  case language::Storage::BF16:
    for (int64_t i = 0; i < count; ++i)
      to[i] = fromBits(uint32_t(half(i)) << 16);
    return;
  case language::Storage::F8E4M3:
    for (int64_t i = 0; i < count; ++i)
      to[i] = fromF8E4M3(uint8_t(bytes[i]));
    return;
  default:
    std::memcpy(to, bytes, size_t(count) * sizeof(float));
  }
}
