//===- Sync.cpp - Semaphores and barriers ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/simulator/Execution.h"

using namespace narae::npu;

bool narae::npu::isSync(Opcode opcode) {
  return opcode == Opcode::Wait || opcode == Opcode::Signal ||
         opcode == Opcode::Barrier || opcode == Opcode::Fence;
}

SemaphoreId narae::npu::semaphoreOf(const State &state,
                                    const StreamState &stream,
                                    const Instruction &instruction,
                                    int64_t &index) {
  auto value = [&](OperandName name) {
    const Operand &operand = instruction[name];
    return int64_t(uint64_t(stream.registers[operand.reg]) +
                   uint64_t(operand.number));
  };
  SemaphoreId id;
  id.scope = Scope(instruction[OperandName::Scope].number);
  int64_t unit = value(OperandName::Unit);
  bool ofCore = stream.id.engine != Engine::ChipletDma &&
                stream.id.engine != Engine::HostDma;
  if (unit == -1 && id.scope == Scope::Core && ofCore)
    unit = stream.id.unit;
  else if (unit == -1 && id.scope == Scope::Chiplet)
    unit = state.chipletOf(stream.id);
  bool fits = unit >= INT32_MIN && unit <= INT32_MAX;
  id.unit = fits ? int32_t(unit) : -1;
  index = value(OperandName::Index);
  id.index = index >= 0 && index <= INT32_MAX ? int32_t(index) : -1;
  return id;
}

static std::string describe(const SemaphoreId &id) {
  return "semaphore " + std::to_string(id.index) + " of " +
         (id.scope == Scope::Core ? "core " : "chiplet ") +
         std::to_string(id.unit);
}

static bool findSemaphore(Execution &execution, SemaphoreId &id,
                          int64_t &amount) {
  const Machine &machine = execution.state.machine;
  int64_t index;
  id = semaphoreOf(execution.state, execution.stream, execution.instruction,
                   index);
  bool core = id.scope == Scope::Core;
  int64_t units = core ? machine.allCores() : machine.chiplets;
  int64_t count =
      core ? machine.sync.coreSemaphores : machine.sync.chipletSemaphores;
  if (id.unit < 0 || id.unit >= units || id.index < 0 || id.index >= count)
    return execution.fail(FaultKind::Semaphore,
                          "there is no " + ::describe(id));
  amount = execution.value(OperandName::Amount);
  if (amount < 1 || amount > machine.sync.maximum)
    return execution.fail(FaultKind::Semaphore,
                          "an amount of " + std::to_string(amount) + "; 1 to " +
                              std::to_string(machine.sync.maximum) +
                              " is possible");
  return true;
}

/// A release: what the stream did so far is complete for whoever takes it.
static Clock release(StreamState &stream) {
  Clock clock = stream.clock;
  clock[stream.number] = ++stream.releases;
  return clock;
}

static bool executeSignal(Execution &execution) {
  SemaphoreId id;
  int64_t amount;
  if (!findSemaphore(execution, id, amount))
    return false;
  State &state = execution.state;
  StreamState &stream = execution.stream;
  Semaphore &semaphore = state.semaphores[id];
  if (semaphore.count + amount > state.machine.sync.maximum)
    return execution.fail(FaultKind::Semaphore,
                          ::describe(id) + " would hold " +
                              std::to_string(semaphore.count + amount) +
                              ", more than " +
                              std::to_string(state.machine.sync.maximum));
  // It could have come before the signals that a wait has taken already.
  if (semaphore.last && semaphore.last->from != stream.number &&
      stream.clock[semaphore.last->wait.stream] <= semaphore.last->wait.clock &&
      semaphore.last->wait.stream != stream.number) {
    const StreamState &waiter = state.streams[semaphore.last->wait.stream];
    return execution.fail(
        FaultKind::AmbiguousWait,
        ::describe(id) + " was taken by " + describe(waiter.id) + ", word " +
            std::to_string(semaphore.last->wait.word) +
            ", with signals of others; nothing orders this signal after that "
            "wait. Give each of them a semaphore of its own");
  }
  semaphore.count += amount;
  Clock clock = release(stream);
  semaphore.tokens.push_back({stream.number, amount, std::move(clock)});
  ++stream.pc;
  return true;
}

static bool executeWait(Execution &execution, bool &blocked) {
  SemaphoreId id;
  int64_t amount;
  if (!findSemaphore(execution, id, amount))
    return false;
  State &state = execution.state;
  StreamState &stream = execution.stream;
  Semaphore &semaphore = state.semaphores[id];
  if (semaphore.count < amount) {
    blocked = true;
    return true;
  }
  semaphore.count -= amount;
  Semaphore::Taking taking{stream.epoch(), hostStream, 0};
  const std::optional<Semaphore::Taking> before = semaphore.last;
  bool raced = before && before->wait.stream != stream.number &&
               stream.clock[before->wait.stream] <= before->wait.clock;
  std::vector<std::pair<int32_t, uint32_t>> releases;
  for (int64_t left = amount; left > 0;) {
    Semaphore::Token &token = semaphore.tokens.front();
    uint32_t number = token.clock[token.stream];
    if (raced && (before->from != token.stream || before->release != number))
      return execution.fail(FaultKind::AmbiguousWait,
                            describe(state.streams[before->wait.stream].id) +
                                ", word " + std::to_string(before->wait.word) +
                                ", waits for " + ::describe(id) +
                                " too, and nothing orders the two waits");
    join(stream.clock, token.clock);
    taking.from = taking.from == hostStream || taking.from == token.stream
                      ? token.stream
                      : Semaphore::severalStreams;
    taking.release = number;
    releases.push_back({token.stream, number});
    int64_t taken = std::min(left, token.amount);
    token.amount -= taken;
    left -= taken;
    if (token.amount == 0)
      semaphore.tokens.pop_front();
  }
  // What is left must have come later for certain.
  for (auto [from, number] : releases)
    for (const Semaphore::Token &other : semaphore.tokens)
      if (other.stream != from && other.clock[from] < number)
        return execution.fail(FaultKind::AmbiguousWait,
                              "takes " + std::to_string(amount) + " of " +
                                  std::to_string(semaphore.count + amount) +
                                  " signals of " + ::describe(id) +
                                  ", and nothing orders those of " +
                                  describe(state.streams[from].id) + " and " +
                                  describe(state.streams[other.stream].id));
  semaphore.last = taking;
  ++stream.pc;
  return true;
}

