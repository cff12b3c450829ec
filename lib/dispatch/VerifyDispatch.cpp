//===- VerifyDispatch.cpp - The rung after dispatch ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/dispatch/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace narae::dispatch {
#define GEN_PASS_DEF_VERIFYDISPATCH
#include "lib/dispatch/Passes.h.inc"
} // namespace narae::dispatch

using namespace mlir;
using namespace narae;

/// Wide copies of weights up to this many elements are scratch work.
static constexpr int64_t kTileElements = 1 << 14;

/// The weight that a value of `main` is, perhaps in another shape; or null.
static fm::WeightOp weightOf(Value value) {
  while (auto view = value.getDefiningOp<rt::ViewOp>())
    value = view.getInput();
  return value.getDefiningOp<fm::WeightOp>();
}

/// Whether a value of a kernel is made of packed or narrow weights alone:
/// `weights` are the arguments that weights are passed for.
static bool isWidened(Value value, const llvm::BitVector &weights) {
  bool widens = false;
  SmallVector<Value> worklist{value};
  DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value v = worklist.pop_back_val();
    if (!seen.insert(v).second)
      continue;
    if (auto arg = dyn_cast<BlockArgument>(v)) {
      if (!weights[arg.getArgNumber()])
        return false;
      continue;
    }
    Operation *op = v.getDefiningOp();
    widens |= isa<fm::DequantizeOp, fm::BlockPanelsOp>(op);
    if (auto cast = dyn_cast<fm::CastOp>(op)) {
      Type from = getElementTypeOrSelf(cast.getInput().getType());
      widens |= isa<FloatType>(from) && cast.getTo().isF32() &&
                from.getIntOrFloatBitWidth() < 32;
    }
    worklist.append(op->operand_begin(), op->operand_end());
  }
  return widens;
}

/// Weights stay packed: no kernel may write one out in more bits.
static LogicalResult verifyPacked(ModuleOp module) {
  llvm::MapVector<StringRef, llvm::BitVector> weights;
  llvm::StringMap<rt::DispatchOp> example;
  module.walk([&](rt::DispatchOp op) {
    auto [it, isNew] = weights.insert(
        {op.getKernel(), llvm::BitVector(op.getInputs().size(), true)});
    for (auto [i, input] : llvm::enumerate(op.getInputs()))
      if (i < it->second.size() && !weightOf(input))
        it->second.reset(i);
    example.try_emplace(op.getKernel(), op);
  });
  SymbolTable symbols(module);
  bool ok = true;
  for (auto &[name, passed] : weights) {
    auto kernel = symbols.lookup<rt::KernelOp>(name);
    if (!kernel || kernel.block().getNumArguments() != passed.size())
      continue;
    for (Value result : kernel.yield()->getOperands()) {
      auto type = cast<RankedTensorType>(result.getType());
      if (!type.hasStaticShape() || type.getNumElements() <= kTileElements ||
          !isWidened(result, passed))
        continue;
      std::string names;
      for (Value input : example[name].getInputs())
        if (fm::WeightOp weight = weightOf(input))
          names += (names.empty() ? "'" : ", '") + weight.getData().str() + "'";
      kernel.emitError("kernel @")
          << name << " would write the packed weight " << names << " out as "
          << type << "; weights are widened only inside the kernels that use "
          << "them: let a matmul or a gather read it";
      ok = false;
    }
  }
  return success(ok);
}

namespace {

struct VerifyDispatchPass
    : narae::dispatch::impl::VerifyDispatchBase<VerifyDispatchPass> {
  void runOnOperation() override {
    bool ok = true;
    for (auto func : getOperation().getOps<func::FuncOp>())
      func.walk([&](Operation *op) {
        bool allowed =
            isa<func::FuncOp, func::ReturnOp, fm::WeightOp, fm::StateReadOp,
                fm::StateWriteOp, fm::IfOp, fm::LoopOp, fm::YieldOp,
                tensor::DimOp>(op) ||
            isa<rt::RtDialect, arith::ArithDialect>(op->getDialect());
        if (!allowed) {
          op->emitError("'")
              << op->getName() << "' is left outside kernels after dispatch";
          ok = false;
        }
      });
    if (failed(verifyPacked(getOperation())) || !ok)
      signalPassFailure();
  }
};

} // namespace
