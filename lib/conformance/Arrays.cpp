//===- Arrays.cpp - Tensors as numbers, and how near they must be ---------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/Arrays.h"
#include "lib/artifact/Values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace narae;
using namespace narae::conformance;

int64_t conformance::sizeOf(const Shape &shape) {
  int64_t size = 1;
  for (int64_t dim : shape)
    size *= dim;
  return size;
}

int64_t conformance::flat(const Shape &shape, const Index &index) {
  int64_t at = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    at = at * shape[i] + index[i];
  return at;
}

void conformance::forEach(const Shape &shape,
                          const std::function<void(const Index &)> &body) {
  Index index(shape.size());
  for (int64_t left = sizeOf(shape); left > 0; --left) {
    body(index);
    for (size_t i = shape.size(); i-- > 0;) {
      if (++index[i] < shape[i])
        break;
      index[i] = 0;
    }
  }
}

Shape conformance::broadcastShape(const Shape &a, const Shape &b) {
  const Shape &other = a.size() >= b.size() ? b : a;
  Shape result = a.size() >= b.size() ? a : b;
  size_t skip = result.size() - other.size();
  for (size_t i = 0; i < other.size(); ++i)
    if (result[skip + i] == 1)
      result[skip + i] = other[i];
  return result;
}

double Array::at(const Index &index) const {
  size_t skip = index.size() - shape.size();
  int64_t position = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    position = position * shape[i] + (shape[i] == 1 ? 0 : index[skip + i]);
  return values[static_cast<size_t>(position)];
}

std::string conformance::mlirElement(narae_type type) {
  switch (type) {
  case NARAE_BOOL:
    return "i1";
  case NARAE_U8:
    return "ui8";
  case NARAE_U16:
    return "ui16";
  case NARAE_U32:
    return "ui32";
  case NARAE_U64:
    return "ui64";
  case NARAE_F8E4M3FN:
    return "f8E4M3FN";
  case NARAE_F8E5M2:
    return "f8E5M2";
  default:
    return narae_type_name(type);
  }
}

std::string conformance::mlirType(const Array &array) {
  std::string text = "tensor<";
  for (size_t i = 0; i < array.shape.size(); ++i) {
    bool dynamic = std::find(array.dynamic.begin(), array.dynamic.end(), i) !=
                   array.dynamic.end();
    text += (dynamic ? "?" : std::to_string(array.shape[i])) + "x";
  }
  return text + mlirElement(array.type) + ">";
}

bool conformance::isFloatType(narae_type type) { return isFloat(type); }

bool conformance::isSigned(narae_type type) {
  return type == NARAE_I8 || type == NARAE_I16 || type == NARAE_I32 ||
         type == NARAE_I64;
}

int conformance::integerBits(narae_type type) {
  if (type == NARAE_BOOL)
    return 1;
  return isFloat(type) ? 0 : static_cast<int>(narae_type_size(type) * 8);
}

double conformance::rounded(narae_type type, double value) {
  alignas(8) char element[8] = {};
  writeElement(type, element, 0, value);
  return readElement(type, element, 0);
}

namespace {
/// Bits behind the point, and the smallest normal exponent.
struct Format {
  int mantissa, lowest;
};
} // namespace

static Format formatOf(narae_type type) {
  switch (type) {
  case NARAE_F64:
    return {52, -1022};
  case NARAE_F16:
    return {10, -14};
  case NARAE_BF16:
    return {7, -126};
  case NARAE_F8E4M3FN:
    return {3, -6};
  case NARAE_F8E5M2:
    return {2, -14};
  default:
    return {23, -126};
  }
}

double conformance::ulp(narae_type type, double value) {
  if (!isFloat(type))
    return 0;
  Format format = formatOf(type);
  int exponent = value == 0 ? format.lowest : std::ilogb(value);
  return std::ldexp(1.0, std::max(exponent, format.lowest) - format.mantissa);
}

double conformance::sumEpsilon(narae_type type) {
  return type == NARAE_F64 ? std::ldexp(1.0, -52) : std::ldexp(1.0, -23);
}

Array conformance::makeArray(narae_type type, const Shape &shape,
                             const Numbers &values) {
  Array array{type, shape, values};
  for (double &value : array.values)
    value = rounded(type, value);
  return array;
}

Array conformance::randomArray(narae_type type, const Shape &shape, double low,
                               double high, uint64_t seed) {
  Numbers values(static_cast<size_t>(sizeOf(shape)));
  uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  for (double &value : values) {
    // Numerical Recipes' 64-bit generator (xorshift, then a multiplication).
    state ^= state >> 21, state ^= state << 35, state ^= state >> 4;
    double unit =
        static_cast<double>((state * 2685821657736338717ull) >> 11) / 0x1p53;
    value = low + (high - low) * unit;
    if (!isFloat(type))
      value = std::floor(low + (high - low + 1) * unit);
  }
  return makeArray(type, shape, values);
}

std::string conformance::difference(const Wanted &want, const void *data) {
  const Array &array = want.array;
  for (size_t i = 0; i < array.values.size(); ++i) {
    double have = readElement(array.type, data, i), exact = array.values[i];
    double near = rounded(array.type, exact);
    if (have == near || (std::isnan(have) && std::isnan(near)))
      continue;
    double slack = want.slack.empty()       ? 0
                   : want.slack.size() == 1 ? want.slack[0]
                                            : want.slack[i];
    double limit = want.ulps * ulp(array.type, exact) + slack;
    // The last step to the type rounds too.
    if (limit > 0)
      limit += ulp(array.type, exact) / 2;
    if (std::fabs(have - exact) <= limit)
      continue;
    char text[160];
    std::snprintf(text, sizeof text,
                  "element %zu is %.9g, not %.9g (within %.3g)", i, have, exact,
                  limit);
    return text;
  }
  return "";
}

std::vector<char> conformance::toBytes(const Array &array) {
  std::vector<char> bytes(array.values.size() * narae_type_size(array.type) +
                          1);
  for (size_t i = 0; i < array.values.size(); ++i)
    writeElement(array.type, bytes.data(), i, array.values[i]);
  return bytes;
}
