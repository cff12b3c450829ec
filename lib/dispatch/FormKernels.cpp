//===- FormKernels.cpp - fm ops into kernels and dispatches ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Walks each block backwards. A value that must be in memory makes its op the
// root of a kernel; the values that the kernel reads must be in memory in
// turn. Results that are only another shape of something become views, and
// integer tensors whose elements are expressions never become memory unless
// somebody outside asks for them.
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/KernelScope.h"
#include "lib/dispatch/Fusion.h"
#include "lib/dispatch/HostExprs.h"
#include "lib/dispatch/Passes.h"
#include "lib/dispatch/ShapeChecks.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

namespace narae::dispatch {
#define GEN_PASS_DEF_FORMKERNELS
#include "lib/dispatch/Passes.h.inc"
} // namespace narae::dispatch

using namespace mlir;
using namespace narae;
using namespace narae::dispatch;

/// The model's name for an op: its location.
static std::string nodeName(Operation *op) {
  if (auto name = op->getLoc()->findInstanceOf<NameLoc>())
    return name.getName().str();
  return "";
}

/// A kernel's name: what its root and its anchor do, and a number.
static std::string kernelName(const Group &group, unsigned number) {
  auto shortName = [](Operation *op) {
    return op->getName().stripDialect().str();
  };
  std::string name =
      group.anchor ? shortName(group.anchor) : shortName(group.root);
  if (group.ops.size() > 1)
    name += group.anchor && group.anchor != group.root
                ? "_" + shortName(group.root)
                : "_fused";
  return name + "_" + std::to_string(number);
}

namespace {

class Former {
public:
  Former(ModuleOp module, func::FuncOp func, unsigned &number, bool fuse)
      : module(module), device(func->getAttrOfType<StringAttr>("rt.device")),
        scope(func.getContext()), fuser(scope, fuse), number(number) {
    if (!device)
      device = StringAttr::get(func.getContext(), "cpu");
  }

  LogicalResult run(func::FuncOp func) {
    // Learn all shapes first: items that sizes depend on must be in memory.
    WalkResult walked = func.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op == func || isa<fm::YieldOp>(op))
        return WalkResult::advance();
      return failed(scope.add(op)) ? WalkResult::interrupt()
                                   : WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return failure();
    SmallVector<Operation *> ops;
    func.walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
    ShapeChecks checks(scope);
    for (Operation *op : ops)
      checks.add(op);
    for (const fm::SymbolDef &def : scope.symbols())
      if (def.kind == fm::SymbolDef::Item)
        needed.insert(def.value);
    return formBlock(func.getBody().front());
  }

  unsigned fused = 0;

private:
  LogicalResult formBlock(Block &block);
  LogicalResult formRoot(Operation *root);
  void formView(Operation *op);
  void formCall(Operation *op);
  rt::KernelOp makeKernel(const Group &group, ArrayRef<Value> inputs,
                          rt::KernelSymbols &symbols);

  ModuleOp module;
  StringAttr device;
  fm::SymbolicScope scope;
  Fuser fuser;
  unsigned &number;
  DenseSet<Value> needed;
};

LogicalResult Former::formBlock(Block &block) {
  for (Value operand : block.getTerminator()->getOperands())
    needed.insert(operand);
  SmallVector<Operation *> ops;
  for (Operation &op : block.without_terminator())
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops)) {
    if (auto write = dyn_cast<fm::StateWriteOp>(op)) {
      needed.insert(write.getValue());
      continue;
    }
    if (op->getNumRegions()) {
      for (Value operand : op->getOperands())
        needed.insert(operand);
      for (Region &region : op->getRegions())
        for (Block &inner : region)
          if (failed(formBlock(inner)))
            return failure();
      continue;
    }
    bool wanted = llvm::any_of(op->getResults(),
                               [&](Value v) { return needed.contains(v); });
    if (!wanted || isa<fm::WeightOp, fm::StateReadOp>(op) ||
        !isa<fm::FmDialect>(op->getDialect()))
      continue;
    if (isa<fm::TextOp, fm::TextSplitOp>(op)) {
      formCall(op);
      continue;
    }
    if (Fuser::isView(op) && !fuser.isHostValue(op->getResult(0))) {
      formView(op);
      continue;
    }
    if (failed(formRoot(op)))
      return failure();
  }
  return success();
}

