//===- ImportLists.cpp - Sequences and optionals --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Both exist while importing only: a sequence is a list of values, an optional
// is its value or nothing.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/LoopBuilder.h"
#include "lib/frontend/onnx/ShapeParts.h"

using namespace mlir;

namespace narae::onnx {

using List = SmallVector<Value>;

/// A copy of the sequence in an input.
static FailureOr<List> listInput(const Node &n, unsigned i) {
  const Binding *binding = n.binding(i);
  if (binding && binding->kind == Binding::List)
    return binding->list;
  return n.error() << "input " << i << " of " << n.opType()
                   << " must be a sequence that is made inside of the model",
         failure();
}

/// The position in input i, among `count` of them; `otherwise` without input.
static FailureOr<int64_t> position(const Node &n, unsigned i, int64_t count,
                                   int64_t otherwise) {
  if (!n.hasInput(i))
    return otherwise;
  auto known = knownInt(n, n.input(i));
  if (!known)
    return n.error() << "the position in the sequence is computed at run time; "
                        "it must be a constant",
           failure();
  int64_t at = *known < 0 ? *known + count : *known;
  if (at < 0 || at >= count)
    return n.error() << "position " << *known << " is not in the sequence",
           failure();
  return at;
}

static LogicalResult sequenceConstruct(Node &n) {
  List list;
  for (unsigned i = 0; i < n.numInputs(); ++i)
    list.push_back(n.input(i));
  return n.setBinding(0, Binding::sequence(list));
}

static LogicalResult sequenceEmpty(Node &n) {
  return n.setBinding(0, Binding::sequence({}));
}

static LogicalResult sequenceLength(Node &n) {
  FailureOr<List> list = listInput(n, 0);
  if (failed(list))
    return failure();
  return n.setOutput(0, n.constInt(list->size()));
}

static LogicalResult sequenceAt(Node &n) {
  FailureOr<List> list = listInput(n, 0);
  if (failed(list))
    return failure();
  Value first = list->empty() ? Value() : list->front();
  bool same = first && tensorType(first).hasStaticShape() &&
              llvm::all_of(*list, [&](Value value) {
                return value.getType() == first.getType();
              });
  // At a position that is known at run time only, equal shapes can be stacked.
  if (same && n.hasInput(1) && !knownInt(n, n.input(1)))
    return n.setOutput(0, n.make<fm::GatherOp>(stack(n, *list, 0),
                                               asScalar(n, n.input(1)),
                                               uint64_t(0)));
  FailureOr<int64_t> at = position(n, 1, list->size(), list->size());
  if (failed(at))
    return failure();
  if (*at >= int64_t(list->size()))
    return n.error() << "SequenceAt has no position";
  return n.setOutput(0, (*list)[*at]);
}

static LogicalResult sequenceInsert(Node &n) {
  FailureOr<List> list = listInput(n, 0);
  if (failed(list) || !n.hasInput(1))
    return failure();
  int64_t count = list->size();
  auto at = position(n, 2, count + 1, count);
  // Negative positions count from the old end.
  if (auto known = n.hasInput(2) ? knownInt(n, n.input(2)) : std::nullopt;
      known && *known < 0)
    at = *known + count >= 0 ? *known + count : int64_t(0);
  if (failed(at))
    return failure();
  list->insert(list->begin() + *at, n.input(1));
  return n.setBinding(0, Binding::sequence(*list));
}

static LogicalResult sequenceErase(Node &n) {
  FailureOr<List> list = listInput(n, 0);
  if (failed(list))
    return failure();
  auto at = position(n, 1, list->size(), int64_t(list->size()) - 1);
  if (failed(at))
    return failure();
  if (*at < 0)
    return n.error() << "the sequence is empty";
  list->erase(list->begin() + *at);
  return n.setBinding(0, Binding::sequence(*list));
}

//===----------------------------------------------------------------------===//
// Splitting and joining
//===----------------------------------------------------------------------===//

static LogicalResult splitToSequence(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  Value x = n.input(0);
  bool drops = !n.hasInput(1) && !n.intAttr("keepdims", 1);
  Values sizes;
  if (n.hasInput(1) && n.rank(1) == 1) {
    int64_t parts = staticDim(n.input(1), 0);
    if (parts < 0)
      return n.error() << "the number of parts is known at run time only";
    if (failed(splitSizes(n, 1, *axis, parts, sizes)))
      return failure();
  } else {
    auto chunk = n.hasInput(1) ? knownInt(n, n.input(1)) : 1;
    int64_t length = staticDim(x, *axis);
    if (!chunk || *chunk < 1 || length < 0 || length / *chunk > 4096)
      return n.error() << "SplitToSequence of " << x.getType()
                       << " gives a number of parts that is not known now";
    for (int64_t start = 0; start < length; start += *chunk)
      sizes.push_back(constDim(n, std::min(*chunk, length - start)));
  }
  List list;
  Value start = constDim(n, 0);
  for (Value size : sizes) {
    Value end = dimArith(n, DimOp::Add, start, size);
    Value part = sliceDims(n, x, *axis, start, end);
    if (drops)
      part = n.squeeze(part, {*axis});
    if (!part)
      return failure();
    list.push_back(part);
    start = end;
  }
  return n.setBinding(0, Binding::sequence(list));
}

static LogicalResult concatFromSequence(Node &n) {
  FailureOr<List> list = listInput(n, 0);
  if (failed(list))
    return failure();
  if (list->empty())
    return n.error() << "the sequence is empty";
  bool isNew = n.intAttr("new_axis", 0);
  FailureOr<int64_t> axis =
      n.axis(n.intAttr("axis", 0), rankOf(list->front()) + isNew);
  if (failed(axis))
    return failure();
  return n.setOutput(0,
                     isNew ? stack(n, *list, *axis) : concat(n, *list, *axis));
}

/// Imports the body for every element of the first sequence.
static LogicalResult sequenceMap(Node &n) {
  const ::onnx::GraphProto *body = nestedGraph(n, "body");
  FailureOr<List> list = listInput(n, 0);
  if (!body || failed(list))
    return failure();
  std::vector<List> outputs(n.numOutputs());
  for (size_t k = 0; k < list->size(); ++k) {
    SmallVector<Binding> inputs;
    for (unsigned i = 0; i < n.numInputs(); ++i) {
      const Binding *binding = n.binding(i);
      if (!binding)
        return n.error() << "input " << i << " is missing";
      if (binding->kind == Binding::List && k >= binding->list.size())
        return n.error() << "the sequences have different lengths";
      inputs.push_back(binding->kind == Binding::List
                           ? Binding::tensor(binding->list[k])
                           : *binding);
    }
    auto results = n.graph.importNested(*body, inputs, n.loc);
    if (failed(results))
      return failure();
    for (auto [output, result] : llvm::zip(outputs, *results)) {
      if (result.kind != Binding::Tensor)
        return n.error() << "the body gives something else than tensors";
      output.push_back(result.value);
    }
  }
  for (auto [i, output] : llvm::enumerate(outputs))
    if (failed(n.setBinding(i, Binding::sequence(output))))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Optionals
//===----------------------------------------------------------------------===//

static LogicalResult optional(Node &n) {
  const Binding *binding = n.binding(0);
  return n.setBinding(0, binding ? *binding : Binding::absent());
}

static LogicalResult optionalHasElement(Node &n) {
  const Binding *binding = n.binding(0);
  return n.setOutput(0,
                     constBool(n, binding && binding->kind != Binding::Absent));
}

static LogicalResult optionalGetElement(Node &n) {
  const Binding *binding = n.binding(0);
  if (!binding || binding->kind == Binding::Absent)
    return n.error() << "the optional has no value";
  return n.setBinding(0, *binding);
}

void registerLists(ImporterTable &table) {
  table.add("SequenceConstruct", checked<sequenceConstruct, 1>);
  table.add("SequenceEmpty", sequenceEmpty);
  table.add("SequenceLength", sequenceLength);
  table.add("SequenceAt", sequenceAt);
  table.add("SequenceInsert", sequenceInsert);
  table.add("SequenceErase", sequenceErase);
  table.add("SplitToSequence", checked<splitToSequence, 1>);
  table.add("ConcatFromSequence", concatFromSequence);
  table.add("SequenceMap", sequenceMap);
  table.add("Optional", optional);
  table.add("OptionalHasElement", optionalHasElement);
  table.add("OptionalGetElement", optionalGetElement);
}

} // namespace narae::onnx
