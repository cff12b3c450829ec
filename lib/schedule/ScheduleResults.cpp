//===- ScheduleResults.cpp - Where results of commands lie ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/schedule/Scheduler.h"

using namespace mlir;
using namespace narae;
using namespace narae::schedule;

Value Scheduler::outputBuffer(Location loc, unsigned number, StringRef name,
                              const Tensor &tensor, RankedTensorType type,
                              int64_t first) {
  Operation *end = func.getBody().front().getTerminator();
  Value returned = end->getOperand(number);
  auto outType = cast<RankedTensorType>(returned.getType());
  SmallVector<Value> dims(tensor.dims);
  auto view = returned.getDefiningOp<rt::ViewOp>();
  if (view) {
    SmallVector<Value> dynamic;
    for (Value d : view.getDims()) {
      Value mapped = index(d);
      if (!mapped || isLate(mapped))
        return {};
      dynamic.push_back(mapped);
    }
    dims = allDims(outType, dynamic);
  }
  Value out =
      buffer(loc, outType, dims, name, "output", first, endPosition[end] + 1);
  outputBuffers[number] = out;
  return outType == type && !view ? out : alias(loc, out, type, tensor.dims);
}

void Scheduler::placeResult(Operation *op, Value result, StringRef name,
                            Tensor &tensor, int64_t first) {
  auto type = cast<RankedTensorType>(result.getType());
  Location loc = op->getLoc();
  for (int64_t d = 0; d < type.getRank(); ++d)
    if (!type.isDynamicDim(d))
      tensor.dims[d] = constant(type.getDimSize(d));
  if (Value updated = reused.lookup(result)) {
    tensor.buffer = tensorOf(updated).buffer;
    if (updated.getType() != type)
      tensor.buffer = alias(loc, tensor.buffer, type, tensor.dims);
    return;
  }
  if (pieces.count(result)) {
    tensor.buffer = pieceBuffer(result, tensor.dims);
    return;
  }
  bool late = llvm::any_of(dynamicDims(type, tensor.dims), isLate);
  auto direct = directOutputs.find(result);
  if (direct != directOutputs.end() && !late)
    tensor.buffer =
        outputBuffer(loc, direct->second, name, tensor, type, first);
  if (!tensor.buffer)
    tensor.buffer =
        buffer(loc, type, tensor.dims, name, late ? "dynamic" : "arena", first,
               std::max(lastUse(result), position[op] + 1));
  if (late)
    b.create<rt::AllocateOp>(loc, tensor.buffer);
}

LogicalResult Scheduler::call(rt::CallOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<Value> inputs, dynamic;
  for (Value input : op.getInputs())
    inputs.push_back(tensorOf(input).buffer);
  for (Value dim : op.getDims()) {
    dynamic.push_back(index(dim));
    if (!dynamic.back())
      return op.emitOpError("has a size that is not known yet");
  }
  std::string name;
  if (auto node = op->getLoc()->findInstanceOf<NameLoc>())
    name = node.getName().str();
  Tensor tensor;
  tensor.dims = allDims(type, dynamic);
  placeResult(op, op.getResult(), name, tensor, position[op]);
  tensors[op] = tensor;
  b.create<rt::InvokeOp>(op.getLoc(), inputs, tensor.buffer, op.getFunction(),
                         op.getPattern(), op.getLimit());
  return success();
}
