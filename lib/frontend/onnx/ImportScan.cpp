//===- ImportScan.cpp - Scan ----------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/LoopBuilder.h"

using namespace mlir;

namespace narae::onnx {

namespace {
/// An ONNX Scan over given values: states, then sequences.
class Scan {
public:
  Scan(Node &n, const ::onnx::GraphProto &body, unsigned stateCount)
      : n(n), body(body), stateCount(stateCount) {}

  /// Final states and collected outputs, before output axes are moved.
  FailureOr<Values> run(ArrayRef<Value> states, ArrayRef<Value> sequences);

  SmallVector<int64_t> inputAxes, outputAxes;
  SmallVector<bool> inputReversed, outputReversed;

private:
  FailureOr<Iteration> iterate(ArrayRef<Value> states, ArrayRef<Value> slices);
  FailureOr<Values> unroll(ArrayRef<Value> states, ArrayRef<Value> sequences,
                           int64_t length);
  FailureOr<Values> loop(ArrayRef<Value> states, ArrayRef<Value> sequences,
                         Value length);

  Node &n;
  const ::onnx::GraphProto &body;
  unsigned stateCount;
};
} // namespace

FailureOr<Iteration> Scan::iterate(ArrayRef<Value> states,
                                   ArrayRef<Value> slices) {
  SmallVector<Binding> inputs;
  for (Value value : llvm::concat<const Value>(states, slices)) {
    if (!value)
      return failure();
    inputs.push_back(Binding::tensor(value));
  }
  auto outputs = n.graph.importNested(body, inputs, n.loc);
  if (failed(outputs))
    return failure();
  Iteration iteration;
  for (auto [i, output] : llvm::enumerate(*outputs)) {
    if (output.kind != Binding::Tensor)
      return n.error() << "the body of Scan gives a sequence", failure();
    (i < stateCount ? iteration.carried : iteration.scans)
        .push_back(output.value);
  }
  if (outputs->size() != stateCount + outputReversed.size())
    return n.error() << "the body of Scan gives " << outputs->size()
                     << " values instead of "
                     << stateCount + outputReversed.size(),
           failure();
  return iteration;
}

FailureOr<Values> Scan::unroll(ArrayRef<Value> states,
                               ArrayRef<Value> sequences, int64_t length) {
  Values carried(states);
  std::vector<Values> scans(outputReversed.size());
  for (int64_t t = 0; t < length; ++t) {
    Values slices;
    for (auto [i, sequence] : llvm::enumerate(sequences)) {
      int64_t at = inputReversed[i] ? length - 1 - t : t, axis = inputAxes[i];
      slices.push_back(n.squeeze(n.slice(sequence, axis, at, at + 1), {axis}));
    }
    FailureOr<Iteration> iteration = iterate(carried, slices);
    if (failed(iteration))
      return failure();
    carried = std::move(iteration->carried);
    for (auto [i, value] : llvm::enumerate(iteration->scans))
      scans[i].push_back(value);
  }
  for (auto [i, values] : llvm::enumerate(scans)) {
    if (outputReversed[i])
      std::reverse(values.begin(), values.end());
    carried.push_back(stack(n, values, 0));
  }
  return carried;
}

FailureOr<Values> Scan::loop(ArrayRef<Value> states, ArrayRef<Value> sequences,
                             Value length) {
  return emitLoop(
      n, length, {}, states, outputReversed,
      [&](Value index, ArrayRef<Value> args) -> FailureOr<Iteration> {
        Values slices;
        for (auto [i, sequence] : llvm::enumerate(sequences)) {
          Value at = index;
          if (inputReversed[i])
            at = n.make<fm::SubOp>(
                n.make<fm::SubOp>(asScalar(n, length), n.constInt(1)), index);
          slices.push_back(
              n.make<fm::GatherOp>(sequence, at, uint64_t(inputAxes[i])));
        }
        return iterate(args, slices);
      });
}

FailureOr<Values> Scan::run(ArrayRef<Value> states, ArrayRef<Value> sequences) {
  for (auto [i, sequence] : llvm::enumerate(sequences)) {
    FailureOr<int64_t> axis = n.axis(inputAxes[i], rankOf(sequence));
    if (failed(axis))
      return failure();
    inputAxes[i] = *axis;
    int64_t first = staticDim(sequences[0], inputAxes[0]);
    int64_t other = staticDim(sequence, *axis);
    if (first >= 0 && other >= 0 && first != other)
      return n.error() << "the sequences of Scan have different lengths, "
                       << first << " and " << other,
             failure();
  }
  int64_t length = staticDim(sequences[0], inputAxes[0]);
  FailureOr<Values> results =
      length > 0 && length <= kMaxUnrolled
          ? unroll(states, sequences, length)
          : loop(states, sequences, dimOf(n, sequences[0], inputAxes[0]));
  if (failed(results))
    return failure();
  for (size_t i = 0; i < outputReversed.size(); ++i) {
    Value &value = (*results)[stateCount + i];
    if (!value)
      return failure();
    int64_t rank = rankOf(value);
    FailureOr<int64_t> axis = n.axis(outputAxes[i], rank);
    if (failed(axis))
      return failure();
    SmallVector<int64_t> perm = axesFrom(1, rank);
    perm.insert(perm.begin() + *axis, 0);
    value = n.transpose(value, perm);
  }
  return results;
}

static SmallVector<bool> flags(const Node &n, StringRef name, size_t count) {
  SmallVector<bool> result(count, false);
  for (auto [i, value] : llvm::enumerate(n.intsAttr(name)))
    if (i < count)
      result[i] = value != 0;
  return result;
}

static SmallVector<int64_t> axes(const Node &n, StringRef name, size_t count) {
  SmallVector<int64_t> result = n.intsAttr(name);
  result.resize(count, 0);
  return result;
}

/// Before opset 9 everything has a batch in front, and sequences their time
/// after it: a scan a batch.
static LogicalResult batched(Node &n, Scan &scan, ArrayRef<Value> states,
                             ArrayRef<Value> sequences) {
  if (n.hasInput(0))
    return n.error() << "Scan with sequence_lens is not supported; convert the "
                        "model to a newer operator set";
  int64_t batch = rankOf(sequences[0]) ? staticDim(sequences[0], 0) : -1;
  if (batch <= 0 || batch > kMaxUnrolled)
    return n.error() << "Scan of operator set 8 needs a static batch of at "
                        "most "
                     << kMaxUnrolled;
  std::vector<Values> results;
  for (int64_t i = 0; i < batch; ++i) {
    auto pick = [&](ArrayRef<Value> values) {
      Values picked;
      for (Value value : values)
        picked.push_back(rankOf(value)
                             ? n.squeeze(n.slice(value, 0, i, i + 1), {0})
                             : value);
      return picked;
    };
    auto result = scan.run(pick(states), pick(sequences));
    if (failed(result))
      return failure();
    results.resize(result->size());
    for (auto [k, value] : llvm::enumerate(*result))
      results[k].push_back(value);
  }
  for (auto [k, values] : llvm::enumerate(results))
    if (failed(n.setOutput(k, stack(n, values, 0))))
      return failure();
  return success();
}

static LogicalResult importScan(Node &n) {
  const ::onnx::GraphProto *body = nestedGraph(n, "body");
  if (!body)
    return failure();
  bool old = n.opset < 9;
  int64_t inputs = int64_t(n.numInputs()) - old;
  int64_t sequenceCount = n.intAttr("num_scan_inputs", 0);
  if (sequenceCount < 1 || sequenceCount > inputs)
    return n.error() << "num_scan_inputs is " << sequenceCount << ", but there "
                     << (inputs == 1 ? "is " : "are ") << inputs << " inputs";
  int64_t stateCount = inputs - sequenceCount;
  int64_t scanCount = int64_t(n.numOutputs()) - stateCount;
  if (scanCount < 0)
    return n.error() << "Scan has fewer outputs than states";
  Values states, sequences;
  for (int64_t i = 0; i < inputs; ++i) {
    Value value = n.input(i + old);
    if (!value)
      return n.error() << "input " << i + old << " is missing";
    (i < stateCount ? states : sequences).push_back(value);
  }
  Scan scan(n, *body, stateCount);
  scan.inputAxes = axes(n, "scan_input_axes", sequenceCount);
  scan.outputAxes = axes(n, "scan_output_axes", scanCount);
  scan.inputReversed =
      flags(n, old ? "directions" : "scan_input_directions", sequenceCount);
  scan.outputReversed = flags(n, "scan_output_directions", scanCount);
  if (old)
    return batched(n, scan, states, sequences);
  auto results = scan.run(states, sequences);
  if (failed(results))
    return failure();
  for (auto [i, value] : llvm::enumerate(*results))
    if (failed(n.setOutput(i, value)))
      return failure();
  return success();
}

void addScan(ImporterTable &table) { table.add("Scan", importScan); }

} // namespace narae::onnx