static bool executeBarrier(Execution &execution, bool &blocked) {
  State &state = execution.state;
  StreamState &stream = execution.stream;
  int64_t index = execution.value(OperandName::Index);
  int64_t count = execution.value(OperandName::Count);
  if (index < 0 || index >= state.machine.sync.barriers)
    return execution.fail(FaultKind::Semaphore,
                          "there is no barrier " + std::to_string(index));
  if (count < 1 || count > int64_t(state.streams.size()))
    return execution.fail(FaultKind::Semaphore,
                          "a barrier of " + std::to_string(count) +
                              " streams; the program has " +
                              std::to_string(state.streams.size()));
  BarrierState &barrier = state.barriers[int32_t(index)];
  if (!stream.arrived) {
    if (barrier.arrived.empty()) {
      barrier.count = count;
      barrier.clock.assign(state.streams.size(), 0);
    } else if (barrier.count != count) {
      return execution.fail(FaultKind::Semaphore,
                            "expects " + std::to_string(count) +
                                " streams at barrier " + std::to_string(index) +
                                ", but " +
                                describe(state.streams[barrier.arrived[0]].id) +
                                " expects " + std::to_string(barrier.count));
    }
    stream.arrived = true;
    barrier.arrived.push_back(stream.number);
    join(barrier.clock, release(stream));
  }
  if (int64_t(barrier.arrived.size()) < barrier.count) {
    blocked = true;
    return true;
  }
  for (int32_t number : barrier.arrived) {
    StreamState &other = state.streams[number];
    join(other.clock, barrier.clock);
    other.arrived = false;
    other.status = StreamState::Ready;
    ++other.pc;
  }
  barrier.arrived.clear();
  return true;
}

bool narae::npu::executeSync(Execution &execution, bool &blocked) {
  StreamState &stream = execution.stream;
  switch (execution.instruction.opcode) {
  case Opcode::Wait:
    return executeWait(execution, blocked);
  case Opcode::Signal:
    return executeSignal(execution);
  case Opcode::Barrier:
    return executeBarrier(execution, blocked);
  default:
    stream.clock = release(stream);
    ++stream.pc;
    return true;
  }
}

/// Streams that still run and have a signal of that semaphore whose name no
/// register changes; signals that registers name count too.
static std::string possibleSignals(const State &state, const SemaphoreId &id) {
  std::string text;
  for (const StreamState &stream : state.streams) {
    if (stream.status == StreamState::Finished)
      continue;
    uint32_t from = stream.frames.empty() ? stream.pc : stream.frames[0].first;
    for (uint32_t i = from; i < stream.stream.words; ++i) {
      const Instruction &word = state.loaded->code[stream.stream.first + i];
      if (word.opcode != Opcode::Signal)
        continue;
      int64_t index;
      SemaphoreId signalled = semaphoreOf(state, stream, word, index);
      bool fixed =
          word[OperandName::Unit].reg == 0 && word[OperandName::Index].reg == 0;
      bool same = !(signalled < id) && !(id < signalled);
      if (same || (!fixed && signalled.scope == id.scope)) {
        text += (text.empty() ? "" : ", ") + describe(stream.id) + ", word " +
                std::to_string(i);
        break;
      }
    }
  }
  return text.empty() ? "no stream that still runs signals it"
                      : "it could be signalled by " + text;
}

Fault narae::npu::describeDeadlock(const State &state) {
  Fault fault;
  fault.kind = FaultKind::Deadlock;
  std::string text;
  for (const StreamState &stream : state.streams) {
    if (stream.status == StreamState::Finished)
      continue;
    const Instruction &instruction = state.at(stream);
    if (text.empty()) {
      fault.engine = stream.id;
      fault.word = stream.pc;
    }
    text += "\n  " + describe(stream.id) + ", word " +
            std::to_string(stream.pc) + " (" + print(instruction) + "): ";
    if (instruction.opcode == Opcode::Barrier) {
      for (auto &[index, barrier] : state.barriers)
        if (std::find(barrier.arrived.begin(), barrier.arrived.end(),
                      stream.number) != barrier.arrived.end())
          text += "barrier " + std::to_string(index) + " has " +
                  std::to_string(barrier.arrived.size()) + " of " +
                  std::to_string(barrier.count) + " streams";
      continue;
    }
    int64_t index;
    SemaphoreId id = semaphoreOf(state, stream, instruction, index);
    auto found = state.semaphores.find(id);
    const Operand &amount = instruction[OperandName::Amount];
    text += "waits for " +
            std::to_string(stream.registers[amount.reg] + amount.number) +
            " of " + ::describe(id) + ", which holds " +
            std::to_string(
                found == state.semaphores.end() ? 0 : found->second.count) +
            "; " + possibleSignals(state, id);
  }
  fault.message =
      std::string(faultText(fault.kind)) + ": nobody can go on:" + text;
  return fault;
}