void Former::formView(Operation *op) {
  OpBuilder b(op);
  HostExprs host(b, scope);
  Value result = op->getResult(0);
  auto view =
      b.create<rt::ViewOp>(op->getLoc(), result.getType(), op->getOperand(0),
                           host.dynamicDims(op->getLoc(), result));
  needed.insert(op->getOperand(0));
  scope.set(view, scope.get(result));
  result.replaceAllUsesWith(view);
  if (needed.erase(result))
    needed.insert(view);
}

/// What the host computes is a command of its own; its operands are memory.
void Former::formCall(Operation *op) {
  OpBuilder b(op);
  HostExprs host(b, scope);
  Value result = op->getResult(0);
  auto text = dyn_cast<fm::TextOp>(op);
  auto split = dyn_cast<fm::TextSplitOp>(op);
  ValueRange inputs = text ? ValueRange(text.getInputs())
                           : ValueRange(op->getOperands().take_front());
  for (Value input : inputs)
    needed.insert(input);
  auto call =
      b.create<rt::CallOp>(op->getLoc(), result.getType(), inputs,
                           host.dynamicDims(op->getLoc(), result),
                           text ? text.getFunction() : StringRef("split"),
                           text ? text.getPattern() : split.getDelimiter(),
                           text ? text.getLimit() : split.getLimit());
  scope.set(call, scope.get(result));
  result.replaceAllUsesWith(call);
  if (needed.erase(result))
    needed.insert(call);
}

LogicalResult Former::formRoot(Operation *root) {
  Group group = fuser.grow(root, needed);
  fused += group.ops.size() - 1;
  // The root's own elements may be expressions; then nothing is read.
  if (llvm::all_of(root->getResults(),
                   [&](Value v) { return fuser.isHostValue(v); })) {
    group.ops.clear();
    group.ops.insert(root);
    group.anchor = nullptr;
  }
  SmallVector<Operation *> ordered(group.ops.begin(), group.ops.end());
  llvm::sort(ordered,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });

  // Tensors that are read with symbols for their elements become expressions.
  DenseSet<Value> itemTensors;
  for (const fm::SymbolDef &def : scope.symbols())
    if (def.kind == fm::SymbolDef::Item)
      itemTensors.insert(def.value);

  rt::KernelSymbols symbols(scope);
  OpBuilder b(module.getContext());
  b.setInsertionPoint(module.getBody(), module.getBody()->begin());
  auto kernel =
      OpBuilder(module.getContext())
          .create<rt::KernelOp>(
              root->getLoc(), kernelName(group, number++), b.getArrayAttr({}),
              b.getArrayAttr({}), b.getArrayAttr({}), b.getArrayAttr({}),
              device, DictionaryAttr(), AffineMapAttr(), AffineMapAttr(),
              FlatSymbolRefAttr(), DenseI64ArrayAttr(), DenseI64ArrayAttr());
  Block *body = b.createBlock(&kernel.getBody());
  IRMapping map;
  SmallVector<Value> inputs;
  SmallVector<std::pair<Value, SmallVector<fm::Expr>>> shapeValues;
  SmallVector<SmallVector<fm::Expr>> argDims, resultDims;

  // What the root updates in place is memory, whatever else is known of it.
  Value updated;
  if (auto inPlace = dyn_cast<fm::InPlaceOpInterface>(root))
    updated = inPlace.getInPlaceOperand().get();

  auto translated = [&](ArrayRef<fm::Expr> exprs) {
    SmallVector<fm::Expr> result;
    for (fm::Expr e : exprs)
      result.push_back(symbols.translate(e));
    return result;
  };
  auto shapeValue = [&](Value value, ArrayRef<fm::Expr> elements) {
    auto op = b.create<rt::ShapeValueOp>(
        value.getLoc(), fm::typeOf(scope.get(value)),
        AffineMapAttr::get(AffineMap::get(b.getContext())));
    shapeValues.push_back({op.getResult(), translated(elements)});
    map.map(value, op.getResult());
  };
  for (Operation *op : ordered) {
    bool onlyExpressions = op == root && fuser.isHostValue(op->getResult(0)) &&
                           op->getNumResults() == 1;
    if (onlyExpressions) {
      Value result = op->getResult(0);
      shapeValue(result, *scope.elements(result));
      continue;
    }
    for (Value operand : op->getOperands()) {
      if (map.contains(operand))
        continue;
      Operation *def = operand.getDefiningOp();
      if (def && isa<fm::ConstantOp>(def) && operand != updated) {
        map.map(operand, b.clone(*def)->getResult(0));
      } else if (fuser.isHostValue(operand) && operand != updated) {
        shapeValue(operand, *scope.elements(operand));
      } else if (itemTensors.contains(operand) &&
                 scope.elementsOrItems(operand)) {
        shapeValue(operand, *scope.elementsOrItems(operand));
      } else {
        inputs.push_back(operand);
        map.map(operand, body->addArgument(operand.getType(), op->getLoc()));
        argDims.push_back(translated(scope.dims(operand)));
        needed.insert(operand);
      }
    }
    b.clone(*op, map);
  }
  SmallVector<Value> yields;
  for (Value result : root->getResults()) {
    yields.push_back(map.lookup(result));
    resultDims.push_back(translated(scope.dims(result)));
  }
  b.create<fm::YieldOp>(root->getLoc(), yields);
  if (updated) {
    SmallVector<int64_t> inPlace(yields.size(), -1);
    inPlace.front() = llvm::find(inputs, updated) - inputs.begin();
    kernel.setInplace(inPlace);
  }

  for (auto &[value, exprs] : shapeValues)
    value.getDefiningOp<rt::ShapeValueOp>().setElementsAttr(symbols.map(exprs));
  auto maps = [&](ArrayRef<SmallVector<fm::Expr>> list) {
    SmallVector<Attribute> attrs;
    for (auto &exprs : list)
      attrs.push_back(symbols.map(exprs));
    return b.getArrayAttr(attrs);
  };
  kernel.setSymbolsAttr(symbols.attribute());
  kernel.setArgDimsAttr(maps(argDims));
  kernel.setResultDimsAttr(maps(resultDims));
  llvm::SetVector<Attribute> nodes;
  for (Operation *op : ordered)
    if (std::string name = nodeName(op); !name.empty())
      nodes.insert(b.getStringAttr(name));
  kernel.setNodesAttr(b.getArrayAttr(nodes.getArrayRef()));
  rt::closeSymbols(kernel);
  module.getBody()->push_front(kernel);

  OpBuilder at(root);
  HostExprs host(at, scope);
  auto dispatch = at.create<rt::DispatchOp>(
      root->getLoc(), root->getResultTypes(), kernel.getSymName(), inputs,
      host.get(root->getLoc(), symbols.params()));
  dispatch->setAttr("nodes", kernel.getNodesAttr());
  for (auto [old, fresh] :
       llvm::zip(root->getResults(), dispatch->getResults())) {
    scope.set(fresh, scope.get(old));
    old.replaceAllUsesWith(fresh);
    if (needed.contains(old))
      needed.insert(fresh);
  }
  return success();
}

