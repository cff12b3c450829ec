//===- Numbers.cpp - What the bits of elements mean -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace narae::npu;

static uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

static float floatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

namespace {
/// A binary format of less than 32 bits with subnormals.
struct Format {
  int exponentBits, mantissaBits;
  /// Codes (without sign) from here on are no finite numbers.
  uint32_t firstSpecial;
  int bias() const { return (1 << (exponentBits - 1)) - 1; }
  uint32_t signBit() const { return 1u << (exponentBits + mantissaBits); }
};
constexpr Format half{5, 10, 0x7c00}, e4m3{4, 3, 0x7f}, e5m2{5, 2, 0x7c},
    e2m1{2, 1, 8};
} // namespace

static float decodeFinite(const Format &format, uint32_t code) {
  uint32_t magnitude = code & (format.signBit() - 1);
  int exponent = int(magnitude >> format.mantissaBits);
  int mantissa = int(magnitude & ((1u << format.mantissaBits) - 1));
  if (exponent)
    mantissa += 1 << format.mantissaBits;
  float value =
      std::ldexp(float(mantissa),
                 std::max(exponent, 1) - format.bias() - format.mantissaBits);
  return code & format.signBit() ? -value : value;
}

/// The code of a finite or infinite magnitude; may be a special one or beyond
/// where it is too large.
static uint32_t encodeMagnitude(const Format &format, uint32_t bits) {
  int exponent = int(bits >> 23);
  // Subnormals of f32 are far below half of the smallest number.
  if (exponent == 0)
    return 0;
  uint32_t mantissa = (bits & 0x7fffff) | 0x800000;
  int biased = exponent - 127 + format.bias();
  int shift = 23 - format.mantissaBits;
  if (biased <= 0) {
    shift += 1 - biased;
    biased = 1;
    if (shift > 25)
      return 0;
  }
  uint32_t kept = mantissa >> shift, lost = mantissa & ((1u << shift) - 1);
  uint32_t tie = 1u << (shift - 1);
  kept += lost > tie || (lost == tie && (kept & 1));
  // The hidden bit counts as one exponent; carries go where they should.
  return (uint32_t(biased - 1) << format.mantissaBits) + kept;
}

static float halfToFloat(uint32_t code) {
  static const auto table = [] {
    std::vector<float> values(65536);
    for (uint32_t code = 0; code < 65536; ++code) {
      uint32_t magnitude = code & 0x7fff;
      if (magnitude < half.firstSpecial)
        values[code] = decodeFinite(half, code);
      else if (magnitude == half.firstSpecial)
        values[code] = code & 0x8000 ? -INFINITY : INFINITY;
      else
        values[code] = floatOfBits(0x7fc00000);
    }
    return values;
  }();
  return table[code & 0xffff];
}

float narae::npu::toFloat(ElementType type, uint32_t code) {
  switch (type) {
  case ElementType::F32:
    return floatOfBits(code);
  case ElementType::F16:
    return halfToFloat(code);
  case ElementType::BF16:
    return floatOfBits(code << 16);
  case ElementType::E4M3:
    if ((code & 0x7f) == 0x7f)
      return floatOfBits(0x7fc00000);
    return decodeFinite(e4m3, code);
  case ElementType::E5M2:
    if ((code & 0x7f) > e5m2.firstSpecial)
      return floatOfBits(0x7fc00000);
    if ((code & 0x7f) == e5m2.firstSpecial)
      return code & 0x80 ? -INFINITY : INFINITY;
    return decodeFinite(e5m2, code);
  case ElementType::E2M1:
    return decodeFinite(e2m1, code);
  case ElementType::E8M0:
    if (code == 255)
      return floatOfBits(0x7fc00000);
    return std::ldexp(1.0f, int(code) - 127);
  default:
    return float(toInteger(type, code));
  }
}

uint32_t narae::npu::fromFloat(ElementType type, float value) {
  uint32_t bits = bitsOfFloat(value);
  uint32_t magnitude = bits & 0x7fffffff, negative = bits >> 31;
  bool isNan = magnitude > 0x7f800000;
  switch (type) {
  case ElementType::F32:
    return isNan ? 0x7fc00000 : bits;
  case ElementType::F16: {
    if (isNan)
      return 0x7e00;
    uint32_t code = encodeMagnitude(half, magnitude);
    return std::min(code, half.firstSpecial) | negative << 15;
  }
  case ElementType::BF16:
    if (isNan)
      return 0x7fc0;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  case ElementType::E4M3:
  case ElementType::E5M2: {
    if (isNan)
      return 0x7f;
    const Format &format = type == ElementType::E4M3 ? e4m3 : e5m2;
    uint32_t code = encodeMagnitude(format, magnitude);
    return std::min(code, format.firstSpecial - 1) | negative << 7;
  }
  default:
    break;
  }
  if (isNan)
    return 0;
  // Clamped first: an i32 holds all integers between.
  double rounded = std::nearbyint(double(value));
  rounded = std::min(std::max(rounded, -2147483648.0), 2147483647.0);
  return fromInteger(type, int32_t(rounded));
}

int32_t narae::npu::toInteger(ElementType type, uint32_t code) {
  switch (type) {
  case ElementType::I16:
    return int16_t(code);
  case ElementType::I8:
    return int8_t(code);
  case ElementType::U8:
    return uint8_t(code);
  case ElementType::I4:
    return int32_t((code & 15) ^ 8) - 8;
  case ElementType::U4:
    return code & 15;
  default:
    return int32_t(code);
  }
}

uint32_t narae::npu::fromInteger(ElementType type, int32_t value) {
  auto clamp = [&](int32_t low, int32_t high, uint32_t mask) {
    return uint32_t(std::min(std::max(value, low), high)) & mask;
  };
  switch (type) {
  case ElementType::I16:
    return clamp(-32768, 32767, 0xffff);
  case ElementType::I8:
    return clamp(-128, 127, 0xff);
  case ElementType::U8:
    return clamp(0, 255, 0xff);
  case ElementType::I4:
    return clamp(-8, 7, 15);
  case ElementType::U4:
    return clamp(0, 15, 15);
  default:
    return uint32_t(value);
  }
}
