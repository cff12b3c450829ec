//===- Storage.h - Bytes of stored weights ----------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_STORAGE_H
#define NARAE_LIB_FRONTEND_LANGUAGE_STORAGE_H

#include "lib/frontend/language/StoredTypes.h"

#include "mlir/IR/BuiltinTypes.h"

namespace narae::language {

/// The element type of a weight that is stored so.
mlir::Type elementType(Storage storage, mlir::MLIRContext *context);
/// The number of elements; none where a size is negative or the product of
/// all does not fit.
std::optional<int64_t> elementCount(const std::vector<int64_t> &shape);
/// Bytes of a weight, without its scale. Its shape must have been checked.
int64_t storageBytes(const Weight &weight);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_STORAGE_H
