//===- Values.h - Elements of all types as numbers ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_VALUES_H
#define NARAE_LIB_ARTIFACT_VALUES_H

#include "narae/runtime.h"

#include <cstddef>

namespace narae {

/// Whether elements are floating-point numbers.
bool isFloat(narae_type type);

/// Element `index` of a tensor. 64-bit integers beyond 2^53 are rounded.
double readElement(narae_type type, const void *data, size_t index);

/// Stores the nearest number that the type has; integers are cut to their
/// range.
void writeElement(narae_type type, void *data, size_t index, double value);

} // namespace narae

#endif // NARAE_LIB_ARTIFACT_VALUES_H
