//===- Symbolic.h - Symbolic shapes of fm values ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dimensions are AffineExprs over symbols (`s0`, `s1`, ...). A SymbolicScope
// owns the symbols of one function or kernel and remembers, for every value,
// its dimensions and, for small integer tensors, its elements.
//
// Expressions are kept as polynomials in a canonical order, so that two
// expressions built in different ways are equal as pointers whenever the
// polynomials are. What AffineExpr cannot hold (max, min, select) becomes a
// symbol of its own, the same one for the same operands.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_FM_SYMBOLIC_H
#define NARAE_DIALECTS_FM_SYMBOLIC_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace narae::fm {

using Expr = mlir::AffineExpr;
using Exprs = llvm::SmallVector<mlir::AffineExpr, 4>;

/// Tensors of at most this many elements are followed element by element.
constexpr int64_t kMaxTrackedElements = 512;
/// "No upper bound" in ranges.
constexpr int64_t kUnbounded = INT64_MAX;

/// Everything known of one tensor.
struct SymTensor {
  mlir::Type elementType;
  Exprs dims;
  /// Row-major elements of a small integer or boolean tensor.
  std::optional<Exprs> elements = std::nullopt;
  /// Row-major elements of a small constant tensor of floats, already rounded
  /// to the element type.
  std::optional<llvm::SmallVector<double>> floats = std::nullopt;
};

/// What a symbol stands for.
struct SymbolDef {
  enum Kind {
    ArgDim, ///< dimension `index` of `value`
    Item,   ///< element `index` (row-major) of the integer tensor `value`
    Max,
    Min,    ///< of operands 0 and 1
    Select, ///< operand 0 != 0 ? operand 1 : operand 2
    Equal,
    Less,   ///< 1 or 0
    Result, ///< dimension `index` of op result `value`, known once the op ran
    Given   ///< defined by whoever made the scope (kernel parameters)
  };
  Kind kind;
  mlir::Value value;
  unsigned index = 0;
  Exprs operands;
  int64_t min = 0, max = kUnbounded;
  std::string name;
};

/// The symbols of a function or kernel, and what is known of its values.
class SymbolicScope {
public:
  explicit SymbolicScope(mlir::MLIRContext *context) : context(context) {}

  mlir::MLIRContext *getContext() const { return context; }
  llvm::ArrayRef<SymbolDef> symbols() const { return defs; }

  /// What is known of a value; derives it from the defining op when needed.
  /// Block arguments get a symbol for every dynamic dimension, the same one
  /// where names (argument attribute `fm.dims`) are the same.
  const SymTensor &get(mlir::Value value);
  llvm::ArrayRef<Expr> dims(mlir::Value value) { return get(value).dims; }
  Expr dim(mlir::Value value, unsigned i) { return get(value).dims[i]; }
  int64_t rank(mlir::Value value) { return get(value).dims.size(); }
  /// The elements when all are followed; none otherwise.
  std::optional<Exprs> elements(mlir::Value value) {
    return get(value).elements;
  }
  /// The elements of a small constant tensor of floats; none otherwise.
  std::optional<llvm::SmallVector<double>> floats(mlir::Value value) {
    return get(value).floats;
  }
  /// Elements of a small integer tensor of static size: followed ones, or
  /// symbols that are read at run time. None when the size is not static.
  std::optional<Exprs> elementsOrItems(mlir::Value value);
  /// The elements when all are constants.
  std::optional<llvm::SmallVector<int64_t>> constants(mlir::Value value);

  /// Records a value. Later `get`s return this.
  void set(mlir::Value value, SymTensor tensor);
  bool knows(mlir::Value value) const { return known.count(value) != 0; }
  /// Runs the op's shape function and records its results.
  llvm::LogicalResult add(mlir::Operation *op);
  void forget(mlir::Value value) { known.erase(value); }

  /// A new symbol.
  Expr symbol(SymbolDef def);
  Expr given(llvm::StringRef name, int64_t min = 0, int64_t max = kUnbounded);
  Expr item(mlir::Value tensor, unsigned index);

  // Arithmetic in canonical form. Division rounds down; divisors of 0 give 0.
  Expr cst(int64_t value) const;
  Expr add(Expr a, Expr b);
  Expr sub(Expr a, Expr b);
  Expr mul(Expr a, Expr b);
  Expr floorDiv(Expr a, Expr b);
  Expr ceilDiv(Expr a, Expr b);
  Expr mod(Expr a, Expr b);
  Expr max(Expr a, Expr b);
  Expr min(Expr a, Expr b);
  Expr select(Expr condition, Expr a, Expr b);
  Expr equal(Expr a, Expr b);
  Expr less(Expr a, Expr b);
  Expr product(llvm::ArrayRef<Expr> exprs);
  /// The dimension of `a` broadcast with `b`; null when they conflict.
  Expr broadcast(Expr a, Expr b);

  /// Whether a <= b certainly; false when that is not known.
  bool lessEqual(Expr a, Expr b);
  /// Bounds of an expression from those of its symbols.
  std::pair<int64_t, int64_t> range(Expr expr);
  /// Names a symbol's dimension for messages: "batch", "s3", "4".
  std::string str(Expr expr);

private:
  mlir::MLIRContext *context;
  llvm::SmallVector<SymbolDef> defs;
  // Behind pointers: references from `get` outlive later insertions.
  llvm::DenseMap<mlir::Value, std::unique_ptr<SymTensor>> known;
  std::map<std::string, Expr> named;
};

/// The value when the expression is a constant.
std::optional<int64_t> constantOf(Expr expr);
/// The static size of an expression, or mlir::ShapedType::kDynamic.
int64_t staticSize(Expr expr);
/// The tensor type with the dimensions that are constants.
mlir::RankedTensorType typeOf(const SymTensor &tensor);
/// Whether a tensor of this type can be followed element by element.
bool isTracked(mlir::RankedTensorType type);

/// Result `dims` of NumPy broadcasting; emits an error when they conflict.
llvm::LogicalResult broadcastDims(mlir::Operation *op, SymbolicScope &scope,
                                  mlir::ValueRange values, Exprs &dims);
/// The same for lists of dimensions: `dims` becomes its broadcast with `other`.
llvm::LogicalResult broadcastDims(mlir::Operation *op, SymbolicScope &scope,
                                  llvm::ArrayRef<Expr> other, Exprs &dims);
/// Fills in the elements of a small constant.
void followConstant(SymbolicScope &scope, mlir::Attribute value,
                    SymTensor &tensor);

/// Checks an op's types with its shape function (the interface's verifier).
llvm::LogicalResult verifyShapes(mlir::Operation *op);
/// The part of it for ops with regions, whose ops are checked one by one.
llvm::LogicalResult verifyRegions(mlir::Operation *op);

} // namespace narae::fm

#endif // NARAE_DIALECTS_FM_SYMBOLIC_H
