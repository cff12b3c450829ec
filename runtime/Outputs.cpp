//===- Outputs.cpp - Binds the caller's tensors and delivers results -----===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/Types.h"
#include "runtime/Session.h"

#include <algorithm>

using namespace narae;
using namespace narae::artifact;
using namespace narae::runtime;

#define NARAE_TRY(expression)                                                  \
  do {                                                                         \
    if (Status status_ = (expression); status_.failed())                       \
      return status_;                                                          \
  } while (false)

static uint64_t byteCount(const narae_tensor &tensor) {
  int64_t bytes = 0;
  tensorBytes(tensor.shape, tensor.rank, tensor.type, bytes);
  return static_cast<uint64_t>(bytes);
}

Status Session::Run::bindInputs(const narae_tensor *inputs) {
  int64_t *dims = state.inputDims.data();
  for (uint32_t i = 0; i < plan.inputs; ++i) {
    const narae_tensor &input = inputs[i];
    if (!std::equal(input.shape, input.shape + input.rank, dims)) {
      std::copy(input.shape, input.shape + input.rank, dims);
      state.prologueDone = false;
    }
    dims += input.rank;
    if (input.type == NARAE_STRING) {
      NARAE_TRY(bindStrings(i, input, byteCount(input)));
      continue;
    }
    void *&slot = state.slots[plan.inputSlot(i)];
    if (device.isHost()) {
      slot = input.data;
      continue;
    }
    uint64_t bytes = byteCount(input);
    NARAE_TRY(state.inputs[i].reserve(device, bytes));
    slot = state.inputs[i].data();
    NARAE_TRY(device.upload(slot, input.data, bytes));
  }
  return Status::success();
}

Status Session::Run::bindOutputs(const narae_tensor *outputs) {
  for (uint32_t i = 0; i < plan.outputs; ++i) {
    OutputState &output = state.outputs[i];
    output.caller = outputs[i].data ? &outputs[i] : nullptr;
    output.callerBytes = output.caller ? byteCount(outputs[i]) : 0;
    state.slots[plan.outputSlot(i)] = nullptr;
  }
  return Status::success();
}

/// Reads the shape of an output from the registers, and compares it to that
/// of the caller's memory, if there is any.
Status Session::Run::checkCallerShape(uint32_t index) {
  OutputState &output = state.outputs[index];
  const BufferPlan &buffer =
      plan.buffers[plan.entry.outputs()->Get(index)->buffer()];
  for (uint32_t i = 0; i < buffer.rank; ++i)
    output.shape[i] = state.registers[buffer.dims[i]];
  if (!output.caller || std::equal(output.shape.begin(), output.shape.end(),
                                   output.caller->shape))
    return Status::success();
  return Status::error(std::string("output '") +
                       plan.info.outputs[index].info.name + "' has shape " +
                       formatShape(output.shape.data(), buffer.rank) +
                       ", the caller's memory is for " +
                       formatShape(output.caller->shape, buffer.rank));
}

Status Session::Run::deliverOne(uint32_t index, narae_tensor &tensor) {
  OutputState &output = state.outputs[index];
  NARAE_TRY(checkCallerShape(index));
  uint32_t bufferIndex = plan.entry.outputs()->Get(index)->buffer();
  const BufferPlan &buffer = plan.buffers[bufferIndex];
  void *address = nullptr;
  uint64_t size = 0;
  NARAE_TRY(resolve(bufferIndex, address, size));
  if (!output.caller) {
    tensor.type = plan.info.outputs[index].info.type;
    tensor.rank = output.shape.size();
    tensor.shape = output.shape.data();
  }
  // Memory that is this output's alone can be shown; arena, inputs and
  // weights cannot, as somebody else may write there next.
  BufferKind root = plan.buffers[buffer.root].kind;
  bool own = buffer.kind == BufferKind_Output || root == BufferKind_Dynamic;
  bool strings = isText(index);
  own &= !strings;
  if (device.isHost() && own && !output.caller) {
    tensor.data = address;
    return Status::success();
  }
  if (device.isHost() && buffer.kind == BufferKind_Output && !strings)
    return Status::success();
  int64_t bytes = 0;
  tensorBytes(output.shape.data(), output.shape.size(), buffer.buffer->type(),
              bytes);
  if (!output.caller) {
    // Even of nothing there is an address, so that null means no result.
    size_t wanted = static_cast<size_t>(std::max<int64_t>(bytes, 1));
    if (output.staging.size() < wanted)
      output.staging.resize(wanted);
    tensor.data = output.staging.data();
  }
  NARAE_TRY(
      device.download(tensor.data, address, static_cast<uint64_t>(bytes)));
  if (!strings)
    return Status::success();
  NARAE_TRY(device.wait());
  return showStrings(index, tensor.data, static_cast<uint64_t>(bytes));
}

Status Session::Run::deliver(narae_tensor *outputs) {
  // What is queued may still write to the memory that a copy here reads;
  // the queue keeps the order, so one wait at the end is enough.
  for (uint32_t i = 0; i < plan.outputs; ++i)
    NARAE_TRY(deliverOne(i, outputs[i]));
  return device.wait();
}
