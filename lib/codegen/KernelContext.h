//===- KernelContext.h - A kernel while its code is made --------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A code generator walks the loops of a kernel's anchor and asks the context
// for elements: `element(tensor, indices)` emits the scalar code that computes
// one element of any tensor of the kernel. A block argument is loaded; an
// elemental op asks for elements of its operands in turn (Elemental.h); an
// anchor's result comes from wherever the generator has put it (`define`).
// Producers and epilogues are so fused by construction.
//
// Scalars in registers: floats and signless integers of the tensor's width
// (ui8 is i8, with signedness read from the tensor's element type), booleans
// i1. In memory a boolean is a byte, types below a byte take a byte.
// Indices and sizes are `index`. Code is arith, math, scf and the llvm
// dialect's loads and stores on bare pointers; vector for micro-kernels.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_KERNELCONTEXT_H
#define NARAE_LIB_CODEGEN_KERNELCONTEXT_H

#include "dialects/rt/RtDialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

#include <functional>
#include <optional>

namespace narae::codegen {

using mlir::Value;
using mlir::ValueRange;
using Indices = llvm::SmallVector<Value, 6>;

/// Gives an element of a tensor at indices.
using ElementSource = std::function<Value(ValueRange indices)>;

/// What a kernel's function receives.
struct KernelArguments {
  llvm::SmallVector<Value> inputs;  ///< !llvm.ptr of each block argument
  llvm::SmallVector<Value> outputs; ///< !llvm.ptr of each result
  llvm::SmallVector<Value> params;  ///< index, in the order of params
  Value part, parts;                ///< index: compute part of parts
  Value scratch;                    ///< !llvm.ptr, this part's own
};

class KernelContext {
public:
  /// Code is emitted at `b`, whose insertion point is the function's entry.
  KernelContext(mlir::OpBuilder &b, rt::KernelOp kernel,
                KernelArguments arguments);

  mlir::OpBuilder &b;
  mlir::Location loc;
  rt::KernelOp kernel;
  fm::SymbolicScope scope;
  KernelArguments args;

  //--- Sizes ---------------------------------------------------------------
  /// The value of an expression, as index. Computed once, at the entry.
  Value expr(fm::Expr expr);
  llvm::ArrayRef<fm::Expr> dims(Value tensor) { return scope.dims(tensor); }
  Value dim(Value tensor, unsigned i) { return expr(scope.dim(tensor, i)); }
  Value numElements(Value tensor);
  mlir::Type elementType(Value tensor); ///< with signedness
  bool isUnsigned(Value tensor);

  //--- Elements ------------------------------------------------------------
  /// The element of a tensor at indices; null after a diagnostic.
  Value element(Value tensor, ValueRange indices);
  /// Element of an operand that broadcasts (NumPy) to a result of the given
  /// dimensions: sizes that are 1 take index 0, at run time where unknown.
  Value broadcastElement(Value tensor, llvm::ArrayRef<fm::Expr> resultDims,
                         ValueRange indices);
  /// From now on elements of `tensor` come from `source`.
  void define(Value tensor, ElementSource source);
  void undefine(Value tensor);
  /// Whether an element depends on its indices only through the row-major
  /// offset, so that it may be asked at flatIndices. Values in
  /// `leaves` are taken to be so.
  bool isFlat(Value tensor, llvm::ArrayRef<Value> leaves = {});
  /// The indices of a row-major offset for flat tensors: the offset in the
  /// last dimension that is not 1, zeros elsewhere.
  Indices flatIndices(llvm::ArrayRef<fm::Expr> dims, Value offset);
  /// While one lives, an element that was emitted once is not emitted again
  /// in the same region. Elements must not change in its time: not for code
  /// that stores what a source reads.
  class Remember {
  public:
    explicit Remember(KernelContext &k) : k(k) { ++k.remembering; }
    ~Remember();
    Remember(const Remember &) = delete;

  private:
    KernelContext &k;
  };
  /// From now on the element of concat `op` at an index along the axis that
  /// is the value `index` comes from operand `operand` (a null index ends
  /// it): loops split at the joints avoid the choice inside.
  void chooseOperand(mlir::Operation *op, Value index, unsigned operand);
  /// The operand chosen for a concat and an index, or none.
  std::optional<unsigned> chosenOperand(mlir::Operation *op, Value index);
  /// Reports that code for an op cannot be made.
  mlir::InFlightDiagnostic error(mlir::Operation *op);

