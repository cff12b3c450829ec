//===- ImportControl.cpp - If and Loop ------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/LoopBuilder.h"

using namespace mlir;

namespace narae::onnx {

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

/// The branch that is taken, when that is known now.
static LogicalResult inlineBranch(Node &n, const ::onnx::GraphProto &graph) {
  auto outputs = n.graph.importNested(graph, {}, n.loc);
  if (failed(outputs))
    return failure();
  if (outputs->size() < n.numOutputs())
    return n.error() << "a branch of If has " << outputs->size()
                     << " outputs instead of " << n.numOutputs();
  for (unsigned i = 0; i < n.numOutputs(); ++i)
    if (failed(n.setBinding(i, (*outputs)[i])))
      return failure();
  return success();
}

/// All tensors of some bindings, in order.
static Values flatten(ArrayRef<Binding> bindings) {
  Values values;
  for (const Binding &binding : bindings) {
    if (binding.kind == Binding::Tensor)
      values.push_back(binding.value);
    values.append(binding.list.begin(), binding.list.end());
  }
  return values;
}

/// PyTorch exports a squeeze of a dynamic dimension as an If between Squeeze
/// and Identity, whose ranks differ. Only one of them fits the ops that follow:
/// that is Squeeze, whose condition held when the model was traced. Returns its
/// graph, with a warning; null for any other If.
static const ::onnx::GraphProto *
squeezingBranch(const Node &n, ArrayRef<const ::onnx::GraphProto *> graphs,
                ArrayRef<std::unique_ptr<Region>> regions) {
  auto yielded = [&](unsigned i) {
    return cast<fm::YieldOp>(regions[i]->front().back()).getValues();
  };
  auto isOnly = [&](unsigned i, StringRef op) {
    bool found = false;
    for (const ::onnx::NodeProto &node : graphs[i]->node()) {
      if (node.op_type() != "Constant" && (found || node.op_type() != op))
        return false;
      found |= node.op_type() == op;
    }
    return found;
  };
  if (yielded(0).size() != 1 || yielded(1).size() != 1 ||
      rankOf(yielded(0)[0]) == rankOf(yielded(1)[0]))
    return nullptr;
  for (unsigned i : {0, 1})
    if (isOnly(i, "Squeeze") && isOnly(1 - i, "Identity")) {
      emitWarning(n.loc)
          << "the rank of the result depends on whether a dynamic dimension is "
             "1; it is taken to be 1, so that other sizes are wrong. Fix the "
             "dimension when compiling to be sure";
      return graphs[i];
    }
  return nullptr;
}

static LogicalResult importIf(Node &n) {
  const ::onnx::GraphProto *graphs[] = {nestedGraph(n, "then_branch"),
                                        nestedGraph(n, "else_branch")};
  if (!graphs[0] || !graphs[1])
    return failure();
  if (auto known = knownBool(n, n.input(0)))
    return inlineBranch(n, *graphs[*known ? 0 : 1]);

  OperationState state(n.loc, fm::IfOp::getOperationName());
  state.addOperands(asScalar(n, n.input(0)));
  if (!state.operands[0])
    return failure();
  SmallVector<Binding> structure;
  bool bad = false;
  for (auto [i, graph] : llvm::enumerate(graphs)) {
    Region *region = state.addRegion();
    OpBuilder::InsertionGuard guard(n.b);
    n.b.createBlock(region);
    auto outputs = n.graph.importNested(*graph, {}, n.loc);
    if (failed(outputs)) {
      bad = true; // the other branch may have problems to report, too
      continue;
    }
    n.b.create<fm::YieldOp>(n.loc, flatten(*outputs));
    bool same = outputs->size() == n.numOutputs();
    for (size_t k = 0; i == 1 && !bad && same && k < structure.size(); ++k)
      same = structure[k].kind == (*outputs)[k].kind &&
             structure[k].list.size() == (*outputs)[k].list.size();
    if (!same)
      return n.error() << "the branches of If must have the same "
                       << n.numOutputs()
                       << " outputs: tensors, or sequences of one length";
    structure = std::move(*outputs);
  }
  if (bad)
    return failure();
  if (const ::onnx::GraphProto *graph =
          squeezingBranch(n, graphs, state.regions))
    return inlineBranch(n, *graph);
  state.addTypes(
      SmallVector<Type>(flatten(structure).size(), n.b.getNoneType()));
  Operation *op = fm::createInferred(n.b, state, n.scope);
  if (!op)
    return failure();
  unsigned next = 0;
  for (auto [i, binding] : llvm::enumerate(structure)) {
    if (binding.kind == Binding::Tensor)
      binding.value = op->getResult(next++);
    for (Value &value : binding.list)
      value = op->getResult(next++);
    if (failed(n.setBinding(i, binding)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

namespace {
enum class Unrolled { Yes, No, Failed };

/// An ONNX Loop: inputs are the trip count, the condition and carried values.
class LoopImporter {
public:
  LoopImporter(Node &n, const ::onnx::GraphProto &body)
      : n(n), body(body), carriedCount(std::max(2u, n.numInputs()) - 2) {}

  LogicalResult import();

private:
  Unrolled unroll(std::optional<int64_t> trips);
  LogicalResult run();
  FailureOr<SmallVector<Binding>> iterate(Value index,
                                          ArrayRef<Binding> carried);

  Node &n;
  const ::onnx::GraphProto &body;
  unsigned carriedCount;
};
} // namespace

/// The value in the static shape that the model declares for it, where its own
/// dimensions are not known.
static Value asDeclared(const Node &n, Value value,
                        const ::onnx::ValueInfoProto &info) {
  const ::onnx::TensorShapeProto &shape = info.type().tensor_type().shape();
  auto type = tensorType(value);
  if (type.hasStaticShape() || shape.dim_size() != type.getRank())
    return value;
  SmallVector<int64_t> sizes;
  for (auto [have, dim] : llvm::zip(type.getShape(), shape.dim())) {
    if (!dim.has_dim_value() || dim.dim_value() < 0 ||
        (!ShapedType::isDynamic(have) && have != dim.dim_value()))
      return value;
    sizes.push_back(dim.dim_value());
  }
  Value result =
      n.make<fm::ReshapeOp>(value, n.constInts(sizes), n.b.getUnitAttr());
  return result ? result : value;
}

/// Imports the body once. Inside of it the condition is always true.
FailureOr<SmallVector<Binding>>
LoopImporter::iterate(Value index, ArrayRef<Binding> carried) {
  SmallVector<Binding> inputs{Binding::tensor(index),
                              Binding::tensor(constBool(n, true))};
  inputs.append(carried.begin(), carried.end());
  auto outputs = n.graph.importNested(body, inputs, n.loc);
  if (failed(outputs))
    return failure();
  for (auto [output, info] : llvm::zip(*outputs, body.output()))
    if (output.kind == Binding::Tensor)
      output.value = asDeclared(n, output.value, info);
  if (outputs->size() < carriedCount + 1 ||
      outputs->front().kind != Binding::Tensor)
    return n.error() << "the body of Loop must give a condition and "
                     << carriedCount << " carried values",
           failure();
  return outputs;
}

/// Unrolls when it is known now, after every iteration, whether another one
/// follows. What was emitted in vain is dead code.
Unrolled LoopImporter::unroll(std::optional<int64_t> trips) {
  SmallVector<Binding> carried;
  for (unsigned i = 0; i < carriedCount; ++i) {
    const Binding *binding = n.binding(i + 2);
    carried.push_back(binding ? *binding : Binding::absent());
  }
  std::vector<Values> scans(
      std::max(0, body.output_size() - int(carriedCount) - 1));
  bool goesOn = true;
  for (int64_t i = 0; goesOn && (!trips || i < *trips); ++i) {
    if (i == kMaxUnrolled)
      return Unrolled::No;
    auto outputs = iterate(n.constInt(i), carried);
    if (failed(outputs))
      return Unrolled::Failed;
    carried.assign(outputs->begin() + 1, outputs->begin() + 1 + carriedCount);
    for (auto [k, scan] : llvm::enumerate(scans)) {
      const Binding &output = (*outputs)[carriedCount + 1 + k];
      if (output.kind != Binding::Tensor) {
        n.error() << "a scan output of Loop is not a tensor";
        return Unrolled::Failed;
      }
      scan.push_back(output.value);
    }
    if (trips && i + 1 == *trips)
      break;
    auto known = knownBool(n, outputs->front().value);
    if (!known)
      return Unrolled::No;
    goesOn = *known;
  }
  // Without iterations only the body knows the shape of a scan output.
  for (auto [k, slices] : llvm::enumerate(scans))
    if (slices.empty() && n.hasOutput(carriedCount + k))
      return Unrolled::No;
  for (auto [i, binding] : llvm::enumerate(carried))
    if (failed(n.setBinding(i, binding)))
      return Unrolled::Failed;
  for (auto [k, slices] : llvm::enumerate(scans)) {
    unsigned i = carriedCount + k;
    if (n.hasOutput(i) && failed(n.setOutput(i, stack(n, slices, 0))))
      return Unrolled::Failed;
  }
  return Unrolled::Yes;
}

/// Emits fm.loop.
LogicalResult LoopImporter::run() {
  Values carried;
  for (unsigned i = 2; i < n.numInputs(); ++i) {
    if (!n.hasInput(i))
      return n.error() << "carried value " << i - 2
                       << " of Loop is not a tensor; sequences and optionals "
                          "are supported in loops of at most "
                       << kMaxUnrolled << " iterations, known when compiling";
    carried.push_back(n.input(i));
  }
  int scanCount = std::max(0, body.output_size() - int(carriedCount) - 1);
  auto results = emitLoop(
      n, n.input(0), n.input(1), carried, SmallVector<bool>(scanCount, false),
      [&](Value index, ArrayRef<Value> args) -> FailureOr<Iteration> {
        SmallVector<Binding> bindings;
        for (Value arg : args)
          bindings.push_back(Binding::tensor(arg));
        auto outputs = iterate(index, bindings);
        if (failed(outputs))
          return failure();
        Iteration iteration;
        iteration.condition = outputs->front().value;
        for (auto [i, output] : llvm::enumerate(llvm::drop_begin(*outputs))) {
          if (output.kind != Binding::Tensor)
            return n.error() << "the body of Loop gives a sequence", failure();
          (i < carriedCount ? iteration.carried : iteration.scans)
              .push_back(output.value);
        }
        return iteration;
      });
  if (failed(results))
    return failure();
  for (auto [i, value] : llvm::enumerate(*results))
    if (failed(n.setOutput(i, value)))
      return failure();
  return success();
}

LogicalResult LoopImporter::import() {
  std::optional<int64_t> trips = knownInt(n, n.input(0));
  std::optional<bool> condition =
      n.hasInput(1) ? knownBool(n, n.input(1)) : true;
  if (condition == false)
    trips = 0;
  // A trip count that is not known now is no reason to try.
  bool tries = trips ? *trips <= kMaxUnrolled : !n.hasInput(0);
  if (condition && tries) {
    Unrolled result = unroll(trips);
    if (result != Unrolled::No)
      return success(result == Unrolled::Yes);
  }
  return run();
}

static LogicalResult importLoop(Node &n) {
  const ::onnx::GraphProto *body = nestedGraph(n, "body");
  return body ? LoopImporter(n, *body).import() : failure();
}

void registerControl(ImporterTable &table) {
  table.add("If", checked<importIf, 1>);
  table.add("Loop", importLoop);
  addScan(table);
}

} // namespace narae::onnx
