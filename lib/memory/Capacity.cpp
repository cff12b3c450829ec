//===- Capacity.cpp - Whether a plan fits ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae;

/// Buffers that are named when a plan does not fit.
static constexpr size_t kNamed = 8;

namespace {
struct Item {
  int64_t bytes;
  StringRef what, name;
};
} // namespace

static std::string gigabytes(int64_t bytes) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (bytes >= 1 << 30)
    os << llvm::format("%.2f GiB", double(bytes) / (1 << 30));
  else
    os << llvm::format("%.2f MiB", double(bytes) / (1 << 20));
  return text;
}

/// Weights that are read, states, and arena buffers of static size.
static SmallVector<Item> collect(ModuleOp module) {
  SmallVector<Item> items;
  llvm::StringSet<> used;
  auto bytes = [](Type type) {
    return fm::storageBytes(cast<RankedTensorType>(type));
  };
  module.walk([&](rt::WeightOp op) { used.insert(op.getData()); });
  for (auto data : module.getOps<fm::WeightDataOp>())
    if (used.contains(data.getSymName()))
      items.push_back({bytes(data.getType()), "weight", data.getSymName()});
  for (auto state : module.getOps<fm::StateOp>())
    items.push_back({bytes(state.getType()), "state", state.getSymName()});
  module.walk([&](hbm::BufferOp op) {
    if (op.getSpace() == "arena" && op.getDims().empty())
      items.push_back({bytes(op.getTensor()), "buffer", op.getName()});
  });
  llvm::sort(items, [](const Item &a, const Item &b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
  });
  return items;
}

/// Whether every size of an entry has a bound. Without, the plan's peak is that
/// of nominal sizes, and the arena grows as larger inputs come.
static bool isBounded(func::FuncOp func) {
  return !func.walk([](rt::ArgOp arg) {
                auto type = cast<RankedTensorType>(arg.getTensor());
                ArrayRef<int64_t> bounds = arg.getBounds();
                for (int64_t i = 0; i < type.getRank(); ++i)
                  if (type.isDynamicDim(i) &&
                      (2 * size_t(i) + 1 >= bounds.size() ||
                       bounds[2 * i + 1] < 0))
                    return WalkResult::interrupt();
                return WalkResult::advance();
              })
              .wasInterrupted();
}

LogicalResult memory::checkCapacity(ModuleOp module, int64_t capacity) {
  int64_t weights = 0, states = 0, arena = 0;
  module.walk([&](hbm::PlanOp plan) {
    int64_t peak = plan.getPeak();
    if (plan.getSpace() == "weights")
      weights = peak;
    else if (plan.getSpace() == "state")
      states = peak;
    else if (plan.getSpace() == "arena" &&
             isBounded(plan->getParentOfType<func::FuncOp>()))
      arena = std::max(arena, peak);
  });
  int64_t need = 0;
  if (!llvm::AddOverflow(weights, states, need) &&
      !llvm::AddOverflow(need, arena, need) && need <= capacity)
    return success();
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "does not fit into the target's memory: need " << gigabytes(need)
     << " (weights " << gigabytes(weights) << ", state " << gigabytes(states)
     << ", arena " << gigabytes(arena) << "), have " << gigabytes(capacity)
     << "; the largest are";
  auto items = collect(module);
  for (const Item &item : ArrayRef(items).take_front(kNamed))
    os << "\n  " << item.what << " '" << item.name
       << "': " << gigabytes(item.bytes);
  os << "\n"
     << (states > 0 ? "a shorter --context, a smaller --batch or a narrower "
                      "--kv-type make the state smaller; --quantize makes "
                      "the weights smaller"
                    : "smaller bounds of dynamic dimensions (--dim) make the "
                      "arena smaller");
  return mlir::emitError(UnknownLoc::get(module.getContext()), text);
}
