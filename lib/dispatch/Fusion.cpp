//===- Fusion.cpp - Which ops share a kernel ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/dispatch/Fusion.h"
#include "lib/codegen/Elemental.h"

using namespace mlir;
using namespace narae;
using namespace narae::dispatch;
using codegen::ElementCost;

/// Kernels stay small enough to compile quickly.
static constexpr size_t kMaxGroup = 48;
/// Operands of at most this many elements may be computed again.
static constexpr int64_t kTinyElements = 16;

static ElementCost costOf(Operation *op) {
  return codegen::elementEntry(op).cost;
}

/// Whether an anchor's loops ask each element of an operand in order.
static bool takesProducer(Operation *anchor, Value operand) {
  if (isa<fm::ReduceOp, fm::SoftmaxOp, fm::LayerNormOp, fm::RmsNormOp>(anchor))
    return true;
  auto isOnly = [&](Value taken) {
    return operand == taken && llvm::count(anchor->getOperands(), taken) == 1;
  };
  if (auto attention = dyn_cast<fm::CachedAttentionOp>(anchor))
    return isOnly(attention.getQuery());
  if (auto update = dyn_cast<fm::CacheUpdateOp>(anchor))
    return isOnly(update.getUpdate());
  return false;
}

static bool isAnchor(Operation *op) {
  ElementCost cost = costOf(op);
  return cost == ElementCost::Loop || cost == ElementCost::None;
}

bool Fuser::isView(Operation *op) {
  return isa<fm::ReshapeOp, fm::FlattenOp, fm::SqueezeOp, fm::UnsqueezeOp>(op);
}

bool Fuser::isConstant(Value value) {
  auto it = constants.find(value);
  if (it != constants.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  bool result = false;
  if (op && op->getNumRegions() == 0) {
    result = isa<fm::WeightOp>(op) || op->getNumOperands() > 0 ||
             isa<fm::ConstantOp>(op);
    for (Value operand : op->getOperands())
      result = result && (isConstant(operand) ||
                          (isHostValue(operand) && scope.constants(operand)));
    // Sizes that come from dimensions are not constant.
    for (Value r : op->getResults())
      for (fm::Expr e : scope.dims(r))
        result = result && fm::constantOf(e);
  }
  return constants[value] = result;
}

bool Fuser::isHostValue(Value value) {
  return scope.get(value).elements.has_value();
}

/// Whether a view changes dimensions of size 1 only, so that indices map
/// without division.
bool Fuser::onlyUnitDims(Operation *op) {
  auto strip = [&](Value v) {
    fm::Exprs dims;
    for (fm::Expr e : scope.dims(v))
      if (fm::constantOf(e) != 1)
        dims.push_back(e);
    return dims;
  };
  return strip(op->getOperand(0)) == strip(op->getResult(0));
}

/// Whether each element of the op's result at i needs its operands' at i.
static bool isElementwise(Operation *op) {
  return op->hasTrait<OpTrait::OneResult>() &&
         isa<fm::AbsOp, fm::NegOp, fm::SignOp, fm::ExpOp, fm::LogOp,
             fm::Log1pOp, fm::Expm1Op, fm::SqrtOp, fm::RsqrtOp,
             fm::ReciprocalOp, fm::SinOp, fm::CosOp, fm::TanOp, fm::AsinOp,
             fm::AcosOp, fm::AtanOp, fm::SinhOp, fm::CoshOp, fm::TanhOp,
             fm::AsinhOp, fm::AcoshOp, fm::AtanhOp, fm::ErfOp, fm::FloorOp,
             fm::CeilOp, fm::RoundOp, fm::TruncOp, fm::SigmoidOp, fm::ReluOp,
             fm::SiluOp, fm::GeluOp, fm::NotOp, fm::IsNanOp, fm::IsInfOp,
             fm::AddOp, fm::SubOp, fm::MulOp, fm::DivOp, fm::ModOp, fm::PowOp,
             fm::MinOp, fm::MaxOp, fm::AndOp, fm::OrOp, fm::XorOp, fm::ShlOp,
             fm::ShrOp, fm::CmpOp, fm::SelectOp, fm::CastOp, fm::BitcastOp>(op);
}

/// Whether products and gathers are all that read a value, through movements.
static bool onlyProductsRead(Value value) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (isa<fm::MatmulOp, fm::ExpertMatmulOp>(user))
      return true;
    if (auto gather = dyn_cast<fm::GatherOp>(user))
      return gather.getInput() == value;
    return costOf(user) == ElementCost::Free && user->getNumResults() == 1 &&
           onlyProductsRead(user->getResult(0));
  });
}

