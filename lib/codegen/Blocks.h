//===- Blocks.h - Single numbers out of quantised blocks --------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Right for every format and any access; kernels that stream weights decode
// vectors instead. Numbers are computed in the order in which ggml computes
// them, so that without contraction they are the same bit by bit.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_BLOCKS_H
#define NARAE_LIB_CODEGEN_BLOCKS_H

#include "lib/codegen/KernelContext.h"

namespace narae::codegen {

/// Number `at` (index) of the block at byte `block` (index) of `pointer`.
Value decodeBlock(KernelContext &k, fm::BlockFormat format, Value pointer,
                  Value block, Value at);
/// The number at indices of a tensor of blocks at `pointer`.
Value loadBlockElement(KernelContext &k, fm::BlockFormat format, Value pointer,
                       llvm::ArrayRef<fm::Expr> dims, ValueRange indices);

/// Arithmetic on i32 and f32 registers, for decoders.
class ByteReader {
public:
  ByteReader(KernelContext &k, Value pointer, Value base)
      : k(k), pointer(pointer), base(base) {}

  Value cst(int64_t value) const;
  Value u8(Value at) const { return byte(at, false); }
  Value s8(Value at) const { return byte(at, true); }
  Value u8(int64_t at) const { return u8(k.index(at)); }
  /// The f16 at a byte offset, as f32.
  Value half(Value at) const;
  Value half(int64_t at) const { return half(k.index(at)); }
  /// An index as i32.
  Value toInt(Value index) const;
  Value add(Value x, Value y) const;
  Value sub(Value x, int64_t y) const;
  Value band(Value x, int64_t mask) const;
  Value bor(Value x, Value y) const;
  Value shl(Value x, Value n) const;
  Value shr(Value x, Value n) const;
  Value shl(Value x, int64_t n) const { return shl(x, cst(n)); }
  Value shr(Value x, int64_t n) const { return shr(x, cst(n)); }
  /// x < n ? a : b for an i32 x.
  Value below(Value x, int64_t n, Value a, Value b) const;
  Value toFloat(Value x) const;
  Value mul(Value x, Value y) const; ///< of f32
  Value addF(Value x, Value y) const;
  Value subF(Value x, Value y) const;
  /// The number of iq4_nl of a nibble, as i32.
  Value iq4(Value nibble) const;

  KernelContext &k;

private:
  Value byte(Value at, bool isSigned) const;

  Value pointer, base;
};

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_BLOCKS_H
