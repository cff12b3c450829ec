//===- ImportIndexing.cpp - Gathers, scatters, slices ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/RunTimeAxes.h"
#include "lib/frontend/onnx/ShapeParts.h"

using namespace mlir;

namespace narae::onnx {

static LogicalResult gather(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  return n.setOutput(
      0, n.make<fm::GatherOp>(n.input(0), n.input(1), uint64_t(*axis)));
}

static LogicalResult gatherElements(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  return n.setOutput(
      0, n.make<fm::GatherElementsOp>(n.input(0), n.input(1), uint64_t(*axis)));
}

static LogicalResult gatherNd(Node &n) {
  return n.setOutput(
      0, n.make<fm::GatherNdOp>(n.input(0), n.input(1),
                                uint64_t(n.intAttr("batch_dims", 0))));
}

static FailureOr<std::string> reduction(Node &n) {
  std::string kind = n.strAttr("reduction", "none");
  if (kind != "none" && kind != "add" && kind != "mul" && kind != "max" &&
      kind != "min")
    return n.error() << "reduction is '" << kind
                     << "'; it is none, add, mul, max or min",
           failure();
  return kind;
}

static LogicalResult scatterElements(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), n.rank(0));
  FailureOr<std::string> kind = reduction(n);
  if (failed(axis) || failed(kind))
    return failure();
  return n.setOutput(
      0, n.make<fm::ScatterElementsOp>(n.input(0), n.input(1), n.input(2),
                                       uint64_t(*axis), StringRef(*kind)));
}

static LogicalResult scatterNd(Node &n) {
  FailureOr<std::string> kind = reduction(n);
  if (failed(kind))
    return failure();
  return n.setOutput(0, n.make<fm::ScatterNdOp>(n.input(0), n.input(1),
                                                n.input(2), StringRef(*kind)));
}

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

static LogicalResult slice(Node &n) {
  Value starts = n.input(1), ends = n.input(2);
  std::optional<SmallVector<int64_t>> axes, steps;
  if (n.has("starts")) { // before opset 10
    starts = n.constInts(n.intsAttr("starts"));
    ends = n.constInts(n.intsAttr("ends"));
    if (n.has("axes"))
      axes = n.intsAttr("axes");
  }
  if (!starts || !ends)
    return n.error() << "Slice has no starts or no ends";
  Type index = n.b.getI64Type();
  starts = n.cast(starts, index);
  ends = n.cast(ends, index);
  axes = n.hasInput(3) ? n.constantInts(3) : axes;
  steps = n.constantInts(4);
  if (rankOf(starts) != 1 || staticDim(starts, 0) < 0)
    return n.error() << "starts must be 1-D and of a static length, not "
                     << starts.getType();
  if ((n.hasInput(3) && !axes) || (n.hasInput(4) && !steps))
    return n.setOutput(
        0, sliceAtRunTime(n, n.input(0), starts, ends, n.input(3), n.input(4)));
  int64_t count = staticDim(starts, 0);
  if (!axes)
    axes = axesFrom(0, count);
  if (!steps)
    steps.emplace(count, 1);
  if (static_cast<int64_t>(axes->size()) != count ||
      static_cast<int64_t>(steps->size()) != count)
    return n.error() << "Slice has " << count << " starts, " << axes->size()
                     << " axes and " << steps->size() << " steps";
  for (int64_t &value : *axes) {
    FailureOr<int64_t> axis = n.axis(value, n.rank(0));
    if (failed(axis))
      return failure();
    value = *axis;
  }
  if (llvm::is_contained(*steps, 0))
    return n.error() << "a step of Slice is 0";
  return n.setOutput(0, n.make<fm::SliceOp>(n.input(0), starts, ends,
                                            ArrayRef<int64_t>(*axes),
                                            ArrayRef<int64_t>(*steps)));
}

//===----------------------------------------------------------------------===//
// Sequences and caches
//===----------------------------------------------------------------------===//

static LogicalResult reverseSequence(Node &n) {
  if (failed(checkRank(n, 0, 2)))
    return failure();
  FailureOr<int64_t> batch = n.axis(n.intAttr("batch_axis", 1), n.rank(0));
  FailureOr<int64_t> time = n.axis(n.intAttr("time_axis", 0), n.rank(0));
  if (failed(batch) || failed(time))
    return failure();
  return n.setOutput(0, n.make<fm::ReverseSequenceOp>(
                            n.input(0), n.cast(n.input(1), n.b.getI64Type()),
                            uint64_t(*batch), uint64_t(*time)));
}

/// Writes `update` into the cache from write_indices[b] on along an axis: a
/// scatter of elements whose index along the axis is the write index plus the
/// position in the update.
static LogicalResult tensorScatter(Node &n) {
  int64_t rank = n.rank(0);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -2), rank);
  if (failed(axis) || failed(checkRank(n, 1, rank, rank)))
    return failure();
  std::string mode = n.strAttr("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return n.error() << "TensorScatter has the mode '" << mode
                     << "'; it is linear or circular";
  if (*axis == 0)
    return n.error() << "the axis of TensorScatter cannot be the batch";
  Value cache = n.input(0), update = n.input(1);
  Values dims;
  for (int64_t i = 0; i < rank; ++i)
    dims.push_back(dimOf(n, update, i));
  Value index = iota(n, dims, *axis, n.b.getI64Type());
  if (n.hasInput(2))
    index = n.make<fm::AddOp>(
        index, alongAxis(n, n.cast(n.input(2), n.b.getI64Type()), 0, rank));
  if (mode == "circular")
    index = n.make<fm::ModOp>(index, asScalar(n, dimOf(n, cache, *axis)),
                              UnitAttr());
  return n.setOutput(0, n.make<fm::ScatterElementsOp>(cache, index, update,
                                                      uint64_t(*axis),
                                                      StringRef("none")));
}

void registerIndexing(ImporterTable &table) {
  table.add("Gather", checked<gather, 2>);
  table.add("GatherElements", checked<gatherElements, 2>);
  table.add("GatherND", checked<gatherNd, 2>);
  table.add("Scatter", checked<scatterElements, 3>);
  table.add("ScatterElements", checked<scatterElements, 3>);
  table.add("ScatterND", checked<scatterNd, 3>);
  table.add("Slice", checked<slice, 1>);
  table.add("ReverseSequence", checked<reverseSequence, 2>);
  table.add("TensorScatter", checked<tensorScatter, 2>);
}

} // namespace narae::onnx
