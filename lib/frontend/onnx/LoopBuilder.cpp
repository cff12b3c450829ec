//===- LoopBuilder.cpp - Loops, unrolled or run ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/LoopBuilder.h"

using namespace mlir;

namespace narae::onnx {

const ::onnx::GraphProto *nestedGraph(const Node &n, StringRef name) {
  const ::onnx::AttributeProto *attr = n.attr(name);
  if (attr && attr->has_g())
    return &attr->g();
  n.error() << n.opType() << " has no graph in the attribute " << name;
  return nullptr;
}

Value constBool(const Node &n, bool value) {
  return n.constScalar(value, n.b.getI1Type());
}

std::optional<int64_t> knownInt(const Node &n, Value value) {
  if (!value || !elementOf(value).isInteger())
    return std::nullopt;
  auto elements = n.scope.constants(value);
  if (!elements || elements->size() != 1)
    return std::nullopt;
  return elements->front();
}

std::optional<bool> knownBool(const Node &n, Value value) {
  auto known = knownInt(n, value);
  return known ? std::optional<bool>(*known != 0) : std::nullopt;
}

Value stack(const Node &n, ArrayRef<Value> values, int64_t axis) {
  Values parts;
  for (Value value : values)
    parts.push_back(n.unsqueeze(value, {axis}));
  return concat(n, parts, axis);
}

namespace {
/// The body of an fm.loop while it is put together.
class LoopBuilder {
public:
  LoopBuilder(const Node &n, Value trips, Value condition,
              ArrayRef<Value> carried)
      : n(n), trips(trips), condition(condition), carried(carried) {}

  LogicalResult addBody(IterationFn iteration);
  LogicalResult addScan(Value slice, bool reversed);
  void addCount();
  FailureOr<Values> finish();

