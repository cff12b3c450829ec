//===- Commands.cpp - A schedule's commands and the memory they touch -----===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/Commands.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace narae;

bool memory::isCommand(Operation *op) {
  return !isa<hbm::HbmDialect>(op->getDialect()) &&
         llvm::any_of(op->getOperandTypes(),
                      [](Type type) { return isa<hbm::BufferType>(type); });
}

Operation *memory::rootOf(Value buffer) {
  while (auto alias = buffer.getDefiningOp<hbm::AliasOp>())
    buffer = alias.getOf();
  return buffer.getDefiningOp();
}

const void *memory::memoryOf(Value buffer) {
  Operation *root = rootOf(buffer);
  if (auto weight = dyn_cast_or_null<rt::WeightOp>(root))
    return weight.getDataAttr().getAsOpaquePointer();
  // A state and a weight of one name are never there: both are symbols.
  if (auto state = dyn_cast_or_null<rt::StateOp>(root))
    return state.getDataAttr().getAsOpaquePointer();
  return root;
}

RankedTensorType memory::tensorOf(Operation *root, SymbolTable &symbols) {
  if (auto buffer = dyn_cast_or_null<hbm::BufferOp>(root))
    return dyn_cast<RankedTensorType>(buffer.getTensor());
  if (auto arg = dyn_cast_or_null<rt::ArgOp>(root))
    return dyn_cast<RankedTensorType>(arg.getTensor());
  if (auto weight = dyn_cast_or_null<rt::WeightOp>(root))
    if (auto data = symbols.lookup<fm::WeightDataOp>(weight.getData()))
      return dyn_cast<RankedTensorType>(data.getType());
  if (auto state = dyn_cast_or_null<rt::StateOp>(root))
    if (auto data = symbols.lookup<fm::StateOp>(state.getData()))
      return dyn_cast<RankedTensorType>(data.getType());
  return {};
}

/// Whether all of a buffer's memory is meant, and not a part of it.
static bool isWhole(Value buffer, SymbolTable &symbols) {
  auto alias = buffer.getDefiningOp<hbm::AliasOp>();
  if (!alias)
    return true;
  auto part = dyn_cast<RankedTensorType>(alias.getTensor());
  RankedTensorType all = memory::tensorOf(memory::rootOf(buffer), symbols);
  return part && all && part.hasStaticShape() && all.hasStaticShape() &&
         fm::storageBytes(part) >= fm::storageBytes(all);
}

SmallVector<memory::Access> memory::accessesOf(Operation *command,
                                               SymbolTable &symbols) {
  SmallVector<Access> accesses;
  auto write = [&](Value buffer, bool updates) {
    accesses.push_back({buffer, updates, true, !isWhole(buffer, symbols)});
  };
  if (auto copy = dyn_cast<rt::CopyOp>(command)) {
    accesses.push_back({copy.getFrom(), true, false});
    write(copy.getTo(), false);
    RankedTensorType all = tensorOf(rootOf(copy.getTo()), symbols);
    auto bytes = getConstantIntValue(copy.getBytes());
    accesses.back().isPart |= !bytes || !all || !all.hasStaticShape() ||
                              *bytes < fm::storageBytes(all);
  }
  if (auto launch = dyn_cast<rt::LaunchOp>(command)) {
    for (Value input : launch.getInputs())
      accesses.push_back({input, true, false});
    auto kernel = symbols.lookup<rt::KernelOp>(launch.getKernel());
    auto updates = kernel ? kernel.getInplace() : std::nullopt;
    for (auto [i, output] : llvm::enumerate(launch.getOutputs()))
      write(output, updates && i < updates->size() && (*updates)[i] >= 0);
  }
  return accesses;
}

bool memory::isStraight(func::FuncOp func) {
  return llvm::hasSingleElement(func.getBody()) &&
         llvm::none_of(func.getBody().front(),
                       [](Operation &op) { return op.getNumRegions() > 0; });
}
