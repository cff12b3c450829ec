//===- ConstantEvaluation.cpp - Work on weights at compile time ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dispatches that read weights alone run now, by the kernels that would have
// run them later: the host's backend compiles them into an artifact of their
// own, whose inputs are the weights, and the runtime runs it in this process.
// Packing weights for matmul kernels, transposing and folding them need no
// code of their own.
//
//===----------------------------------------------------------------------===//

#include "lib/driver/ConstantBatches.h"
#include "lib/driver/HostRun.h"

#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;

namespace {

/// Runs one batch; `names` are the new weights of its results.
bool runBatch(HostRun &evaluation, size_t entry, ConstantBatch &batch,
              ArrayRef<std::string> names, WeightStore &weights) {
  std::vector<narae_tensor> inputs, outputs;
  for (fm::WeightOp weight : batch.inputs) {
    auto bytes = weights.find(weight.getData());
    if (!bytes) {
      weight.emitError("the bytes of the weight are missing")
          << (weights.failure().empty() ? "" : ": ") << weights.failure();
      return false;
    }
    inputs.push_back(tensorOf(weight, bytes->data()));
  }
  for (auto [value, name] : llvm::zip(batch.results, names)) {
    auto bytes = weights.allocate(name, bytesOf(value.getType()));
    if (!bytes) {
      emitError(value.getLoc()) << llvm::toString(bytes.takeError());
      return false;
    }
    outputs.push_back(tensorOf(value, bytes->data()));
  }
  if (!evaluation.run(entry, inputs, outputs))
    return false;
  for (fm::WeightOp weight : batch.inputs)
    weights.release(weight.getData());
  for (const std::string &name : names)
    weights.release(name);
  return true;
}

/// Compiles the batches for the host and runs them one after the other.
bool runBatches(ModuleOp module, MutableArrayRef<ConstantBatch> batches,
                ArrayRef<SmallVector<std::string>> names, WeightStore &weights,
                const CompileOptions &options) {
  MLIRContext *context = module.getContext();
  CompileOptions host = hostOptions(options);
  Session session(*context, host);
  session.checkCapacity = false;
  session.module = extractBatches(module, batches);
  HostRun evaluation(context);
  if (!session.resolveTarget() ||
      !session.target().configure(*session.module) ||
      !evaluation.prepare(session, weights, Phase::Schedule, options.threads))
    return false;
  for (auto [i, batch] : llvm::enumerate(batches))
    if (!runBatch(evaluation, i, batch, names[i], weights))
      return false;
  return true;
}

} // namespace

bool driver::evaluateConstants(ModuleOp module, WeightStore &weights,
                               const CompileOptions &options) {
  MLIRContext *context = module.getContext();
  llvm::SetVector<Value> frontier;
  for (auto func : module.getOps<func::FuncOp>()) {
    llvm::SetVector<Value> values = constantFrontier(func);
    frontier.insert(values.begin(), values.end());
  }
  if (frontier.empty())
    return true;
  // Without bytes there is nothing to run, but the results have their types.
  bool absent =
      llvm::any_of(module.getOps<fm::WeightDataOp>(),
                   [](fm::WeightDataOp op) { return op.getAbsent(); });
  // Entries share weights, and so what is made of them.
  ValueNumbers numbers;
  DenseMap<unsigned, SmallVector<Value>> equal;
  SmallVector<Value> distinct;
  for (Value value : frontier) {
    SmallVector<Value> &same = equal[numbers.get(value)];
    if (same.empty())
      distinct.push_back(value);
    same.push_back(value);
  }
  SmallVector<ConstantBatch> batches = divide(distinct);
  SmallVector<SmallVector<std::string>> names(batches.size());
  SymbolTable symbols(module);
  OpBuilder b(context);
  SmallVector<std::pair<Value, fm::WeightDataOp>> evaluated;
  for (auto [i, batch] : llvm::enumerate(batches))
    for (Value value : batch.results) {
      auto data = OpBuilder(context).create<fm::WeightDataOp>(
          value.getLoc(), evaluatedName(value), value.getType(), /*file=*/"",
          /*offset=*/0, bytesOf(value.getType()), /*hash=*/0);
      data.setAbsent(absent);
      symbols.insert(data, module.getBody()->begin());
      names[i].push_back(data.getSymName().str());
      evaluated.push_back({value, data});
    }
  if (!absent && !runBatches(module, batches, names, weights, options))
    return false;
  for (auto [first, data] : evaluated)
    for (Value value : equal[numbers.get(first)]) {
      b.setInsertionPoint(value.getDefiningOp());
      Value weight = b.create<fm::WeightOp>(
          value.getLoc(), value.getType(),
          FlatSymbolRefAttr::get(context, data.getSymName()));
      value.replaceAllUsesWith(weight);
    }
  // Weights that only the evaluated work read are not needed any more.
  PassManager pm(context, ModuleOp::getOperationName());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  if (failed(pm.run(module)))
    return false;
  llvm::StringSet<> used;
  module.walk([&](fm::WeightOp op) { used.insert(op.getData()); });
  for (auto data :
       llvm::make_early_inc_range(module.getOps<fm::WeightDataOp>()))
    if (!used.contains(data.getSymName())) {
      weights.erase(data.getSymName());
      data.erase();
    }
  return true;
}
