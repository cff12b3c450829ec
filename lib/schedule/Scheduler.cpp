//===- Scheduler.cpp - Tensors into buffers ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/schedule/Scheduler.h"
#include "dialects/rt/KernelScope.h"
#include "lib/dispatch/HostExprs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace narae;
using namespace narae::schedule;

Scheduler::Scheduler(func::FuncOp old, SymbolTable &symbols, bool reuse)
    : func(old), symbols(symbols), b(old.getContext()), reuse(reuse) {}

LogicalResult Scheduler::run() {
  computePositions();
  if (reuse)
    planConcats();
  planUpdates();
  findOutputs();
  Block *old = &func.getBody().front();
  Block *fresh = b.createBlock(&func.getBody(), func.getBody().end());
  addArguments();
  LogicalResult done = block(*old);
  if (failed(done)) {
    fresh->dropAllReferences();
    fresh->erase();
    return failure();
  }
  old->dropAllReferences();
  old->erase();
  func.setType(b.getFunctionType({}, {}));
  func.removeArgAttrsAttr();
  func.removeResAttrsAttr();
  return success();
}

void Scheduler::findOutputs() {
  Operation *ret = func.getBody().front().getTerminator();
  for (auto [i, operand] : llvm::enumerate(ret->getOperands())) {
    Value value = operand;
    while (auto view = value.getDefiningOp<rt::ViewOp>())
      value = view.getInput();
    if (isa_and_nonnull<rt::DispatchOp, rt::CallOp>(value.getDefiningOp()) &&
        !reused.lookup(value) &&
        value.getParentBlock() == &func.getBody().front())
      directOutputs.try_emplace(value, i);
  }
}

void Scheduler::addArguments() {
  for (BlockArgument arg : func.getBody().front().getArguments()) {
    auto type = cast<RankedTensorType>(arg.getType());
    unsigned n = arg.getArgNumber();
    auto name = func.getArgAttrOfType<StringAttr>(n, "fm.name");
    auto dims = func.getArgAttrOfType<ArrayAttr>(n, "fm.dims");
    auto bounds = func.getArgAttrOfType<ArrayAttr>(n, "fm.bounds");
    SmallVector<int64_t> range;
    SmallVector<Attribute> names;
    Tensor tensor;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      bool given = bounds && 2 * size_t(i) + 1 < bounds.size();
      range.push_back(given ? cast<IntegerAttr>(bounds[2 * i]).getInt() : 0);
      range.push_back(given ? cast<IntegerAttr>(bounds[2 * i + 1]).getInt()
                            : -1);
      names.push_back(dims && size_t(i) < dims.size() ? dims[i]
                                                      : b.getStringAttr(""));
      tensor.dims.push_back(
          type.isDynamicDim(i)
              ? b.create<rt::ArgDimOp>(arg.getLoc(), b.getIndexType(), n, i)
                    .getResult()
              : constant(type.getDimSize(i)));
    }
    tensor.buffer = b.create<rt::ArgOp>(
        arg.getLoc(), hbm::BufferType::get(b.getContext()), n, type,
        name ? name.getValue() : StringRef("input" + std::to_string(n)),
        b.getArrayAttr(names), range);
    tensors[arg] = tensor;
  }
}

Value Scheduler::constant(int64_t value) {
  return b.create<arith::ConstantIndexOp>(func.getLoc(), value);
}

SmallVector<Value> Scheduler::dynamicDims(RankedTensorType type,
                                          ArrayRef<Value> dims) {
  SmallVector<Value> dynamic;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      dynamic.push_back(dims[i]);
  return dynamic;
}

SmallVector<Value> Scheduler::allDims(RankedTensorType type,
                                      ValueRange dynamic) {
  SmallVector<Value> dims;
  unsigned next = 0;
  for (int64_t i = 0; i < type.getRank(); ++i)
    dims.push_back(type.isDynamicDim(i) ? dynamic[next++]
                                        : constant(type.getDimSize(i)));
  return dims;
}