/// The iteration number of a loop becomes a carried value that a kernel
/// increments: the host's own counter is no tensor.
void makeCounterExplicit(fm::LoopOp op) {
  BlockArgument number = op.getBody().front().getArgument(0);
  if (number.use_empty())
    return;
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto type = cast<RankedTensorType>(number.getType());
  auto constant = [&](int64_t value) {
    return b.create<fm::ConstantOp>(
        loc, type, DenseElementsAttr::get(type, b.getI64IntegerAttr(value)));
  };
  SmallVector<Value> carried(op.getCarried());
  carried.push_back(constant(0));
  SmallVector<Type> types(op.getResultTypes());
  types.push_back(type);
  auto fresh = b.create<fm::LoopOp>(loc, types, op.getTrips(),
                                    op.getCondition(), carried);
  fresh.getBody().takeBody(op.getBody());
  Block &body = fresh.getBody().front();
  BlockArgument counter = body.addArgument(type, loc);
  body.getArgument(0).replaceAllUsesWith(counter);
  Operation *yield = body.getTerminator();
  b.setInsertionPoint(yield);
  Value next = b.create<fm::AddOp>(loc, type, counter, constant(1));
  yield->insertOperands(yield->getNumOperands(), next);
  op->replaceAllUsesWith(fresh->getResults().drop_back());
  op.erase();
}

/// Removes ops without users, the last ones first.
void eraseDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        eraseDead(inner);
    if (isOpTriviallyDead(&op))
      op.erase();
  }
}

struct FormKernelsPass
    : narae::dispatch::impl::FormKernelsBase<FormKernelsPass> {
  using FormKernelsBase::FormKernelsBase;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    unsigned number = 0;
    for (auto func : module.getOps<func::FuncOp>()) {
      SmallVector<fm::LoopOp> loops;
      func.walk([&](fm::LoopOp op) { loops.push_back(op); });
      for (fm::LoopOp op : loops)
        makeCounterExplicit(op);
      Former former(module, func, number, fuse);
      if (failed(former.run(func)))
        return signalPassFailure();
      numFused += former.fused;
      eraseDead(func.getBody().front());
    }
    numKernels += number;
  }
};

} // namespace
