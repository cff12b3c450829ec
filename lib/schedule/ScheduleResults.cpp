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

void Scheduler::placeResult(Operation *op, Value result, StringRef name,
                            Tensor &tensor) {
  Location loc = op->getLoc();
  auto type = cast<RankedTensorType>(result.getType());
  bool late = llvm::any_of(dynamicDims(type, tensor.dims), isLate);
  int64_t first = position[op];
  int64_t last = std::max(lastUse(result), first + 1);
  auto direct = directOutputs.find(result);
  if (direct != directOutputs.end() && !late) {
    Operation *end = func.getBody().front().getTerminator();
    Value returned = end->getOperand(direct->second);
    auto outType = cast<RankedTensorType>(returned.getType());
    SmallVector<Value> dims(tensor.dims);
    bool known = true;
    if (auto v = returned.getDefiningOp<rt::ViewOp>()) {
      SmallVector<Value> dynamic;
      for (Value d : v.getDims()) {
        Value mapped = index(d);
        known = known && mapped && !isLate(mapped);
        dynamic.push_back(mapped);
      }
      if (known)
        dims = allDims(outType, dynamic);
    }
    if (known) {
      Value out = buffer(loc, outType, dims, name, "output", first,
                         endPosition[end] + 1);
      outputBuffers[direct->second] = out;
      tensor.buffer = outType == type && !returned.getDefiningOp<rt::ViewOp>()
                          ? out
                          : alias(loc, out, type, tensor.dims);
    }
  }
  if (!tensor.buffer)
    tensor.buffer = buffer(loc, type, tensor.dims, name,
                           late ? "dynamic" : "arena", first, last);
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
  placeResult(op, op.getResult(), name, tensor);
  tensors[op] = tensor;
  b.create<rt::InvokeOp>(op.getLoc(), inputs, tensor.buffer, op.getFunction(),
                         op.getPattern(), op.getLimit());
  return success();
}
