//===- SessionPlaces.cpp - Where buffers are in a run --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes and offsets come from registers, that is from the artifact and from
// the shapes of the inputs. No address is handed to a kernel before they
// have been checked against the memory that is there.
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

std::string Session::Run::nameOf(uint32_t buffer) const {
  const char *name = text(plan.buffers[buffer].buffer->name());
  return "buffer " + std::to_string(buffer) +
         (*name ? " ('" + std::string(name) + "')" : "");
}

/// bytes = the product of a buffer's dimensions, the last one in blocks, and
/// its element's size.
static bool denseBytes(const BufferPlan &buffer, const int64_t *registers,
                       uint64_t &bytes) {
  int64_t total = static_cast<int64_t>(buffer.elementSize);
  bool empty = false, overflow = false;
  for (uint32_t i = 0; i < buffer.rank; ++i) {
    int64_t dim = registers[buffer.dims[i]];
    if (dim < 0)
      return false;
    empty |= dim == 0;
    if (i + 1 == buffer.rank && buffer.blockElements > 1)
      dim = dim / buffer.blockElements + (dim % buffer.blockElements != 0);
    overflow |= __builtin_mul_overflow(total, dim, &total);
  }
  bytes = empty ? 0 : static_cast<uint64_t>(total);
  return empty || !overflow;
}

/// The size that a buffer's register says, once it is known to hold the
/// buffer's dimensions.
Status Session::Run::bytesOf(uint32_t index, uint64_t &bytes) {
  const BufferPlan &buffer = plan.buffers[index];
  int64_t size = state.registers[buffer.buffer->size_reg()];
  uint64_t dense = 0;
  bool possible = denseBytes(buffer, state.registers.data(), dense);
  if (possible && size >= 0 && dense <= static_cast<uint64_t>(size)) {
    bytes = static_cast<uint64_t>(size);
    return Status::success();
  }
  std::string shape = typeName(buffer.buffer->type());
  for (uint32_t i = 0; i < buffer.rank; ++i)
    shape += (i ? ", " : "[") + std::to_string(state.registers[buffer.dims[i]]);
  shape += buffer.rank ? "]" : "[]";
  return Status::error(nameOf(index) + " has the impossible size of " +
                       std::to_string(size) + " bytes for " + shape);
}

Status Session::Run::place(uint32_t index, Place &result) {
  const BufferPlan &buffer = plan.buffers[index];
  uint64_t bytes = 0;
  NARAE_TRY(bytesOf(index, bytes));
  const int64_t *registers = state.registers.data();
  uint64_t available = 0;
  switch (buffer.kind) {
  case BufferKind_Input: {
    const TensorInfo &input = plan.info.inputs[buffer.buffer->index()];
    const int64_t *shape = state.inputDims.data();
    for (const TensorInfo *at = plan.info.inputs.data(); at != &input; ++at)
      shape += at->dims.size();
    int64_t given = 0;
    tensorBytes(shape, input.dims.size(), input.info.type, given);
    available = static_cast<uint64_t>(given);
    break;
  }
  case BufferKind_Output:
    denseBytes(buffer, registers, bytes);
    result = {0, bytes};
    return Status::success();
  case BufferKind_Weight:
    available = session.artifact->reader->weight(buffer.buffer->index()).size;
    break;
  case BufferKind_State:
    available = session.stateInfo(buffer.buffer->index()).bytes;
    break;
  case BufferKind_Dynamic:
    available = state.dynamic[index].size();
    break;
  case BufferKind_Arena:
  case BufferKind_Alias: {
    Place base;
    if (buffer.kind == BufferKind_Alias)
      NARAE_TRY(place(buffer.buffer->index(), base));
    else
      base.size = static_cast<uint64_t>(
          std::max<int64_t>(0, registers[plan.entry.arena_reg()]));
    int64_t offset = registers[buffer.buffer->offset_reg()];
    if (offset >= 0 && static_cast<uint64_t>(offset) <= base.size &&
        bytes <= base.size - static_cast<uint64_t>(offset)) {
      result = {base.offset + static_cast<uint64_t>(offset), bytes};
      return Status::success();
    }
    return Status::error(nameOf(index) + ", " + std::to_string(bytes) +
                         " bytes at " + std::to_string(offset) +
                         ", reaches beyond the " + std::to_string(base.size) +
                         " bytes that it is part of");
  }
  }
  // Sizes may be rounded up beyond what the caller's memory has: kernels
  // touch what the dimensions say.
  if (buffer.kind != BufferKind_Dynamic)
    denseBytes(buffer, registers, bytes);
  if (bytes > available)
    return Status::error(nameOf(index) + " needs " + std::to_string(bytes) +
                         " bytes, but there are " + std::to_string(available));
  result = {0, buffer.kind == BufferKind_Dynamic ? bytes : available};
  return Status::success();
}

Status Session::Run::placeEarly() {
  for (OutputState &output : state.outputs)
    output.earlyBytes = 0;
  for (uint32_t i = 0; i < plan.buffers.size(); ++i) {
    const BufferPlan &buffer = plan.buffers[i];
    if (buffer.late)
      continue;
    NARAE_TRY(place(i, state.places[i]));
    if (buffer.kind != BufferKind_Output)
      continue;
    uint64_t &bytes = state.outputs[buffer.buffer->index()].earlyBytes;
    bytes = std::max(bytes, state.places[i].size);
  }
  return Status::success();
}

/// Gives an output memory of at least that size: the caller's, or ours.
Status Session::Run::reserveOutput(uint32_t index, uint64_t bytes) {
  OutputState &output = state.outputs[index];
  void *&slot = state.slots[plan.outputSlot(index)];
  if (output.caller && device.isHost() && !isText(index)) {
    slot = output.caller->data;
    if (bytes <= output.callerBytes)
      return Status::success();
    return Status::error(std::string("output '") +
                         plan.info.outputs[index].info.name + "' needs " +
                         std::to_string(bytes) +
                         " bytes, the caller's memory is for " +
                         std::to_string(output.callerBytes));
  }
  if (Status status = output.memory.reserve(device, bytes); status.failed())
    return Status::error(std::string("output '") +
                         plan.info.outputs[index].info.name +
                         "': " + status.message());
  slot = output.memory.data();
  return Status::success();
}

Status Session::Run::resolve(uint32_t index, void *&address, uint64_t &size) {
  const BufferPlan &buffer = plan.buffers[index];
  Place where = state.places[index];
  void *base = state.slots[buffer.slot];
  if (buffer.late) {
    NARAE_TRY(place(index, where));
    const BufferPlan &root = plan.buffers[buffer.root];
    if (root.kind == BufferKind_Dynamic) {
      base = state.dynamic[buffer.root].data();
      if (!base)
        return Status::error(nameOf(index) + " is used before it is allocated");
    } else if (root.kind == BufferKind_Output) {
      Place whole;
      NARAE_TRY(place(buffer.root, whole));
      NARAE_TRY(reserveOutput(root.buffer->index(), whole.size));
      base = state.slots[buffer.slot];
    }
  }
  address = static_cast<char *>(base) + where.offset;
  size = where.size;
  return Status::success();
}
