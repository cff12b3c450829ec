//===- Scalar.h - Arithmetic on elements ------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Arithmetic on elements of one type. Floats narrower than f32 are computed
// in f32 and rounded at the end of each op; integers in their own width,
// where no operation traps.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_SCALAR_H
#define NARAE_LIB_CODEGEN_SCALAR_H

#include "lib/codegen/KernelContext.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace narae::codegen {

/// How values outside a narrow float's range are converted, and which way
/// those between two powers of two go (!fm.f8e8m0): "up", "down", "nearest".
struct CastMode {
  bool saturate = true;
  llvm::StringRef round = "nearest";
};

/// The element (a register) of type `from` as a register of type `to`.
Value convert(KernelContext &k, Value value, mlir::Type from, mlir::Type to,
              CastMode mode = {});
/// An index as a register of type `to`.
Value fromIndex(KernelContext &k, Value index, mlir::Type to);
/// An integer or float register of type `from` as an index.
Value toIndex(KernelContext &k, Value value, mlir::Type from);
/// The register of a constant attribute (float, integer) of type `element`.
Value attrConstant(KernelContext &k, mlir::Attribute attr, mlir::Type element);

/// Whether a type is one of the floats of 8 bits or less.
bool isNarrowFloat(mlir::Type type);
/// f32 to the bits of such a float, in a byte, and back. See Float8.cpp.
Value encodeNarrow(KernelContext &k, Value f32, mlir::Type type, CastMode mode);
Value decodeNarrow(KernelContext &k, Value bits, mlir::Type type);

/// eq and ne as in IEEE 754, the others ordered.
enum class Compare { Eq, Ne, Lt, Le, Gt, Ge };

class Arith {
public:
  Arith(KernelContext &k, mlir::Type element);

  KernelContext &k;
  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type element; ///< as in the tensor
  mlir::Type type;    ///< computed in
  bool isFloat, isUnsigned, isBool;
  /// Flags of float operations: reassociation lets sums be vectorised.
  mlir::arith::FastMathFlags flags = mlir::arith::FastMathFlags::none;

  /// Into and out of the type computed in.
  Value widen(Value reg) const;
  Value narrow(Value value) const;
  /// widen of a register of another element type, through convert.
  Value widenFrom(Value reg, mlir::Type from) const;

  Value cst(double value) const { return k.constant(type, value); }
  Value zero() const { return cst(0); }
  Value one() const { return cst(1); }
  /// The least and the greatest value: infinities, or ends of the range.
  Value lowest() const;
  Value highest() const;

  Value add(Value x, Value y) const;
  Value sub(Value x, Value y) const;
  Value mul(Value x, Value y) const;
  /// Integers: truncated; x / 0 is 0.
  Value div(Value x, Value y) const;
  /// The remainder with the dividend's sign, or with the divisor's.
  Value rem(Value x, Value y) const;
  Value mod(Value x, Value y) const;
  /// NaN wins.
  Value min(Value x, Value y) const;
  Value max(Value x, Value y) const;
  /// A maximum (or minimum) over a loop, carried as one or two values:
  /// for floats the extremum of the numbers, and whether there was a NaN.
  /// LLVM vectorises these, but not a loop of max().
  llvm::SmallVector<Value> startExtremum(bool isMax) const;
  llvm::SmallVector<Value> stepExtremum(bool isMax, ValueRange carried,
                                        Value x) const;
  Value endExtremum(ValueRange carried) const;
  Value neg(Value x) const;
  Value abs(Value x) const;
  Value cmp(Compare predicate, Value x, Value y) const;
  Value lt(Value x, Value y) const { return cmp(Compare::Lt, x, y); }
  Value gt(Value x, Value y) const { return cmp(Compare::Gt, x, y); }
  Value select(Value condition, Value x, Value y) const {
    return k.selectV(condition, x, y);
  }

  /// A unary math op: unary<math::ExpOp>(x).
  template <typename OpTy>
  Value unary(Value x) const {
    return b.create<OpTy>(loc, x);
  }
  Value exp(Value x) const { return unary<mlir::math::ExpOp>(x); }
  Value sqrt(Value x) const { return unary<mlir::math::SqrtOp>(x); }
  Value floor(Value x) const { return unary<mlir::math::FloorOp>(x); }

private:
  Value fmod(Value x, Value y) const;
};

/// Element types of values, shorthand.
inline mlir::Type elementOf(Value tensor) {
  return mlir::cast<mlir::ShapedType>(tensor.getType()).getElementType();
}

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_SCALAR_H
