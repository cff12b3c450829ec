//===- Values.cpp - Elements of all types as numbers ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Values.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

using namespace narae;

namespace {
/// A binary format below 32 bits: 1 sign, exponent, mantissa.
struct SmallFloat {
  int exponentBits, mantissaBits, bias;
  bool hasInfinity; ///< the largest exponent holds infinity and NaN
  int nanCode;      ///< the only NaN besides, without sign; -1: none
  bool negativeZeroIsNan;
};
} // namespace

static const SmallFloat *smallFloat(narae_type type) {
  static const SmallFloat f16{5, 10, 15, true, -1, false};
  static const SmallFloat bf16{8, 7, 127, true, -1, false};
  static const SmallFloat e4m3fn{4, 3, 7, false, 0x7f, false};
  static const SmallFloat e5m2{5, 2, 15, true, -1, false};
  static const SmallFloat e4m3fnuz{4, 3, 8, false, -1, true};
  static const SmallFloat e5m2fnuz{5, 2, 16, false, -1, true};
  static const SmallFloat e2m1{2, 1, 1, false, -1, false};
  switch (type) {
  case NARAE_F16:
    return &f16;
  case NARAE_BF16:
    return &bf16;
  case NARAE_F8E4M3FN:
    return &e4m3fn;
  case NARAE_F8E5M2:
    return &e5m2;
  case NARAE_F8E4M3FNUZ:
    return &e4m3fnuz;
  case NARAE_F8E5M2FNUZ:
    return &e5m2fnuz;
  case NARAE_F4E2M1:
    return &e2m1;
  default:
    return nullptr;
  }
}

static double decode(const SmallFloat &format, unsigned code) {
  unsigned magnitudeBits = format.exponentBits + format.mantissaBits;
  bool negative = code >> magnitudeBits & 1;
  unsigned magnitude = code & ((1u << magnitudeBits) - 1);
  int exponent = static_cast<int>(magnitude >> format.mantissaBits);
  int mantissa =
      static_cast<int>(magnitude & ((1u << format.mantissaBits) - 1));
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (static_cast<int>(magnitude) == format.nanCode ||
      (format.negativeZeroIsNan && negative && magnitude == 0))
    return nan;
  double value;
  if (format.hasInfinity && exponent == (1 << format.exponentBits) - 1)
    value = mantissa ? nan : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    value = std::ldexp(mantissa, 1 - format.bias - format.mantissaBits);
  else
    value = std::ldexp(mantissa + (1 << format.mantissaBits),
                       exponent - format.bias - format.mantissaBits);
  return negative ? -value : value;
}

static unsigned encode(const SmallFloat &format, double value) {
  if (!std::isfinite(value)) {
    unsigned sign = std::signbit(value)
                        ? 1u << (format.exponentBits + format.mantissaBits)
                        : 0;
    unsigned infinity = ((1u << format.exponentBits) - 1)
                        << format.mantissaBits;
    if (format.hasInfinity)
      return sign | infinity |
             (std::isnan(value) ? 1u << (format.mantissaBits - 1) : 0);
    if (std::isnan(value) && format.nanCode >= 0)
      return static_cast<unsigned>(format.nanCode);
    if (std::isnan(value) && format.negativeZeroIsNan)
      return 1u << (format.exponentBits + format.mantissaBits);
  }
  unsigned magnitudeBits = format.exponentBits + format.mantissaBits;
  unsigned largest = (1u << magnitudeBits) - 1;
  if (format.hasInfinity)
    largest -= 1u << format.mantissaBits;
  else if (format.nanCode >= 0)
    largest -= 1;
  double size = std::fabs(value);
  if (!(size > 0))
    return 0;
  unsigned sign = (value < 0 ? 1u : 0u) << magnitudeBits;
  int lowest = 1 - format.bias;
  int exponent = std::isinf(size) ? 1024 : std::max(std::ilogb(size), lowest);
  if (exponent + format.bias >= (1 << format.exponentBits))
    return sign | largest;
  // In units of the last place: the carry into the exponent comes by itself.
  auto units = static_cast<unsigned>(
      std::nearbyint(std::ldexp(size, format.mantissaBits - exponent)));
  unsigned magnitude =
      (static_cast<unsigned>(exponent - lowest) << format.mantissaBits) + units;
  if (magnitude == 0)
    return 0;
  return sign | std::min(magnitude, largest);
}

