//===- TypeCodes.h - narae_type of MLIR types ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_TYPECODES_H
#define NARAE_LIB_DRIVER_TYPECODES_H

#include "narae/runtime.h"

#include "dialects/fm/FmDialect.h"

namespace narae::driver {

/// The runtime's code of an element type, 0 when it has none.
inline uint8_t typeCode(mlir::Type type) {
  using namespace mlir;
  if (type.isF32())
    return NARAE_F32;
  if (type.isF64())
    return NARAE_F64;
  if (type.isF16())
    return NARAE_F16;
  if (type.isBF16())
    return NARAE_BF16;
  if (type.isFloat8E4M3FN())
    return NARAE_F8E4M3FN;
  if (type.isFloat8E5M2())
    return NARAE_F8E5M2;
  if (type.isFloat8E4M3FNUZ())
    return NARAE_F8E4M3FNUZ;
  if (type.isFloat8E5M2FNUZ())
    return NARAE_F8E5M2FNUZ;
  if (auto format = fm::blockFormatOf(type))
    return NARAE_BLOCK_Q4_0 + uint8_t(*format);
  if (isa<fm::StringType>(type))
    return NARAE_STRING;
  if (isa<fm::F4E2M1Type>(type))
    return NARAE_F4E2M1;
  if (isa<fm::F8E8M0Type>(type))
    return NARAE_F8E8M0;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return 0;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return NARAE_BOOL;
  case 2:
    return isUnsigned ? NARAE_U2 : NARAE_I2;
  case 4:
    return isUnsigned ? NARAE_U4 : NARAE_I4;
  case 8:
    return isUnsigned ? NARAE_U8 : NARAE_I8;
  case 16:
    return isUnsigned ? NARAE_U16 : NARAE_I16;
  case 32:
    return isUnsigned ? NARAE_U32 : NARAE_I32;
  case 64:
    return isUnsigned ? NARAE_U64 : NARAE_I64;
  default:
    return 0;
  }
}

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_TYPECODES_H
