//===- Values.h - Elements of ops that make values --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_ELEMENTAL_VALUES_H
#define NARAE_LIB_CODEGEN_ELEMENTAL_VALUES_H

#include "lib/codegen/Elemental.h"

namespace narae::codegen {

/// Constants, shapes, fill, range, iota, one_hot.
void registerValueElements(ElementTable &table);

/// values[index], of a read-only array in the module; null when there is no
/// module to put it into.
Value constantFloat(KernelContext &k, mlir::Operation *op,
                    llvm::ArrayRef<float> values, Value index);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_ELEMENTAL_VALUES_H
