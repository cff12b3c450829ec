//===- Scheduler.h - Tensors into buffers ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_SCHEDULE_SCHEDULER_H
#define NARAE_LIB_SCHEDULE_SCHEDULER_H

#include "dialects/rt/RtDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace narae::schedule {

/// Builds the scheduled form of one function: commands in program order on
/// buffers whose lifetimes are positions of that order.
class Scheduler {
public:
  /// \param reuse whether results may take memory of operands that kernels do
  /// not update in place, and concatenations be written by their producers.
  Scheduler(mlir::func::FuncOp old, mlir::SymbolTable &symbols, bool reuse);
  /// Replaces the function's body; failure after a diagnostic.
  llvm::LogicalResult run();
  unsigned sharedResults() const { return shared; }
  unsigned concatPieces() const { return pieces.size(); }

private:
  struct Tensor {
    mlir::Value buffer;
    llvm::SmallVector<mlir::Value> dims; ///< index, all of them
  };

  /// A concatenation of which some inputs are computed where they belong.
  struct Concat {
    int64_t first = 0; ///< position of the first of these
    llvm::SmallVector<mlir::Value> pieces;
    Tensor tensor;
    /// By operand: bytes from the beginning of the result.
    llvm::DenseMap<unsigned, mlir::Value> offsets;
  };

  void computePositions();
  void planConcats();
  mlir::Value pieceOf(rt::DispatchOp concat, mlir::Value operand);
  Concat &concatResult(rt::DispatchOp op);
  mlir::Value pieceBuffer(mlir::Value value, llvm::ArrayRef<mlir::Value> dims);
  void finishConcat(rt::DispatchOp op);
  /// An output's memory, for a result that becomes one, through views
  /// perhaps; null when its size is not known yet.
  mlir::Value outputBuffer(mlir::Location loc, unsigned number,
                           llvm::StringRef name, const Tensor &tensor,
                           mlir::RankedTensorType type, int64_t first);
  /// Gives a command's result, whose dimensions are known, its buffer.
  void placeResult(mlir::Operation *op, mlir::Value result,
                   llvm::StringRef name, Tensor &tensor, int64_t first);
  /// The name of the last model node of a dispatch.
  static std::string nameOf(rt::DispatchOp op);
  int64_t lastUse(mlir::Value value);
  void planUpdates();
  mlir::Value origin(mlir::Value value) const;
  bool canReuse(rt::DispatchOp op, mlir::Value result, mlir::Value operand);
  static bool isReturned(mlir::Value value);
  void commitStates(mlir::Operation *end);
  mlir::Value stateBuffer(mlir::Location loc, mlir::FlatSymbolRefAttr state);
  void findOutputs();
  void addArguments();
  llvm::LogicalResult block(mlir::Block &block);
  llvm::LogicalResult op(mlir::Operation *op);
  llvm::LogicalResult dispatch(rt::DispatchOp op);
  llvm::LogicalResult call(rt::CallOp op);
  llvm::LogicalResult view(rt::ViewOp op);
  llvm::LogicalResult branch(fm::IfOp op);
  llvm::LogicalResult loop(fm::LoopOp op);
  llvm::LogicalResult results(mlir::func::ReturnOp op);

  Tensor tensorOf(mlir::Value value);
  /// The new value of an old index value; clones what it is computed from.
  /// Null when it depends on something that has not run yet.
  mlir::Value index(mlir::Value old);
  /// Whether an index value is known only while the program runs.
  static bool isLate(mlir::Value value);
  mlir::Value constant(int64_t value);
  mlir::Value buffer(mlir::Location loc, mlir::RankedTensorType type,
                     llvm::ArrayRef<mlir::Value> dims, llvm::StringRef name,
                     llvm::StringRef space, int64_t first, int64_t last);
  mlir::Value alias(mlir::Location loc, mlir::Value of,
                    mlir::RankedTensorType type,
                    llvm::ArrayRef<mlir::Value> dims, mlir::Value offset = {});
  void copy(mlir::Location loc, const Tensor &from, const Tensor &to,
            mlir::RankedTensorType type);
  llvm::SmallVector<mlir::Value> dynamicDims(mlir::RankedTensorType type,
                                             llvm::ArrayRef<mlir::Value> dims);
  llvm::SmallVector<mlir::Value> allDims(mlir::RankedTensorType type,
                                         mlir::ValueRange dynamic);

  mlir::func::FuncOp func;
  mlir::SymbolTable &symbols;
  mlir::OpBuilder b;
  mlir::IRMapping indices;
  llvm::DenseMap<mlir::Value, Tensor> tensors;
  llvm::DenseMap<mlir::Operation *, int64_t> position;
  llvm::DenseMap<mlir::Operation *, int64_t> endPosition;
  /// Results of dispatches that can be written to an output directly: the
  /// operand of the return that they become, through views.
  llvm::DenseMap<mlir::Value, unsigned> directOutputs;
  llvm::DenseMap<unsigned, mlir::Value> outputBuffers;
  /// Results that take the memory of an operand, which they update.
  llvm::DenseMap<mlir::Value, mlir::Value> reused;
  /// Dispatches of concatenations, and by value where it is a piece.
  llvm::MapVector<mlir::Operation *, Concat> concats;
  llvm::DenseMap<mlir::Value, rt::DispatchOp> pieces;
  llvm::StringMap<llvm::SmallVector<mlir::Value, 1>> stateReads;
  llvm::SmallVector<fm::StateWriteOp> stateWrites;
  llvm::StringSet<> written;
  int64_t variables = 0;
  bool reuse;
  unsigned shared = 0;
};

} // namespace narae::schedule

#endif // NARAE_LIB_SCHEDULE_SCHEDULER_H
