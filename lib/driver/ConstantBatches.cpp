//===- ConstantBatches.cpp - What can be computed from weights alone ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/ConstantBatches.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringSet.h"

#include <functional>

using namespace mlir;
using namespace narae;
using namespace narae::driver;

/// Results may be this much larger than what they are made from, or small.
static constexpr int64_t kMaxGrowth = 4, kSmallBytes = 1 << 20;
/// Bytes that one run of evaluated work reads and writes, where it can be
/// divided: weights beyond need not be in memory at the same time.
static constexpr int64_t kBatchBytes = 256 << 20;

int64_t driver::bytesOf(Type type) {
  return fm::storageBytes(cast<RankedTensorType>(type));
}

namespace {

/// The values of a function that depend on weights alone.
class ConstantSet {
public:
  explicit ConstantSet(func::FuncOp func) {
    func.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isConstant(op))
        values.insert(op->result_begin(), op->result_end());
    });
    // What others read is worth keeping; the rest is on the way.
    func.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!isa<rt::DispatchOp>(op) || !values.contains(op->getResult(0)))
        return;
      for (Value result : op->getResults())
        if (isReadByOthers(result))
          frontier.insert(result);
    });
  }
  llvm::SetVector<Value> frontier;

private:
  /// Packed weights stay packed: see the verifier of phase `dispatch`.
  static bool dequantizes(rt::DispatchOp op) {
    auto kernel = SymbolTable::lookupNearestSymbolFrom<rt::KernelOp>(
        op, op.getKernelAttr());
    return kernel && llvm::any_of(kernel.block(), [](Operation &inner) {
             return isa<fm::DequantizeOp, fm::BlockPanelsOp>(inner);
           });
  }
  bool isConstant(Operation *op) {
    if (isa<fm::WeightOp>(op))
      return true;
    if (auto view = dyn_cast<rt::ViewOp>(op))
      return view.getDims().empty() && values.contains(view.getInput());
    auto dispatch = dyn_cast<rt::DispatchOp>(op);
    if (!dispatch || !dispatch.getParams().empty() || dequantizes(dispatch))
      return false;
    // Numbers of strings mean nothing outside of the module.
    auto isText = [](Type type) {
      return fm::isString(getElementTypeOrSelf(type));
    };
    if (llvm::any_of(dispatch->getOperandTypes(), isText) ||
        llvm::any_of(dispatch->getResultTypes(), isText))
      return false;
    int64_t in = 0, out = 0;
    for (Value input : dispatch.getInputs()) {
      if (!values.contains(input))
        return false;
      in += bytesOf(input.getType());
    }
    for (Type type : dispatch.getResultTypes()) {
      if (!cast<RankedTensorType>(type).hasStaticShape())
        return false;
      out += bytesOf(type);
    }
    return out <= std::max(kMaxGrowth * in, kSmallBytes);
  }
  /// Whether anything but constant dispatches reads a value, through views.
  bool isReadByOthers(Value value) {
    for (Operation *user : value.getUsers()) {
      if (isa<rt::ViewOp>(user) && values.contains(user->getResult(0))) {
        if (isReadByOthers(user->getResult(0)))
          return true;
      } else if (!isa<rt::DispatchOp>(user) ||
                 !values.contains(user->getResult(0))) {
        return true;
      }
    }
    return false;
  }
  DenseSet<Value> values;
};

} // namespace

llvm::SetVector<Value> driver::constantFrontier(func::FuncOp func) {
  return std::move(ConstantSet(func).frontier);
}

/// Ops that compute `values`, in program order, and the weights they read.
static SmallVector<Operation *>
collectWork(ArrayRef<Value> values, SmallVectorImpl<fm::WeightOp> &inputs) {
  llvm::SetVector<Operation *> needed;
  SmallVector<Operation *> stack;
  for (Value value : values)
    stack.push_back(value.getDefiningOp());
  while (!stack.empty()) {
    Operation *op = stack.pop_back_val();
    if (!needed.insert(op))
      continue;
    for (Value operand : op->getOperands())
      stack.push_back(operand.getDefiningOp());
  }
  // Operands come before their users in each order that this makes.
  SmallVector<Operation *> work;
  llvm::StringSet<> seen;
  DenseSet<Operation *> done;
  std::function<void(Operation *)> visit = [&](Operation *op) {
    if (!done.insert(op).second)
      return;
    for (Value operand : op->getOperands())
      visit(operand.getDefiningOp());
    if (auto weight = dyn_cast<fm::WeightOp>(op)) {
      if (seen.insert(weight.getData()).second)
        inputs.push_back(weight);
    } else {
      work.push_back(op);
    }
  };
  for (Value value : values)
    visit(value.getDefiningOp());
  return work;
}

