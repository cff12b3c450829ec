//===- Types.h - Element types as artifacts store them ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_TYPES_H
#define NARAE_LIB_ARTIFACT_TYPES_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace narae::artifact {

/// Bytes of one element of a `narae_type`, of one block for types in blocks; 0
/// for an unknown one.
size_t typeSize(unsigned type);
/// Elements of a block along the last dimension: 1 for all other types.
int64_t blockElements(unsigned type);
/// "f32", "i64", ...; "?" for an unknown one.
const char *typeName(unsigned type);
/// The type with that name, 0 if there is none.
unsigned typeFromName(const char *name, size_t size);

/// bytes = product(dims) * elementSize. False if it is negative anywhere or
/// does not fit 63 bits; zero dimensions win over overflow.
bool byteSize(const int64_t *dims, size_t rank, size_t elementSize,
              int64_t &bytes);
/// Bytes of a tensor: the same, with the last dimension in blocks where the
/// type has them.
bool tensorBytes(const int64_t *dims, size_t rank, unsigned type,
                 int64_t &bytes);

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_TYPES_H