  //--- Memory --------------------------------------------------------------
  /// The row-major offset of indices in a tensor of the given dimensions.
  Value linear(llvm::ArrayRef<fm::Expr> dims, ValueRange indices);
  /// The inverse: indices of a row-major offset.
  Indices delinear(llvm::ArrayRef<fm::Expr> dims, Value offset);
  /// How an element type lies in memory (i8 for i1 and types below a byte).
  static mlir::Type storageType(mlir::Type element);
  /// How an element is held in a register (i8 for ui8, i1 for i1).
  static mlir::Type registerType(mlir::Type element);
  Value load(Value pointer, mlir::Type element, Value offset);
  void store(Value value, Value pointer, mlir::Type element, Value offset);
  /// Address of an element: !llvm.ptr.
  Value address(Value pointer, mlir::Type element, Value offset);
  /// Stores an element of result `i` of the kernel.
  void storeResult(unsigned i, ValueRange indices, Value value);
  /// The pointer of a tensor that is a block argument, else null.
  Value pointerOf(Value tensor);
  /// A vector of `lanes` elements from contiguous memory; masked when
  /// `mask` (vector<lanes x i1>) is not null: other lanes are 0.
  Value loadVector(Value pointer, mlir::Type element, Value offset,
                   unsigned lanes, Value mask = {});
  void storeVector(Value vector, Value pointer, mlir::Type element,
                   Value offset, Value mask = {});
  /// Bytes of scratch memory from a running offset, 64-byte aligned: static
  /// bookkeeping for kernels that cut their scratch into pieces.
  Value scratchAt(Value byteOffset);

  //--- Arithmetic and loops --------------------------------------------------
  Value index(int64_t value);
  Value addI(Value a, Value b);
  Value subI(Value a, Value b);
  Value mulI(Value a, Value b);
  Value divI(Value a, Value b); ///< of non-negative indices, b > 0
  Value remI(Value a, Value b);
  Value minI(Value a, Value b);
  Value maxI(Value a, Value b);
  Value ceilDivI(Value a, Value b);
  Value lessI(Value a, Value b); ///< i1
  Value selectV(Value condition, Value a, Value b);
  /// A scalar constant of a register type.
  Value constant(mlir::Type type, double value);
  Value zero(mlir::Type type) { return constant(type, 0); }

  /// for (i = begin; i < end; i += step) body(i)
  void forLoop(Value begin, Value end, Value step,
               llvm::function_ref<void(Value)> body);
  /// The same with values carried around; returns the last ones.
  llvm::SmallVector<Value>
  forLoop(Value begin, Value end, Value step, ValueRange init,
          llvm::function_ref<llvm::SmallVector<Value>(Value, ValueRange)> body);
  void ifThen(Value condition, llvm::function_ref<void()> then);
  /// if-then-else with results.
  llvm::SmallVector<Value>
  ifElse(Value condition, mlir::TypeRange types,
         llvm::function_ref<llvm::SmallVector<Value>()> then,
         llvm::function_ref<llvm::SmallVector<Value>()> otherwise);
  /// Loops over all indices of `dims`, row-major, innermost last.
  void forAll(llvm::ArrayRef<fm::Expr> dims,
              llvm::function_ref<void(ValueRange)> body);
  /// This part's share [begin, end) of `total` items; `grain` items stay
  /// together.
  std::pair<Value, Value> share(Value total, int64_t grain = 1);

  /// Runs `emit` with the builder at the function's entry, where all that it
  /// emits dominates the rest.
  Value atEntry(llvm::function_ref<Value()> emit);
  /// A constant of the attribute's type, once, at the entry.
  Value constantAttr(mlir::TypedAttr attr);

private:
  Value symbolValue(unsigned position);
  Value emitExpr(fm::Expr expr);
  Value emitElement(Value tensor, ValueRange indices);
  /// Alias scopes of a pointer: inputs, each output and scratch are disjoint.
  template <typename OpTy>
  void annotate(OpTy op, Value pointer);

  struct Alias {
    mlir::ArrayAttr scope, others;
  };
  /// An element that was emitted, and where.
  struct Emitted {
    Indices indices;
    Value value;
    mlir::Block *block;
  };

  /// Entry code goes before it.
  mlir::Operation *marker = nullptr;
  llvm::DenseMap<fm::Expr, Value> exprs;
  llvm::DenseMap<mlir::Attribute, Value> constants;
  llvm::DenseMap<Value, ElementSource> sources;
  llvm::DenseMap<Value, llvm::SmallVector<Emitted, 1>> emitted;
  llvm::DenseMap<mlir::Operation *, std::pair<Value, unsigned>> choices;
  llvm::DenseMap<Value, Alias> aliases;
  int remembering = 0;
};

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_KERNELCONTEXT_H