Value Scheduler::buffer(Location loc, RankedTensorType type,
                        ArrayRef<Value> dims, StringRef name, StringRef space,
                        int64_t first, int64_t last) {
  return b.create<hbm::BufferOp>(
      loc, hbm::BufferType::get(b.getContext()), dynamicDims(type, dims),
      Value(), TypeAttr::get(type), b.getStringAttr(name),
      b.getStringAttr(space), b.getI64IntegerAttr(first),
      b.getI64IntegerAttr(last), b.getI64IntegerAttr(64), IntegerAttr());
}

Value Scheduler::alias(Location loc, Value of, RankedTensorType type,
                       ArrayRef<Value> dims, Value offset) {
  return b.create<hbm::AliasOp>(loc, hbm::BufferType::get(b.getContext()), of,
                                dynamicDims(type, dims), offset,
                                TypeAttr::get(type));
}

void Scheduler::copy(Location loc, const Tensor &from, const Tensor &to,
                     RankedTensorType type) {
  b.create<rt::CopyOp>(loc, from.buffer, to.buffer,
                       dispatch::bytesOf(b, loc, type, from.dims));
}

bool Scheduler::isLate(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<rt::ItemOp, rt::VarOp>(op))
    return true;
  return llvm::any_of(op->getOperands(), isLate);
}

Value Scheduler::index(Value old) {
  if (Value mapped = indices.lookupOrNull(old))
    return mapped;
  Operation *op = old.getDefiningOp();
  if (auto dim = dyn_cast_or_null<tensor::DimOp>(op)) {
    auto it = tensors.find(dim.getSource());
    auto axis = getConstantIntValue(dim.getDimension());
    if (it == tensors.end() || !axis)
      return {};
    indices.map(old, it->second.dims[*axis]);
    return it->second.dims[*axis];
  }
  if (auto item = dyn_cast_or_null<rt::ItemOp>(op)) {
    if (!tensors.count(item.getTensor()) &&
        !isa_and_nonnull<fm::WeightOp, fm::StateReadOp>(
            item.getTensor().getDefiningOp()))
      return {};
    Value value = b.create<rt::ItemOp>(op->getLoc(), b.getIndexType(),
                                       tensorOf(item.getTensor()).buffer,
                                       item.getIndexAttr());
    indices.map(old, value);
    return value;
  }
  if (!op || !isa<arith::ArithDialect, rt::RtDialect>(op->getDialect()))
    return {};
  for (Value operand : op->getOperands())
    if (!index(operand))
      return {};
  b.clone(*op, indices);
  return indices.lookup(old);
}

Scheduler::Tensor Scheduler::tensorOf(Value value) {
  auto it = tensors.find(value);
  if (it != tensors.end())
    return it->second;
  Tensor tensor;
  if (auto read = value.getDefiningOp<fm::StateReadOp>()) {
    tensor.buffer = stateBuffer(value.getLoc(), read.getStateAttr());
  } else {
    auto weight = value.getDefiningOp<fm::WeightOp>();
    assert(weight && "tensors are scheduled before their users");
    tensor.buffer = b.create<rt::WeightOp>(value.getLoc(),
                                           hbm::BufferType::get(b.getContext()),
                                           weight.getDataAttr());
  }
  for (int64_t size : cast<RankedTensorType>(value.getType()).getShape())
    tensor.dims.push_back(constant(size));
  return tensor; // not remembered: a branch's value does not dominate others
}

Value Scheduler::stateBuffer(Location loc, FlatSymbolRefAttr state) {
  return b.create<rt::StateOp>(loc, hbm::BufferType::get(b.getContext()),
                               state);
}

LogicalResult Scheduler::block(Block &block) {
  for (Operation &operation : block)
    if (failed(op(&operation)))
      return failure();
  return success();
}

LogicalResult Scheduler::op(Operation *op) {
  if (auto d = dyn_cast<rt::DispatchOp>(op))
    return dispatch(d);
  if (auto c = dyn_cast<rt::CallOp>(op))
    return call(c);
  if (auto v = dyn_cast<rt::ViewOp>(op))
    return view(v);
  if (auto i = dyn_cast<fm::IfOp>(op))
    return branch(i);
  if (auto l = dyn_cast<fm::LoopOp>(op))
    return loop(l);
  if (auto r = dyn_cast<func::ReturnOp>(op))
    return results(r);
  if (auto check = dyn_cast<rt::CheckOp>(op)) {
    b.create<rt::CheckOp>(op->getLoc(), index(check.getCondition()),
                          check.getMessage());
    return success();
  }
  // Weights and index arithmetic come on demand, items at their place.
  if (isa<rt::ItemOp>(op))
    index(op->getResult(0));
  return success();
}

