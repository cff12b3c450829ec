//===- Arrays.h - Tensors as numbers, and how near they must be -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CONFORMANCE_ARRAYS_H
#define NARAE_LIB_CONFORMANCE_ARRAYS_H

#include "narae/runtime.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace narae::conformance {

using Shape = std::vector<int64_t>;
using Index = std::vector<int64_t>;
using Numbers = std::vector<double>;

int64_t sizeOf(const Shape &shape);
/// The position of an index in row-major order.
int64_t flat(const Shape &shape, const Index &index);
/// Calls `body` with each index of a shape, in row-major order.
void forEach(const Shape &shape,
             const std::function<void(const Index &)> &body);
/// The shape that two shapes broadcast to, which must fit.
Shape broadcastShape(const Shape &a, const Shape &b);

/// A tensor. Values are such as `type` has.
struct Array {
  narae_type type = NARAE_F32;
  Shape shape;
  Numbers values;
  /// Dimensions whose size a graph does not fix.
  std::vector<size_t> dynamic = {};

  /// The element of this that belongs to `index` of a shape it broadcasts to.
  double at(const Index &index) const;
};

/// "tensor<2x?xf32>"
std::string mlirType(const Array &array);
/// "f32", "i8", "ui8", "i1"
std::string mlirElement(narae_type type);

bool isFloatType(narae_type type);
bool isSigned(narae_type type);
/// Bits of an integer or a boolean; 0 for floats.
int integerBits(narae_type type);
/// The value that the type holds after a conversion of `value`.
double rounded(narae_type type, double value);
/// The distance of numbers of a type around `value`; 0 for integers.
double ulp(narae_type type, double value);
/// That of the type that sums are computed in: f32 for narrower ones.
double sumEpsilon(narae_type type);

/// Repeatable numbers, evenly in [low, high], as `type` has them.
Array randomArray(narae_type type, const Shape &shape, double low, double high,
                  uint64_t seed);
Array makeArray(narae_type type, const Shape &shape, const Numbers &values);

/// What a result must be: each element within `ulps` of the type's distances
/// around `values`, and `slack` (one element for all, one each, or none).
/// With neither the nearest number of the type is the only one.
struct Wanted {
  Array array;
  double ulps = 0;
  Numbers slack = {};
};

/// The first element that is too far from what it must be; "" when none is.
std::string difference(const Wanted &want, const void *data);
std::vector<char> toBytes(const Array &array);

} // namespace narae::conformance

#endif // NARAE_LIB_CONFORMANCE_ARRAYS_H
