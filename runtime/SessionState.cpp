//===- SessionState.cpp - What a session keeps from run to run -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ProgramVerifier.h"
#include "runtime/Session.h"

#include <algorithm>

using namespace narae;
using namespace narae::artifact;
using namespace narae::runtime;

/// Zeros are copied to devices in pieces of this size.
static constexpr uint64_t kZeroBytes = 1 << 20;

Status Session::placeStates() {
  const Reader &reader = *artifact->reader;
  uint64_t bytes = reader.stateBytes();
  if (!bytes)
    return Status::success();
  if (device->isHost()) {
    Expected<std::unique_ptr<ZeroMemory>> memory = ZeroMemory::create(bytes);
    if (memory.failed())
      return memory.status();
    hostStates = std::move(*memory);
    stateBase = hostStates->data();
  } else {
    if (Status status = stateMemory.reserve(*device, bytes); status.failed())
      return Status::error("no memory for the session's state (" +
                           std::to_string(bytes) +
                           " bytes): " + status.message());
    stateBase = static_cast<char *>(stateMemory.data());
    if (Status status = resetStates(); status.failed())
      return status;
  }
  const auto &table = *reader.program().states();
  for (size_t entry = 0; entry < states.size(); ++entry)
    for (uint32_t i = 0; i < count(&table); ++i)
      states[entry].slots[plans[entry].stateSlot(i)] =
          stateBase + table.Get(i)->offset();
  return Status::success();
}

Status Session::checkState(size_t state, const void *data,
                           uint64_t bytes) const {
  if (state >= stateCount())
    return Status::error("there is no state " + std::to_string(state) +
                         "; the artifact has " + std::to_string(stateCount()));
  const narae_state_info &info = stateInfo(state);
  if (bytes != info.bytes || (!data && bytes))
    return Status::error(std::string("state '") + info.tensor.name + "' has " +
                         std::to_string(info.bytes) + " bytes, " +
                         std::to_string(data ? bytes : 0) + " were given");
  return Status::success();
}

Status Session::readState(size_t state, void *data, uint64_t bytes) {
  if (Status status = checkState(state, data, bytes); status.failed())
    return status;
  const State &place = *artifact->reader->program().states()->Get(
      static_cast<flatbuffers::uoffset_t>(state));
  if (Status status = device->download(data, stateBase + place.offset(), bytes);
      status.failed())
    return status;
  return device->wait();
}

Status Session::writeState(size_t state, const void *data, uint64_t bytes) {
  if (Status status = checkState(state, data, bytes); status.failed())
    return status;
  const State &place = *artifact->reader->program().states()->Get(
      static_cast<flatbuffers::uoffset_t>(state));
  if (Status status = device->upload(stateBase + place.offset(), data, bytes);
      status.failed())
    return status;
  return device->wait();
}

Status Session::resetStates() {
  if (Status status = device->wait(); status.failed())
    return status;
  if (hostStates) {
    hostStates->clear();
    return Status::success();
  }
  if (device->isTimingOnly())
    return Status::success();
  uint64_t bytes = artifact->reader->stateBytes();
  std::vector<char> zeros(static_cast<size_t>(std::min(bytes, kZeroBytes)));
  for (uint64_t at = 0; at < bytes; at += kZeroBytes)
    if (Status status = device->upload(
            stateBase + at, zeros.data(),
            static_cast<size_t>(std::min(kZeroBytes, bytes - at)));
        status.failed())
      return status;
  return device->wait();
}