SmallVector<ConstantBatch> driver::divide(ArrayRef<Value> frontier) {
  SmallVector<ConstantBatch> batches;
  int64_t bytes = 0;
  for (size_t i = 0; i < frontier.size();) {
    size_t end = i + 1;
    while (end < frontier.size() &&
           frontier[end].getDefiningOp() == frontier[i].getDefiningOp())
      ++end;
    ArrayRef<Value> part = frontier.slice(i, end - i);
    SmallVector<fm::WeightOp> inputs;
    collectWork(part, inputs);
    int64_t more = 0;
    for (Value value : part)
      more += bytesOf(value.getType());
    for (fm::WeightOp input : inputs)
      more += bytesOf(input.getType());
    if (batches.empty() || bytes + more > kBatchBytes) {
      batches.emplace_back();
      bytes = 0;
    }
    bytes += more;
    batches.back().results.append(part.begin(), part.end());
    i = end;
  }
  return batches;
}

/// An entry of `b`'s module that computes a batch; notes its kernels.
static void makeEntry(OpBuilder &b, unsigned number, ConstantBatch &batch,
                      llvm::StringSet<> &kernels) {
  OpBuilder::InsertionGuard guard(b);
  Location loc = b.getUnknownLoc();
  SmallVector<Operation *> work = collectWork(batch.results, batch.inputs);
  SmallVector<Type> inputTypes, resultTypes;
  for (fm::WeightOp weight : batch.inputs)
    inputTypes.push_back(weight.getType());
  for (Value value : batch.results)
    resultTypes.push_back(value.getType());
  auto func =
      b.create<func::FuncOp>(loc, "batch" + std::to_string(number),
                             b.getFunctionType(inputTypes, resultTypes));
  Block *entry = func.addEntryBlock();
  b.setInsertionPointToEnd(entry);
  llvm::StringMap<Value> arguments;
  for (auto [weight, argument] : llvm::zip(batch.inputs, entry->getArguments()))
    arguments[weight.getData()] = argument;
  IRMapping map;
  for (Operation *op : work) {
    for (Value operand : op->getOperands())
      if (auto weight = operand.getDefiningOp<fm::WeightOp>())
        map.map(operand, arguments.lookup(weight.getData()));
    b.clone(*op, map);
    if (auto dispatch = dyn_cast<rt::DispatchOp>(op))
      kernels.insert(dispatch.getKernel());
  }
  SmallVector<Value> results;
  for (Value value : batch.results)
    results.push_back(map.lookup(value));
  b.create<func::ReturnOp>(loc, results);
}

OwningOpRef<ModuleOp>
driver::extractBatches(ModuleOp module,
                       MutableArrayRef<ConstantBatch> batches) {
  OwningOpRef<ModuleOp> result =
      ModuleOp::create(UnknownLoc::get(module.getContext()));
  OpBuilder b = OpBuilder::atBlockEnd(result->getBody());
  llvm::StringSet<> kernels;
  for (auto [i, batch] : llvm::enumerate(batches))
    makeEntry(b, i, batch, kernels);
  b.setInsertionPointToStart(result->getBody());
  for (auto kernel : module.getOps<rt::KernelOp>())
    if (kernels.contains(kernel.getSymName())) {
      auto copy = cast<rt::KernelOp>(b.clone(*kernel));
      // Chosen again for the host.
      copy.removeConfigAttr();
      copy.removeScratchAttr();
      copy.removeWorkAttr();
    }
  return result;
}

std::string driver::evaluatedName(Value value) {
  SmallVector<fm::WeightOp> inputs;
  collectWork(value, inputs);
  return inputs.size() == 1 ? inputs[0].getData().str() + ".evaluated"
                            : "evaluated";
}

unsigned ValueNumbers::get(Value value) {
  auto known = numbers.find(value);
  if (known != numbers.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  std::vector<const void *> key{
      op->getName().getAsOpaquePointer(),
      op->getDiscardableAttrDictionary().getAsOpaquePointer(),
      op->getPropertiesAsAttribute().getAsOpaquePointer(),
      value.getType().getAsOpaquePointer(),
      reinterpret_cast<const void *>(
          uintptr_t(cast<OpResult>(value).getResultNumber()))};
  // Which model node a kernel runs for is no part of what it computes.
  if (isa<rt::DispatchOp>(op))
    key[1] = nullptr;
  for (Value operand : op->getOperands())
    key.push_back(reinterpret_cast<const void *>(uintptr_t(get(operand))));
  unsigned number = table.try_emplace(key, table.size()).first->second;
  return numbers[value] = number;
}
