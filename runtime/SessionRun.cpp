//===- SessionRun.cpp - Executes the commands of an entry ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/Types.h"
#include "runtime/Registers.h"
#include "runtime/Session.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

using namespace narae;
using namespace narae::artifact;
using namespace narae::runtime;

#define NARAE_TRY(expression)                                                  \
  do {                                                                         \
    if (Status status_ = (expression); status_.failed())                       \
      return status_;                                                          \
  } while (false)

static uint64_t now() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

/// The number an element holds, as an integer.
template <typename T>
static bool loadAs(const void *data, int64_t &value) {
  T element;
  std::memcpy(&element, data, sizeof(element));
  if constexpr (std::is_floating_point_v<T>) {
    double wide = static_cast<double>(element);
    // The bounds are exact: -2^63 fits, 2^63 does not.
    if (!(wide >= -9223372036854775808.0 && wide < 9223372036854775808.0))
      return false;
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    if (element > static_cast<uint64_t>(INT64_MAX))
      return false;
  }
  value = static_cast<int64_t>(element);
  return true;
}

static bool loadInteger(unsigned type, const void *data, int64_t &value) {
  switch (type) {
  case NARAE_I8:
    return loadAs<int8_t>(data, value);
  case NARAE_I16:
    return loadAs<int16_t>(data, value);
  case NARAE_I32:
    return loadAs<int32_t>(data, value);
  case NARAE_I64:
    return loadAs<int64_t>(data, value);
  case NARAE_U8:
  case NARAE_BOOL:
    return loadAs<uint8_t>(data, value);
  case NARAE_U16:
    return loadAs<uint16_t>(data, value);
  case NARAE_U32:
    return loadAs<uint32_t>(data, value);
  case NARAE_U64:
    return loadAs<uint64_t>(data, value);
  case NARAE_F32:
    return loadAs<float>(data, value);
  default:
    return loadAs<double>(data, value);
  }
}

Status Session::Run::readItem(const RegInst &inst) {
  const BufferPlan &buffer = plan.buffers[inst.a()];
  void *address = nullptr;
  uint64_t size = 0;
  NARAE_TRY(resolve(inst.a(), address, size));
  uint64_t offset = inst.b() * buffer.elementSize;
  if (offset + buffer.elementSize > size)
    return Status::error("element " + std::to_string(inst.b()) + " of " +
                         nameOf(inst.a()) + " is read, which has " +
                         std::to_string(size) + " bytes");
  NARAE_TRY(device.wait());
  const void *element = static_cast<const char *>(address) + offset;
  alignas(8) char copy[8];
  if (!device.isHost()) {
    NARAE_TRY(device.download(copy, element, buffer.elementSize));
    NARAE_TRY(device.wait());
    element = copy;
  }
  int64_t &value = state.registers[inst.dst()];
  if (!loadInteger(buffer.buffer->type(), element, value))
    return Status::error("element " + std::to_string(inst.b()) + " of " +
                         nameOf(inst.a()) + " is no number that fits 64 bits");
  return Status::success();
}

Status Session::Run::evaluate(const Command &command) {
  const auto &instructions = *plan.entry.instructions();
  int64_t *registers = state.registers.data();
  for (uint32_t i = command.a(), e = i + command.b(); i < e; ++i) {
    const RegInst &inst = *instructions.Get(i);
    if (inst.op() == RegOp_Item) {
      NARAE_TRY(readItem(inst));
      continue;
    }
    if (inst.op() == RegOp_InputDim) {
      size_t at = inst.b();
      for (uint32_t input = 0; input < inst.a(); ++input)
        at += plan.info.inputs[input].dims.size();
      registers[inst.dst()] = state.inputDims[at];
      continue;
    }
    EvalError error = runtime::evaluate(inst, registers);
    if (error != EvalError::None)
      return Status::error(std::string(describe(error)) + " (instruction " +
                           std::to_string(i) + ")");
  }
  return Status::success();
}

Status Session::Run::dispatch(const Dispatch &dispatch) {
  size_t buffers = count(dispatch.buffers());
  size_t params = count(dispatch.params());
  for (uint32_t i = 0; i < buffers; ++i) {
    uint64_t size = 0;
    NARAE_TRY(
        resolve(dispatch.buffers()->Get(i), state.launchBuffers[i], size));
  }
  for (uint32_t i = 0; i < params; ++i)
    state.launchParams[i] = state.registers[dispatch.params()->Get(i)];
  int64_t scratch = state.registers[dispatch.scratch_reg()];
  if (scratch < 0)
    return Status::error("scratch memory has a negative size");
  NaraeLaunch launch;
  launch.struct_size = sizeof(launch);
  launch.kernel = session.kernels[dispatch.kernel()];
  launch.buffers = state.launchBuffers.data();
  launch.buffer_count = buffers;
  launch.params = state.launchParams.data();
  launch.param_count = params;
  launch.scratch_bytes = static_cast<uint64_t>(scratch);
  launch.work = static_cast<uint64_t>(
      std::max<int64_t>(0, state.registers[dispatch.work_reg()]));
  if (!session.trace)
    return device.launch(launch);
  NARAE_TRY(device.wait());
  uint64_t begin = now();
  NARAE_TRY(device.launch(launch));
  NARAE_TRY(device.wait());
  const Kernel &kernel = *plan.program.kernels()->Get(dispatch.kernel());
  session.trace(session.traceContext, text(kernel.name()), text(kernel.nodes()),
                begin, now());
  return Status::success();
}