  const Node &n;
  Value trips, condition;
  Values carried;
  Region region;
  Iteration body;
  Value index;
  std::optional<size_t> countAt;

private:
  /// Another carried value: returns the body's argument for it.
  Value carry(Value initial);
  Value outerDim(fm::Expr size);
};
} // namespace

Value LoopBuilder::carry(Value initial) {
  Value arg = region.front().addArgument(initial.getType(), n.loc);
  fm::SymTensor tensor;
  tensor.elementType = elementOf(initial);
  tensor.dims = n.scope.get(initial).dims;
  n.scope.set(arg, std::move(tensor));
  return arg;
}

LogicalResult LoopBuilder::addBody(IterationFn iteration) {
  OpBuilder::InsertionGuard guard(n.b);
  Block *block = n.b.createBlock(&region);
  index =
      block->addArgument(RankedTensorType::get({}, n.b.getI64Type()), n.loc);
  n.scope.set(index, {n.b.getI64Type(), {}});
  Values args;
  for (Value value : carried)
    args.push_back(carry(value));
  FailureOr<Iteration> result = iteration(index, args);
  if (failed(result))
    return failure();
  body = std::move(*result);
  body.condition =
      body.condition ? asScalar(n, body.condition) : constBool(n, true);
  return success(bool(body.condition));
}

/// A dimension that is known outside of the body: a number, or one that the
/// node's inputs or carried values have. Null for others.
Value LoopBuilder::outerDim(fm::Expr size) {
  if (auto known = fm::constantOf(size))
    return constDim(n, *known);
  Values outside(carried);
  for (unsigned i = 0; i < n.numInputs(); ++i)
    if (n.hasInput(i))
      outside.push_back(n.input(i));
  for (Value value : outside)
    for (int64_t axis = 0; axis < rankOf(value); ++axis)
      if (n.scope.dim(value, axis) == size)
        return dimOf(n, value, axis);
  return {};
}

/// Collects a slice an iteration in a buffer.
LogicalResult LoopBuilder::addScan(Value slice, bool reversed) {
  Values dims{n.make<fm::MaxOp>(n.unsqueeze(trips, {0}), constDim(n, 0))};
  for (fm::Expr size : fm::Exprs(n.scope.get(slice).dims)) {
    dims.push_back(outerDim(size));
    if (!dims.back())
      return n.error() << "a scan output has the type " << slice.getType()
                       << " in an iteration, with a size that only the body "
                          "knows; such loops are supported up to "
                       << kMaxUnrolled << " iterations, known when compiling";
  }
  auto type = tensorType(slice);
  Value buffer = filled(n, dims, 0.0, type.getElementType());
  if (!buffer)
    return failure();
  carried.push_back(buffer);
  Value arg = carry(buffer);
  OpBuilder::InsertionGuard guard(n.b);
  n.b.setInsertionPointToEnd(&region.front());
  Value at = index;
  if (reversed)
    at = n.make<fm::SubOp>(n.make<fm::SubOp>(trips, n.constInt(1)), index);
  Value next = n.make<fm::ScatterNdOp>(
      arg, n.unsqueeze(at, {0, 1}), n.unsqueeze(slice, {0}), StringRef("none"));
  body.carried.push_back(next);
  return success(bool(next));
}

/// Counts the iterations of a loop that may end early.
void LoopBuilder::addCount() {
  countAt = carried.size();
  carried.push_back(n.constInt(0));
  carry(carried.back());
  OpBuilder::InsertionGuard guard(n.b);
  n.b.setInsertionPointToEnd(&region.front());
  body.carried.push_back(n.make<fm::AddOp>(index, n.constInt(1)));
}

FailureOr<Values> LoopBuilder::finish() {
  {
    OpBuilder::InsertionGuard guard(n.b);
    n.b.setInsertionPointToEnd(&region.front());
    Values yields{body.condition};
    yields.append(body.carried);
    n.b.create<fm::YieldOp>(n.loc, yields);
  }
  OperationState state(n.loc, fm::LoopOp::getOperationName());
  state.addOperands({trips, condition});
  state.addOperands(carried);
  state.addTypes(SmallVector<Type>(carried.size(), n.b.getNoneType()));
  state.addRegion()->takeBody(region);
  Operation *op = fm::createInferred(n.b, state, n.scope);
  if (!op)
    return failure();
  return Values(op->getResults());
}

FailureOr<Values> emitLoop(const Node &n, Value trips, Value condition,
                           ArrayRef<Value> carried, ArrayRef<bool> reversed,
                           IterationFn iteration) {
  bool bounded = bool(trips);
  if (!trips)
    trips = n.constInt(INT64_MAX);
  LoopBuilder loop(n, n.cast(asScalar(n, trips), n.b.getI64Type()),
                   condition ? asScalar(n, condition) : constBool(n, true),
                   carried);
  if (!loop.trips || !loop.condition || failed(loop.addBody(iteration)))
    return failure();
  if (loop.body.scans.size() != reversed.size())
    return n.error() << "the body gives " << loop.body.scans.size()
                     << " scan outputs instead of " << reversed.size();
  if (!bounded && !reversed.empty())
    return n.error() << "a loop with scan outputs needs a trip count";
  Values scans = loop.body.scans;
  for (auto [slice, isReversed] : llvm::zip(scans, reversed))
    if (failed(loop.addScan(slice, isReversed)))
      return failure();
  bool endsEarly = knownBool(n, loop.condition) != true ||
                   knownBool(n, loop.body.condition) != true;
  if (endsEarly && !reversed.empty())
    loop.addCount();
  FailureOr<Values> results = loop.finish();
  if (failed(results) || !loop.countAt)
    return results;
  Value count = asDim(n, (*results)[*loop.countAt]);
  results->truncate(*loop.countAt);
  for (size_t i = carried.size(); i < results->size(); ++i) {
    Value &buffer = (*results)[i];
    buffer = sliceDims(n, buffer, 0, constDim(n, 0), count);
    if (!buffer)
      return failure();
  }
  return results;
}

} // namespace narae::onnx
