//===- ImportConv.cpp - Convolutions --------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"
#include "lib/frontend/onnx/Window.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using llvm::SmallVector;

namespace narae::onnx {

/// An attribute with an element a spatial dimension, or all `otherwise`.
static FailureOr<SmallVector<int64_t>>
spatialInts(const Node &n, llvm::StringRef name, int64_t count,
            int64_t otherwise, int64_t least) {
  SmallVector<int64_t> values = n.intsAttr(name);
  if (values.empty())
    return SmallVector<int64_t>(count, otherwise);
  if (int64_t(values.size()) != count)
    return n.error() << name << " has " << values.size() << " elements; "
                     << count << " are needed";
  for (int64_t value : values)
    if (value < least)
      return n.error() << name << " has " << value << "; it must be at least "
                       << least;
  return values;
}

FailureOr<Window> readWindow(const Node &n, int64_t spatial,
                             llvm::ArrayRef<int64_t> kernel) {
  Window w;
  std::string pad = n.strAttr("auto_pad", "NOTSET");
  w.autoPad = llvm::StringSwitch<llvm::StringRef>(pad)
                  .Cases("NOTSET", "", "explicit")
                  .Case("SAME_UPPER", "same_upper")
                  .Case("SAME_LOWER", "same_lower")
                  .Case("VALID", "valid")
                  .Default("");
  if (w.autoPad.empty())
    return n.error() << "auto_pad is '" << pad
                     << "'; it must be NOTSET, SAME_UPPER, SAME_LOWER or "
                        "VALID";
  auto strides = spatialInts(n, "strides", spatial, 1, 1);
  auto dilations = spatialInts(n, "dilations", spatial, 1, 1);
  if (failed(strides) || failed(dilations))
    return failure();
  w.strides = *strides;
  w.dilations = *dilations;
  w.pads.assign(2 * spatial, 0);
  if (w.autoPad == "explicit") {
    auto pads = spatialInts(n, "pads", 2 * spatial, 0, INT64_MIN);
    if (failed(pads))
      return failure();
    w.pads = *pads;
  }
  w.ceilMode = n.intAttr("ceil_mode", 0);

  w.kernel = n.intsAttr("kernel_shape");
  if (w.kernel.empty())
    w.kernel.assign(kernel.begin(), kernel.end());
  if (int64_t(w.kernel.size()) != spatial)
    return n.error() << "kernel_shape has " << w.kernel.size()
                     << " elements; the input has " << spatial
                     << " spatial dimensions";
  for (auto [i, size] : llvm::enumerate(w.kernel)) {
    if (!kernel.empty() && !ShapedType::isDynamic(kernel[i]) &&
        kernel[i] != size)
      return n.error() << "kernel_shape says " << size << " where the filter "
                       << "has " << kernel[i];
    if (kernel.empty() && size < 1)
      return n.error() << "kernel_shape has " << size
                       << "; sizes must be positive";
  }
  return w;
}

/// Checks ranks, groups and channels, and reads the window.
static FailureOr<Window> readConv(const Node &n, int64_t &groups) {
  if (failed(checkRank(n, 0, 3)) ||
      failed(checkRank(n, 1, n.rank(0), n.rank(0))))
    return failure();
  groups = n.intAttr("group", 1);
  if (groups < 1)
    return n.error() << "group is " << groups << "; it must be positive";
  return readWindow(n, n.rank(0) - 2, n.type(1).getShape().drop_front(2));
}

static LogicalResult conv(Node &n) {
  int64_t groups;
  auto w = readConv(n, groups);
  if (failed(w))
    return failure();
  int64_t channels = n.type(0).getDimSize(1);
  int64_t perGroup = n.type(1).getDimSize(1);
  if (!ShapedType::isDynamic(channels) && !ShapedType::isDynamic(perGroup) &&
      channels != perGroup * groups)
    return n.error() << "the input has " << channels << " channels; a filter "
                     << "of " << perGroup << " in " << groups
                     << " groups needs " << perGroup * groups;
  return n.setOutput(0, n.make<fm::ConvOp>(n.input(0), n.input(1),
                                           maybeInput(n, 2), w->strides,
                                           w->pads, w->dilations, w->autoPad,
                                           uint64_t(groups)));
}

static LogicalResult convTranspose(Node &n) {
  int64_t groups;
  auto w = readConv(n, groups);
  if (failed(w))
    return failure();
  int64_t spatial = n.rank(0) - 2;
  auto extra = spatialInts(n, "output_padding", spatial, 0, 0);
  if (failed(extra))
    return failure();
  SmallVector<int64_t> outputShape = n.intsAttr("output_shape");
  // Some exporters write the batch and the channels too.
  if (int64_t(outputShape.size()) == spatial + 2)
    outputShape.erase(outputShape.begin(), outputShape.begin() + 2);
  if (!outputShape.empty() && int64_t(outputShape.size()) != spatial)
    return n.error() << "output_shape has " << outputShape.size()
                     << " elements; it must have " << spatial;
  return n.setOutput(0, n.make<fm::ConvTransposeOp>(
                            n.input(0), n.input(1), maybeInput(n, 2),
                            w->strides, w->pads, w->dilations, w->autoPad,
                            uint64_t(groups), *extra, outputShape));
}

void registerConv(ImporterTable &table) {
  table.add("Conv", checked<conv, 2>);
  table.add("ConvTranspose", checked<convTranspose, 2>);
  addPools(table);
  addColumns(table);
}

} // namespace narae::onnx
