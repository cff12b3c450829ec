//===- EntryPlan.cpp - What is known of an entry before it runs ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/EntryPlan.h"
#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/Types.h"

#include <algorithm>
#include <map>
#include <string>

using namespace narae;
using namespace narae::artifact;
using namespace narae::runtime;

/// Registers that some command after the prologue sets.
static std::vector<bool> registersSetLate(const Entry &entry) {
  std::vector<bool> late(entry.registers());
  for (uint32_t i = entry.prologue(); i < count(entry.commands()); ++i) {
    const Command &command = *entry.commands()->Get(i);
    if (command.kind() != CommandKind_Eval)
      continue;
    for (uint32_t k = 0; k < command.b(); ++k)
      late[entry.instructions()->Get(command.a() + k)->dst()] = true;
  }
  return late;
}

static uint32_t slotOf(const EntryPlan &plan, const Buffer &root) {
  switch (root.kind()) {
  case BufferKind_Input:
    return plan.inputSlot(root.index());
  case BufferKind_Output:
    return plan.outputSlot(root.index());
  case BufferKind_Weight:
    return plan.weightSlot(root.index());
  case BufferKind_State:
    return plan.stateSlot(root.index());
  default:
    return 0;
  }
}

/// Whether the registers of this buffer alone, without what it is an alias
/// of, are set late.
static bool isOwnLate(const Buffer &buffer, const std::vector<bool> &setLate) {
  if (buffer.kind() == BufferKind_Dynamic || setLate[buffer.size_reg()])
    return true;
  bool hasOffset =
      buffer.kind() == BufferKind_Arena || buffer.kind() == BufferKind_Alias;
  if (hasOffset && setLate[buffer.offset_reg()])
    return true;
  for (uint32_t i = 0; i < count(buffer.dims()); ++i)
    if (setLate[buffer.dims()->Get(i)])
      return true;
  return false;
}

static std::vector<SharedDim> findSharedDims(const EntryInfo &info) {
  std::map<std::string, std::pair<uint32_t, uint32_t>> first;
  std::vector<SharedDim> shared;
  for (uint32_t i = 0; i < info.inputs.size(); ++i) {
    const TensorInfo &input = info.inputs[i];
    for (uint32_t d = 0; d < input.dims.size(); ++d) {
      if (input.dims[d].value >= 0 || !*input.dims[d].name)
        continue;
      auto [it, isNew] = first.try_emplace(input.dims[d].name, i, d);
      if (!isNew)
        shared.push_back({i, d, it->second.first, it->second.second});
    }
  }
  return shared;
}

EntryPlan::EntryPlan(const Program &program, const Entry &entry,
                     const EntryInfo &info)
    : program(program), entry(entry), info(info),
      inputs(static_cast<uint32_t>(count(entry.inputs()))),
      outputs(static_cast<uint32_t>(count(entry.outputs()))),
      weights(static_cast<uint32_t>(count(program.weights()))),
      slots(stateSlot(static_cast<uint32_t>(count(program.states())))),
      sharedDims(findSharedDims(info)) {
  std::vector<bool> setLate = registersSetLate(entry);
  for (uint32_t i = 0; i < count(entry.buffers()); ++i) {
    const Buffer &buffer = *entry.buffers()->Get(i);
    uint32_t root = rootOf(entry, i);
    bool late = isOwnLate(buffer, setLate);
    for (uint32_t at = i;
         !late && entry.buffers()->Get(at)->kind() == BufferKind_Alias;) {
      at = entry.buffers()->Get(at)->index();
      late = isOwnLate(*entry.buffers()->Get(at), setLate);
    }
    buffers.push_back(
        {&buffer, buffer.kind(), static_cast<uint32_t>(count(buffer.dims())),
         buffer.dims() ? buffer.dims()->data() : nullptr, root,
         slotOf(*this, *entry.buffers()->Get(root)), typeSize(buffer.type()),
         blockElements(buffer.type()), late});
  }
  for (const TensorInfo &input : info.inputs)
    inputDims += static_cast<uint32_t>(input.dims.size());
  for (uint32_t i = 0; i < count(entry.dispatches()); ++i) {
    const Dispatch &dispatch = *entry.dispatches()->Get(i);
    maxBuffers = std::max(maxBuffers, count(dispatch.buffers()));
    maxParams = std::max(maxParams, count(dispatch.params()));
  }
}