std::string Scheduler::nameOf(rt::DispatchOp op) {
  auto nodes = op->getAttrOfType<ArrayAttr>("nodes");
  return nodes && !nodes.empty()
             ? cast<StringAttr>(nodes.getValue().back()).str()
             : op.getKernel().str();
}

LogicalResult Scheduler::dispatch(rt::DispatchOp op) {
  if (concats.count(op)) {
    finishConcat(op);
    return success();
  }
  auto kernel = symbols.lookup<rt::KernelOp>(op.getKernel());
  Location loc = op.getLoc();
  SmallVector<Value> inputs, outputs, params;
  for (Value input : op.getInputs())
    inputs.push_back(tensorOf(input).buffer);
  for (Value param : op.getParams())
    params.push_back(index(param));
  SmallVector<Value> values =
      dispatch::symbolValues(b, loc, kernel.getSymbols(), params);
  auto eval = [&](fm::Expr e) { return dispatch::evalExpr(b, loc, e, values); };
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    Tensor tensor;
    for (fm::Expr e :
         cast<AffineMapAttr>(kernel.getResultDims()[i]).getValue().getResults())
      tensor.dims.push_back(eval(e));
    placeResult(op, result, nameOf(op), tensor, position[op]);
    auto arguments = kernel.getInplace();
    if (arguments && (*arguments)[i] >= 0 && !reused.lookup(result))
      copy(loc, tensorOf(op.getInputs()[(*arguments)[i]]), tensor,
           cast<RankedTensorType>(result.getType()));
    outputs.push_back(tensor.buffer);
    tensors[result] = tensor;
  }
  auto single = [&](std::optional<AffineMap> map) {
    return map ? eval(map->getResult(0)) : Value();
  };
  auto launch = b.create<rt::LaunchOp>(loc, op.getKernelAttr(), inputs, outputs,
                                       params, single(kernel.getScratch()),
                                       single(kernel.getWork()));
  if (Attribute nodes = op->getAttr("nodes"))
    launch->setAttr("nodes", nodes);
  return success();
}

LogicalResult Scheduler::view(rt::ViewOp op) {
  Tensor input = tensorOf(op.getInput());
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<Value> dynamic;
  for (Value d : op.getDims()) {
    dynamic.push_back(index(d));
    if (!dynamic.back())
      return op.emitOpError("has a size that is not known yet");
  }
  Tensor tensor;
  tensor.dims = allDims(type, dynamic);
  tensor.buffer = alias(op.getLoc(), input.buffer, type, tensor.dims);
  tensors[op] = tensor;
  return success();
}

LogicalResult Scheduler::results(func::ReturnOp op) {
  for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
    auto type = cast<RankedTensorType>(operand.getType());
    Location loc = op.getLoc();
    Value out = outputBuffers.lookup(i);
    if (!out) {
      // An argument, a weight, a branch's result, or a result returned twice.
      Tensor from = tensorOf(operand);
      Tensor to = from;
      bool late = llvm::any_of(dynamicDims(type, from.dims), isLate);
      to.buffer = buffer(loc, type, from.dims, "", "output", position[op],
                         endPosition[op] + 1);
      if (late)
        b.create<rt::AllocateOp>(loc, to.buffer);
      copy(loc, from, to, type);
      out = to.buffer;
    }
    auto name = func.getResultAttrOfType<StringAttr>(i, "fm.name");
    auto output = b.create<rt::OutputOp>(
        loc, i, out,
        name ? name.getValue() : StringRef("output" + std::to_string(i)));
    if (auto dims = func.getResultAttrOfType<ArrayAttr>(i, "fm.dims"))
      output->setAttr("dims", dims);
  }
  commitStates(op);
  b.create<func::ReturnOp>(op.getLoc());
  return success();
}
