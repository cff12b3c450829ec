//===- CommandLifetimes.cpp - When commands use buffers -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The planner's lifetimes are positions in the schedule, which counts ops that
// become no command. An artifact tells the same in its own commands.
//===----------------------------------------------------------------------===//

#include "lib/driver/CommandLifetimes.h"

#include <algorithm>

using namespace narae;
using namespace narae::artifact;

/// The buffer at the end of a chain of aliases.
static uint32_t rootOf(const EntryT &entry, uint32_t buffer) {
  while (entry.buffers[buffer]->kind == BufferKind_Alias)
    buffer = entry.buffers[buffer]->index;
  return buffer;
}

static void useIn(EntryT &entry, uint32_t buffer, uint32_t command) {
  BufferT &root = *entry.buffers[rootOf(entry, buffer)];
  root.first = std::min(root.first, command);
  root.last = std::max(root.last, command + 1);
}

static void collectUses(EntryT &entry) {
  for (uint32_t at = 0; at < entry.commands.size(); ++at) {
    const Command &command = entry.commands[at];
    switch (command.kind()) {
    case CommandKind_Dispatch:
      for (uint32_t buffer : entry.dispatches[command.a()]->buffers)
        useIn(entry, buffer, at);
      break;
    case CommandKind_Call:
      for (uint32_t buffer : entry.calls[command.a()]->buffers)
        useIn(entry, buffer, at);
      break;
    case CommandKind_Copy:
    case CommandKind_Swap:
      useIn(entry, command.a(), at);
      useIn(entry, command.b(), at);
      break;
    case CommandKind_Allocate:
      useIn(entry, command.a(), at);
      break;
    case CommandKind_Eval:
      for (uint32_t i = 0; i < command.b(); ++i) {
        const RegInst &inst = entry.instructions[command.a() + i];
        if (inst.op() == RegOp_Item)
          useIn(entry, inst.a(), at);
      }
      break;
    default:
      break;
    }
  }
}

/// Jumps back are loops; inner ones come first, since their jumps do.
static void extendOverLoops(EntryT &entry) {
  for (uint32_t end = 0; end < entry.commands.size(); ++end) {
    const Command &command = entry.commands[end];
    bool jumps = command.kind() == CommandKind_Jump ||
                 command.kind() == CommandKind_Branch;
    if (!jumps || command.b() > end)
      continue;
    uint32_t begin = command.b();
    for (auto &buffer : entry.buffers) {
      bool touches = buffer->first <= end && buffer->last > begin;
      bool isWithin = buffer->first >= begin && buffer->last <= end + 1;
      if (!touches || isWithin)
        continue;
      buffer->first = std::min(buffer->first, begin);
      buffer->last = std::max(buffer->last, end + 1);
    }
  }
}

void driver::setLifetimes(EntryT &entry) {
  const uint32_t commands = static_cast<uint32_t>(entry.commands.size());
  for (auto &buffer : entry.buffers) {
    buffer->first = commands;
    buffer->last = 0;
  }
  collectUses(entry);
  extendOverLoops(entry);
  for (uint32_t i = 0; i < entry.buffers.size(); ++i) {
    BufferT &buffer = *entry.buffers[i];
    switch (buffer.kind) {
    case BufferKind_Input:
    case BufferKind_Weight:
    case BufferKind_State:
      buffer.first = 0;
      buffer.last = commands;
      break;
    case BufferKind_Output:
      buffer.last = commands;
      break;
    default:
      break;
    }
    buffer.first = std::min(buffer.first, buffer.last);
  }
  for (uint32_t i = 0; i < entry.buffers.size(); ++i) {
    const BufferT &root = *entry.buffers[rootOf(entry, i)];
    entry.buffers[i]->first = root.first;
    entry.buffers[i]->last = root.last;
  }
}