Status Session::Run::copy(const Command &command) {
  int64_t bytes = state.registers[command.c()];
  void *from = nullptr, *to = nullptr;
  uint64_t fromSize = 0, toSize = 0;
  NARAE_TRY(resolve(command.a(), from, fromSize));
  NARAE_TRY(resolve(command.b(), to, toSize));
  if (bytes < 0 || static_cast<uint64_t>(bytes) > std::min(fromSize, toSize))
    return Status::error(
        "cannot copy " + std::to_string(bytes) + " bytes from " +
        nameOf(command.a()) + " to " + nameOf(command.b()) + ", which have " +
        std::to_string(fromSize) + " and " + std::to_string(toSize));
  return device.move(to, from, static_cast<uint64_t>(bytes));
}

Status Session::Run::allocate(uint32_t buffer) {
  uint64_t bytes = 0;
  NARAE_TRY(bytesOf(buffer, bytes));
  DeviceMemory &memory = state.dynamic[buffer];
  // A buffer that grew once will grow again, as caches do.
  if (memory.size() && bytes > memory.size())
    bytes += bytes / 4;
  if (Status status = memory.reserve(device, bytes); status.failed())
    return Status::error(nameOf(buffer) + ": " + status.message());
  return Status::success();
}

Status Session::Run::runCommands(uint32_t begin, uint32_t end) {
  if (begin == end)
    return Status::success();
  const auto &commands = *plan.entry.commands();
  for (uint32_t at = begin; at < end;) {
    const Command &command = *commands.Get(at++);
    switch (command.kind()) {
    case CommandKind_Eval:
      NARAE_TRY(evaluate(command));
      break;
    case CommandKind_Dispatch: {
      const Dispatch &launch = *plan.entry.dispatches()->Get(command.a());
      Status status = dispatch(launch);
      if (status.ok())
        break;
      const Kernel &kernel = *plan.program.kernels()->Get(launch.kernel());
      std::string nodes = text(kernel.nodes());
      return Status::error("kernel '" + std::string(text(kernel.name())) + "'" +
                           (nodes.empty() ? "" : " (" + nodes + ")") + ": " +
                           status.message());
    }
    case CommandKind_Copy:
      NARAE_TRY(copy(command));
      break;
    case CommandKind_Branch:
      if (state.registers[command.a()] == 0)
        at = command.b();
      break;
    case CommandKind_Jump:
      at = command.b();
      break;
    case CommandKind_Allocate:
      NARAE_TRY(allocate(command.a()));
      break;
    case CommandKind_Check:
      if (state.registers[command.a()] == 0)
        return Status::error(plan.entry.messages()->Get(command.b())->str());
      break;
    case CommandKind_Call:
      NARAE_TRY(call(command.a()));
      break;
    case CommandKind_Swap:
      state.dynamic[command.a()].swap(state.dynamic[command.b()]);
      break;
    }
  }
  return Status::success();
}

Status Session::Run::prepare() {
  if (!state.prologueDone) {
    NARAE_TRY(runCommands(0, plan.entry.prologue()));
    NARAE_TRY(placeEarly());
    state.prologueDone = true;
  }
  int64_t bytes =
      state.registers.empty() ? 0 : state.registers[plan.entry.arena_reg()];
  if (bytes < 0)
    return Status::error("the arena has a negative size");
  // Another entry may have grown the arena, and so moved it.
  if (Status status =
          session.arena.reserve(device, static_cast<uint64_t>(bytes));
      status.failed())
    return Status::error("no memory for the arena (" + std::to_string(bytes) +
                         " bytes): " + status.message());
  state.slots[0] = session.arena.data();
  for (uint32_t i = 0; i < plan.outputs; ++i) {
    // Mistakes in the caller's shapes show before anything has run.
    if (!plan.buffers[plan.entry.outputs()->Get(i)->buffer()].late)
      NARAE_TRY(checkCallerShape(i));
    NARAE_TRY(reserveOutput(i, state.outputs[i].earlyBytes));
  }
  return Status::success();
}

Status Session::Run::execute() {
  return runCommands(plan.entry.prologue(),
                     static_cast<uint32_t>(count(plan.entry.commands())));
}
