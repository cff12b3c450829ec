//===- ByteVectors.h - Vectors of bytes, and of what they widen to -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The machine's widest vectors as 4 * lanes bytes, lanes i32 or lanes f32,
// and the products of bytes that it has. Pointers count bytes.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_BYTEVECTORS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_BYTEVECTORS_H

#include "backends/cpu/compiler/kernels/VectorBuilder.h"

namespace narae::cpu {

class ByteVectors {
public:
  explicit ByteVectors(VectorBuilder &v);

  VectorBuilder &v;
  mlir::OpBuilder &b;
  const mlir::Location loc;
  const int64_t bytes; ///< of a vector
  const mlir::VectorType i8s, i32s, f32s;

  /// Whether dot() is exact for unsigned bytes up to `max`.
  static bool canDot(const MachineModel &machine, int64_t max);

  //--- Memory, unaligned -----------------------------------------------------
  Value at(Value pointer, Value offset);
  Value at(Value pointer, int64_t offset);
  Value load(mlir::Type type, Value pointer);
  void store(Value vector, Value pointer);
  /// A vector of bytes.
  Value loadBytes(Value pointer) { return load(i8s, pointer); }
  /// Asks for the cache line at a pointer, which need not be valid.
  void prefetch(Value pointer);
  /// `lanes` numbers in f32, f16, bf16 or f8E4M3FN as f32.
  Value loadWide(mlir::Type element, Value pointer);
  /// Twice as many, divided by narrowFactor(): for sums of products, which one
  /// multiplication makes right.
  std::pair<Value, Value> loadNarrow(mlir::Type element, Value pointer);
  static double narrowFactor(mlir::Type element) {
    return element.isFloat8E4M3FN() ? 256 : 1;
  }
  /// `lanes` bytes as f32.
  Value loadByteFloats(Value pointer, bool isSigned);
  /// Four bytes, or one number of 32 bits, in all lanes.
  Value broadcast32(mlir::Type element, Value pointer);

  //--- Bytes -----------------------------------------------------------------
  Value splat8(int64_t value);
  Value shr(Value vector, int64_t bits);
  Value band(Value x, Value y);
  Value bor(Value x, Value y);
  /// `value` in the bytes whose bit at `pointer` is set, else 0.
  Value spreadBits(Value pointer, int64_t value);
  /// The entries of a table of 16 bytes; `nibbles` are below 16.
  Value lookup(llvm::ArrayRef<uint8_t> table, Value nibbles);
  /// A vector of i32 or f32 as its bytes.
  Value asBytes(Value vector) { return cast(i8s, vector); }
  /// Byte i of each lane as f32, less `offset`.
  Value byteAsFloat(Value vector, unsigned i, int64_t offset);

  //--- Lanes -----------------------------------------------------------------
  Value splat32(int64_t value);
  Value addI(Value x, Value y);
  Value toFloat(Value i32s);
  /// acc + the sum of u[j] * s[j] over each lane's four bytes, u unsigned and
  /// s signed, for u that canDot() allows.
  Value dot(Value acc, Value u, Value s);

private:
  Value intrinsic(llvm::StringRef name, mlir::Type type, ValueRange operands);
  Value loadFloat8(int64_t count, Value pointer);
  Value cast(mlir::Type type, Value value);
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_BYTEVECTORS_H