bool narae::isFloat(narae_type type) {
  return type == NARAE_F32 || type == NARAE_F64 || type == NARAE_F8E8M0 ||
         smallFloat(type);
}

template <typename T>
static double readAs(const void *data, size_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + index * sizeof(T),
              sizeof(T));
  return static_cast<double>(value);
}

template <typename T>
static void writeAs(void *data, size_t index, T value) {
  std::memcpy(static_cast<char *>(data) + index * sizeof(T), &value, sizeof(T));
}

template <typename T>
static void writeInteger(void *data, size_t index, double value,
                         double low = double(std::numeric_limits<T>::min()),
                         double high = double(std::numeric_limits<T>::max())) {
  T result;
  if (!(value > low))
    result = static_cast<T>(low);
  else if (value >= high) // 2^63 itself would not fit
    result =
        high >= 9.2e18 ? std::numeric_limits<T>::max() : static_cast<T>(high);
  else
    result = static_cast<T>(value);
  writeAs(data, index, result);
}

double narae::readElement(narae_type type, const void *data, size_t index) {
  const auto *bytes = static_cast<const unsigned char *>(data);
  if (const SmallFloat *format = smallFloat(type)) {
    uint16_t wide = 0;
    if (narae_type_size(type) == 1)
      return decode(*format, bytes[index]);
    std::memcpy(&wide, bytes + 2 * index, 2);
    return decode(*format, wide);
  }
  switch (type) {
  case NARAE_F32:
    return readAs<float>(data, index);
  case NARAE_F64:
    return readAs<double>(data, index);
  case NARAE_I8:
  case NARAE_I4:
  case NARAE_I2:
    return readAs<int8_t>(data, index);
  case NARAE_I16:
    return readAs<int16_t>(data, index);
  case NARAE_I32:
    return readAs<int32_t>(data, index);
  case NARAE_I64:
    return readAs<int64_t>(data, index);
  case NARAE_U16:
    return readAs<uint16_t>(data, index);
  case NARAE_U32:
    return readAs<uint32_t>(data, index);
  case NARAE_U64:
    return readAs<uint64_t>(data, index);
  case NARAE_F8E8M0:
    return bytes[index] == 0xff ? std::numeric_limits<double>::quiet_NaN()
                                : std::ldexp(1.0, bytes[index] - 127);
  default:
    return bytes[index];
  }
}

void narae::writeElement(narae_type type, void *data, size_t index,
                         double value) {
  if (const SmallFloat *format = smallFloat(type)) {
    unsigned code = encode(*format, value);
    if (narae_type_size(type) == 1)
      writeAs(data, index, static_cast<uint8_t>(code));
    else
      writeAs(data, index, static_cast<uint16_t>(code));
    return;
  }
  switch (type) {
  case NARAE_F32:
    return writeAs(data, index, static_cast<float>(value));
  case NARAE_F64:
    return writeAs(data, index, value);
  case NARAE_I8:
    return writeInteger<int8_t>(data, index, value);
  case NARAE_I16:
    return writeInteger<int16_t>(data, index, value);
  case NARAE_I32:
    return writeInteger<int32_t>(data, index, value);
  case NARAE_I64:
    return writeInteger<int64_t>(data, index, value);
  case NARAE_U8:
    return writeInteger<uint8_t>(data, index, value);
  case NARAE_U16:
    return writeInteger<uint16_t>(data, index, value);
  case NARAE_U32:
    return writeInteger<uint32_t>(data, index, value);
  case NARAE_U64:
    return writeInteger<uint64_t>(data, index, value);
  case NARAE_I4:
    return writeInteger<int8_t>(data, index, value, -8, 7);
  case NARAE_U4:
    return writeInteger<uint8_t>(data, index, value, 0, 15);
  case NARAE_I2:
    return writeInteger<int8_t>(data, index, value, -2, 1);
  case NARAE_U2:
    return writeInteger<uint8_t>(data, index, value, 0, 3);
  case NARAE_BOOL:
    return writeAs<uint8_t>(data, index, value != 0);
  case NARAE_F8E8M0: {
    int exponent = value > 0 && std::isfinite(value)
                       ? static_cast<int>(std::lround(std::log2(value)))
                       : -127;
    return writeAs(data, index,
                   static_cast<uint8_t>(std::clamp(exponent + 127, 0, 254)));
  }
  default:
    return;
  }
}