bool Fuser::isWideWeight(Operation *op) {
  if (auto it = wide.find(op); it != wide.end())
    return it->second;
  bool result = isa<fm::DequantizeOp, fm::BlockPanelsOp>(op);
  if (auto cast = dyn_cast<fm::CastOp>(op)) {
    Type from = scope.get(cast.getInput()).elementType;
    result = cast.getTo().isF32() && isa<FloatType>(from) &&
             from.getIntOrFloatBitWidth() < 32 &&
             scope.rank(cast.getInput()) >= 2 && isConstant(cast.getInput()) &&
             onlyProductsRead(cast.getResult());
  } else if (!result && costOf(op) == ElementCost::Free &&
             op->getNumOperands()) {
    Value moved = op->getOperand(0);
    result = fm::blockFormatOf(scope.get(moved).elementType) ||
             (isConstant(op->getResult(0)) && moved.getDefiningOp() &&
              isWideWeight(moved.getDefiningOp()));
  }
  return wide[op] = result;
}

bool Fuser::canFuse(Operation *producer, const Group &group,
                    const DenseSet<Value> &needed) {
  if (isWideWeight(producer))
    return true;
  ElementCost cost = costOf(producer);
  if (cost == ElementCost::None || producer->getNumResults() != 1 ||
      isa<fm::InPlaceOpInterface>(producer) ||
      producer->getBlock() != group.root->getBlock() ||
      group.ops.size() >= kMaxGroup)
    return false;
  // Work on weights alone is done at compile time, not fused into the rest.
  if (isConstant(producer->getResult(0)) &&
      !isConstant(group.root->getResult(0)))
    return false;
  if (isView(producer) && !onlyUnitDims(producer))
    return false;
  Value result = producer->getResult(0);
  // An update in place changes memory that is there.
  if (auto inPlace = dyn_cast<fm::InPlaceOpInterface>(group.root);
      inPlace && inPlace.getInPlaceOperand().get() == result)
    return false;
  bool allUsersInside = !needed.contains(result);
  bool isIdentity = true, once = true, asksAnchor = false;
  for (Operation *user : producer->getUsers()) {
    if (!group.ops.contains(user)) {
      allUsersInside = false;
      continue;
    }
    if (user == group.anchor) {
      asksAnchor = true;
      isIdentity = false;
      continue;
    }
    bool sameDims = scope.dims(result) == scope.dims(user->getResult(0));
    isIdentity &= identity.lookup(user) && isElementwise(user) && sameDims;
    once &= isElementwise(user) || isa<fm::TransposeOp>(user) || isView(user);
    once &= scope.product(scope.dims(result)) ==
            scope.product(scope.dims(user->getResult(0)));
  }
  if (asksAnchor && !takesProducer(group.anchor, result))
    return false;
  if (cost == ElementCost::Free)
    return true;
  if (cost == ElementCost::Loop)
    return !group.anchor && allUsersInside && isIdentity;
  auto count = fm::constantOf(scope.product(scope.dims(result)));
  if (cost == ElementCost::Cheap && count && *count <= kTinyElements)
    return true;
  if (!allUsersInside)
    return false;
  // Broadcasting a cheap result repeats little work; others run once.
  bool broadcast = llvm::all_of(producer->getUsers(), [&](Operation *user) {
    return isElementwise(user) || user == group.anchor;
  });
  return once || (cost == ElementCost::Cheap && broadcast);
}

Group Fuser::grow(Operation *root, const DenseSet<Value> &needed) {
  Group group;
  group.root = root;
  group.ops.insert(root);
  identity.clear();
  identity[root] = true;
  if (isAnchor(root))
    group.anchor = root;
  bool readsMemory =
      costOf(root) == ElementCost::None && !isa<fm::CacheUpdateOp>(root);
  // Such an op reads its operands from memory; index arithmetic included.
  bool onlyWide = !fuse || readsMemory;
  bool changed = true;
  while (changed) {
    changed = false;
    // Later ops first, so that all users of a producer are decided before it.
    SmallVector<Operation *> candidates;
    for (Operation *op : group.ops)
      for (Value operand : op->getOperands())
        if (Operation *def = operand.getDefiningOp())
          if (!group.ops.contains(def) && !isHostValue(operand) &&
              !isa<fm::WeightOp, fm::StateReadOp, fm::ConstantOp>(def) &&
              def->getBlock() == root->getBlock() &&
              !llvm::is_contained(candidates, def))
            candidates.push_back(def);
    llvm::sort(candidates, [](Operation *a, Operation *b) {
      return b->isBeforeInBlock(a);
    });
    for (Operation *producer : candidates) {
      if (onlyWide ? !isWideWeight(producer)
                   : !canFuse(producer, group, needed))
        continue;
      bool isIdentity = true;
      for (Operation *user : producer->getUsers())
        if (group.ops.contains(user))
          isIdentity &= identity.lookup(user) && isElementwise(user) &&
                        user != group.anchor &&
                        scope.dims(producer->getResult(0)) ==
                            scope.dims(user->getResult(0));
      identity[producer] = isIdentity;
      if (isAnchor(producer))
        group.anchor = producer;
      group.ops.insert(producer);
      changed = true;
      break;
    }
  }
  return group;
}
