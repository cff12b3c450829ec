//===- PlanMemory.cpp - Places for the buffers of a schedule ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/hbm/Packing.h"
#include "lib/dispatch/HostExprs.h"
#include "lib/memory/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

namespace narae::memory {
#define GEN_PASS_DEF_PLANMEMORY
#include "lib/memory/Passes.h.inc"
} // namespace narae::memory

using namespace mlir;
using namespace narae;

/// Of states and weights in their spaces.
static constexpr int64_t kAlignment = 64;

/// Sizes of buffers while planning: an interpreter of the index arithmetic
/// that the schedule left, with given sizes for dynamic dimensions.
namespace {
class Evaluator {
public:
  explicit Evaluator(int64_t nominal) : nominal(nominal) {}
  std::optional<int64_t> value(Value v);
  std::optional<int64_t> bytes(hbm::BufferOp op);
  void learn(rt::ArgOp op) { args[op.getIndex()] = op; }

private:
  std::optional<int64_t> compute(Operation *op);
  int64_t nominal;
  DenseMap<uint64_t, rt::ArgOp> args;
  DenseMap<Value, std::optional<int64_t>> cache;
};
} // namespace

std::optional<int64_t> Evaluator::compute(Operation *op) {
  if (auto c = dyn_cast<arith::ConstantOp>(op)) {
    auto value = dyn_cast<IntegerAttr>(c.getValue());
    return value ? std::optional<int64_t>(value.getInt()) : std::nullopt;
  }
  if (auto dim = dyn_cast<rt::ArgDimOp>(op)) {
    rt::ArgOp arg = args.lookup(dim.getArg());
    auto bounds = arg ? arg.getBounds() : ArrayRef<int64_t>();
    size_t i = 2 * dim.getAxis();
    if (i + 1 < bounds.size() && bounds[i + 1] >= 0)
      return bounds[i + 1];
    return i < bounds.size() ? std::max(nominal, bounds[i]) : nominal;
  }
  SmallVector<int64_t> v;
  for (Value operand : op->getOperands()) {
    auto known = value(operand);
    if (!known)
      return std::nullopt;
    v.push_back(*known);
  }
  if (auto eval = dyn_cast<rt::EvalOp>(op)) {
    SmallVector<Attribute> symbols;
    Builder b(op->getContext());
    for (int64_t x : v)
      symbols.push_back(b.getIndexAttr(x));
    SmallVector<Attribute> results;
    // Divisions by zero do not fold; such a size is unknown.
    if (failed(eval.getMap().constantFold(symbols, results)))
      return std::nullopt;
    return cast<IntegerAttr>(results[0]).getInt();
  }
  if (isa<arith::MaxSIOp>(op))
    return std::max(v[0], v[1]);
  if (isa<arith::MinSIOp>(op))
    return std::min(v[0], v[1]);
  if (isa<arith::IndexCastUIOp>(op))
    return v[0];
  if (isa<arith::SelectOp>(op))
    return v[0] ? v[1] : v[2];
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    switch (cmp.getPredicate()) {
    case arith::CmpIPredicate::eq:
      return v[0] == v[1];
    case arith::CmpIPredicate::ne:
      return v[0] != v[1];
    case arith::CmpIPredicate::slt:
      return v[0] < v[1];
    default:
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<int64_t> Evaluator::value(Value v) {
  auto it = cache.find(v);
  if (it != cache.end())
    return it->second;
  Operation *op = v.getDefiningOp();
  auto result = op ? compute(op) : std::nullopt;
  return cache[v] = result;
}

std::optional<int64_t> Evaluator::bytes(hbm::BufferOp op) {
  auto type = cast<RankedTensorType>(op.getTensor());
  auto [elements, size] = fm::storageUnit(type.getElementType());
  unsigned next = 0;
  for (auto [i, d] : llvm::enumerate(type.getShape())) {
    int64_t extent = d;
    if (ShapedType::isDynamic(d)) {
      auto known = value(op.getDims()[next++]);
      if (!known)
        return std::nullopt;
      extent = std::max<int64_t>(0, *known);
    }
    if (int64_t(i) + 1 == type.getRank())
      extent = llvm::divideCeil(extent, elements);
    if (llvm::MulOverflow(size, extent, size))
      return std::nullopt;
  }
  return size;
}

/// Moves an op and what it depends on before `point`.
static void hoist(Operation *op, Operation *point) {
  for (Value operand : op->getOperands())
    if (Operation *def = operand.getDefiningOp())
      if (def->getBlock() != point->getBlock() || !def->isBeforeInBlock(point))
        hoist(def, point);
  op->moveBefore(point);
}

/// Bytes of a buffer as index arithmetic before `point`.
static Value sizeOf(OpBuilder &b, hbm::BufferOp op, Operation *point) {
  for (Value dim : op.getDims())
    if (Operation *def = dim.getDefiningOp();
        def->getBlock() != point->getBlock() || !def->isBeforeInBlock(point))
      hoist(def, point);
  auto type = cast<RankedTensorType>(op.getTensor());
  SmallVector<Value> dims;
  unsigned next = 0;
  for (int64_t size : type.getShape())
    dims.push_back(ShapedType::isDynamic(size) ? op.getDims()[next++]
                                               : Value());
  return dispatch::bytesOf(b, op.getLoc(), type, dims);
}

/// One `hbm.pack` for the arena of a function, at `marker`.
static FailureOr<hbm::PackOp> makePack(func::FuncOp func,
                                       ArrayRef<hbm::BufferOp> buffers,
                                       Operation *marker, int64_t nominal) {
  Evaluator evaluator(nominal);
  func.walk([&](rt::ArgOp op) { evaluator.learn(op); });
  OpBuilder b(marker);
  SmallVector<Value> sizes;
  SmallVector<int64_t> first, last, align, upto;
  for (hbm::BufferOp op : buffers) {
    auto planned = evaluator.bytes(op);
    if (!planned)
      return op.emitOpError("has a size that cannot be computed or is beyond "
                            "64 bits; bound its dimensions");
    sizes.push_back(sizeOf(b, op, marker));
    first.push_back(op.getFirst());
    last.push_back(op.getLast());
    align.push_back(op.getAlign());
    // What is empty at the planned sizes need not be at others.
    upto.push_back(op.getDims().empty() ? *planned
                                        : std::max<int64_t>(*planned, 1));
  }
  bool isStatic = llvm::all_of(
      buffers, [](hbm::BufferOp op) { return op.getDims().empty(); });
  SmallVector<Type> types(buffers.size() + 1, b.getIndexType());
  return b.create<hbm::PackOp>(
      func.getLoc(), types, b.getStringAttr("arena"), sizes,
      b.getDenseI64ArrayAttr(first), b.getDenseI64ArrayAttr(last),
      b.getDenseI64ArrayAttr(align),
      isStatic ? DenseI64ArrayAttr() : b.getDenseI64ArrayAttr(upto));
}

static void setPlace(hbm::BufferOp op, Value place) {
  if (auto number = getConstantIntValue(place))
    op.setOffset(*number);
  else
    op.getPlaceMutable().assign(place);
}

/// Plans a function's arena: buffers come first in the function, behind the
/// arithmetic that says where they lie.
static LogicalResult planFunction(func::FuncOp func, int64_t nominal,
                                  bool expand) {
  SmallVector<hbm::BufferOp> buffers;
  func.walk([&](hbm::BufferOp op) {
    if (op.getSpace() == "arena")
      buffers.push_back(op);
  });
  IRRewriter b(func.getContext());
  b.setInsertionPointToStart(&func.getBody().front());
  auto marker = b.create<hbm::PlanOp>(func.getLoc(), "arena", 0, 0, true);
  auto made = makePack(func, buffers, marker, nominal);
  if (failed(made))
    return failure();
  hbm::PackOp pack = *made;
  SmallVector<int64_t> sizes;
  hbm::plannedSizes(pack, sizes);
  memory::Problem problem = hbm::problemOf(pack, sizes);
  for (auto [buffer, op] : llvm::zip(problem.buffers, buffers))
    buffer.name = op.getName().str();
  memory::Plan plan = memory::allocate(problem);
  for (const std::string &message : memory::verify(problem, plan))
    return func.emitError("the memory plan is wrong: ") << message;
  bool isStatic = !pack.getUpto();
  marker.setPeak(plan.peak);
  marker.setLowerBound(plan.lowerBound);
  marker.setExact(isStatic);
  if (!isStatic || !expand)
    marker.getSizeMutable().assign(pack.getPeak());
  for (auto [op, place, offset] :
       llvm::zip(buffers, pack.getOffsets(), plan.offsets)) {
    op->moveBefore(marker);
    if (isStatic && expand)
      op.setOffset(offset);
    else
      op.getPlaceMutable().assign(place);
  }
  if (!expand)
    return success();
  if (isStatic)
    b.eraseOp(pack);
  else
    hbm::expandPack(b, pack, problem, plan);
  for (hbm::BufferOp op : buffers)
    if (Value place = op.getPlace()) {
      op.getPlaceMutable().clear();
      setPlace(op, place);
    }
  return success();
}

/// Sessions keep states one after the other, in the module's order.
static void placeStates(ModuleOp module) {
  int64_t end = 0, bytes = 0;
  for (auto state : module.getOps<fm::StateOp>()) {
    end = llvm::alignTo(end, kAlignment);
    state.setOffset(end);
    int64_t size = fm::storageBytes(cast<RankedTensorType>(state.getType()));
    end += size;
    bytes += size;
  }
  if (end)
    OpBuilder::atBlockBegin(module.getBody())
        .create<hbm::PlanOp>(module.getLoc(), "state", end, bytes, true);
}

/// Weights that something reads; they are where the artifact has them.
static void sumWeights(ModuleOp module) {
  llvm::StringSet<> used;
  module.walk([&](rt::WeightOp op) { used.insert(op.getData()); });
  int64_t end = 0, bytes = 0;
  for (auto data : module.getOps<fm::WeightDataOp>())
    if (used.contains(data.getSymName())) {
      int64_t size = fm::storageBytes(cast<RankedTensorType>(data.getType()));
      end = llvm::alignTo(end, kAlignment) + size;
      bytes += size;
    }
  if (end)
    OpBuilder::atBlockBegin(module.getBody())
        .create<hbm::PlanOp>(module.getLoc(), "weights", end, bytes, true);
}

namespace {

struct PlanMemoryPass : narae::memory::impl::PlanMemoryBase<PlanMemoryPass> {
  using PlanMemoryBase::PlanMemoryBase;
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (failed(planFunction(func, nominal, expand)))
        return signalPassFailure();
    placeStates(getOperation());
    sumWeights(getOperation());
    if (capacity && failed(memory::checkCapacity(getOperation(), capacity)))
      signalPassFailure();
  }
};

} // namespace
