//===- Timer.cpp - Events of a running program ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/timing/Timer.h"

#include "backends/npu/simulator/Execution.h"
#include "backends/npu/timing/Cycles.h"

using namespace narae;
using namespace narae::npu;

Timer::Timer(Simulator &simulator, const TimingOptions &options)
    : simulator(simulator), options(options),
      machine(simulator.state().machine), fabric(machine) {
  report.clock = machine.clock;
  for (const StreamState &state : simulator.state().streams) {
    StreamTime stream;
    stream.isDma = !state.inOrder();
    if (stream.isDma)
      stream.engine = fabric.addEngine(state.id);
    streams.push_back(std::move(stream));
    EngineReport engine;
    engine.id = state.id;
    report.engines.push_back(engine);
    push(0, size_t(state.number));
  }
  dependants.resize(streams.size());
}

TimingReport Timer::run() {
  while (true) {
    double arrival = nextArrival();
    if (events.empty() && moving.empty())
      break;
    if (!moving.empty() && (events.empty() || arrival <= events.top().time)) {
      arrive(arrival);
      continue;
    }
    Event event = events.top();
    events.pop();
    if (event.kind == 0)
      beginOldest(event.stream, event.time);
    else if (!step(event.stream, event.time)) {
      report.fault = simulator.fault();
      return std::move(report);
    }
  }
  for (const StreamState &state : simulator.state().streams)
    if (state.pc < state.stream.words) {
      report.fault = describeDeadlock(simulator.state());
      return std::move(report);
    }
  summarise();
  return std::move(report);
}

double Timer::hops(size_t from, size_t to) const {
  const State &state = simulator.state();
  return double(fabric
                    .route(state.chipletOf(state.streams[from].id),
                           state.chipletOf(state.streams[to].id))
                    .size()) *
         machine.links.latency * machine.clock;
}

void Timer::stop(size_t number, Stall stall, double time) {
  StreamTime &stream = streams[number];
  if (!stream.stall)
    stream.since = time;
  stream.stall = stall;
}

void Timer::resume(size_t number, double time, bool word) {
  StreamTime &stream = streams[number];
  EngineReport &engine = report.engines[number];
  engine.control += word;
  double waited = time - stream.since - word;
  engine.stalls[size_t(*stream.stall)] += waited;
  if (waited > 0)
    record(number, stream.since, stream.since + waited, 0, Opcode::Wait,
           stream.stall);
  stream.stall.reset();
  push(time, number);
}

bool Timer::mustDrain(size_t number, double time) {
  const StreamState &state = simulator.state().streams[number];
  StreamTime &stream = streams[number];
  if (!stream.isDma || stream.queue.empty())
    return false;
  if (state.pc >= state.stream.words) {
    stop(number, Stall::Completion, time);
    return true;
  }
  Opcode opcode = simulator.state().at(state).opcode;
  if (opcode == Opcode::Fence || opcode == Opcode::Barrier) {
    stop(number, Stall::Completion, time);
    return true;
  }
  bool full = !isControl(opcode) && !isSync(opcode) &&
              int64_t(stream.queue.size()) >=
                  std::max<int64_t>(machine.dma.outstanding, 1);
  if (full)
    stop(number, Stall::Queue, time);
  return full;
}

bool Timer::step(size_t number, double time) {
  StreamTime &stream = streams[number];
  EngineReport &engine = report.engines[number];
  // Signals that came while it could not take them.
  bool again = stream.stall == Stall::Semaphore;
  if (!again && mustDrain(number, time))
    return true;
  const StreamState &state = simulator.state().streams[number];
  Clock before;
  if (state.pc < state.stream.words &&
      simulator.state().at(state).opcode == Opcode::Wait)
    before = state.clock;
  Step done = simulator.step(number);
  if (done.kind == StepKind::Faulted)
    return false;
  if (done.kind == StepKind::Finished) {
    stream.end = time;
    return true;
  }
  const Instruction &instruction = *done.instruction;
  if (done.kind == StepKind::Blocked) {
    blocked(number, instruction, time);
    return true;
  }
  ++engine.words;
  if (isSync(instruction.opcode)) {
    afterSync(number, instruction, time, before);
    return true;
  }
  auto view = [&](OperandName name) {
    return instruction.info().find(name) < 0
               ? std::nullopt
               : simulator.view(number, instruction, name);
  };
  if (isControl(instruction.opcode)) {
    double cycles = 1;
    if (instruction.opcode == Opcode::Load &&
        view(OperandName::A)->space == Space::Dram)
      cycles = std::max(1.0, machine.dram.latency * machine.clock);
    engine.control += cycles;
    push(time + cycles, number);
    return true;
  }
  ++engine.instructions;
  if (stream.isDma) {
    issue(number, instruction, time);
    return true;
  }
  InstructionTime cost =
      instructionTime(machine, instruction, view, options.pipelinedFolds);
  engine.busy += cost.cycles;
  engine.macs += cost.macs;
  engine.macCycles += cost.macs > 0 ? cost.bound : 0;
  engine.bound += cost.bound;
  record(number, time, time + cost.cycles, cost.bound, instruction.opcode);
  push(time + cost.cycles, number);
  return true;
}

void Timer::blocked(size_t number, const Instruction &instruction,
                    double time) {
  const State &state = simulator.state();
  if (instruction.opcode == Opcode::Wait) {
    stop(number, Stall::Semaphore, time);
    int64_t index;
    waiters[semaphoreOf(state, state.streams[number], instruction, index)]
        .push_back(number);
    return;
  }
  stop(number, Stall::Barrier, time);
  const Operand &operand = instruction[OperandName::Index];
  atBarrier[state.streams[number].registers[operand.reg] + operand.number]
      .push_back(number);
}

void Timer::afterSync(size_t number, const Instruction &instruction,
                      double time, const Clock &before) {
  const State &state = simulator.state();
  const StreamState &functional = state.streams[number];
  StreamTime &stream = streams[number];
  EngineReport &engine = report.engines[number];
  switch (instruction.opcode) {
  case Opcode::Signal: {
    ++engine.signals;
    ++engine.control;
    stream.pending.push_back({functional.releases, stream.issued});
    release(number, time);
    int64_t index;
    auto found =
        waiters.find(semaphoreOf(state, functional, instruction, index));
    if (found != waiters.end()) {
      for (size_t waiter : found->second)
        push(time, waiter);
      waiters.erase(found);
    }
    push(time + 1, number);
    return;
  }
  case Opcode::Wait:
    ++engine.waits;
    if (!stream.stall)
      stop(number, Stall::Semaphore, time);
    // What its clock has seen anew is what the signals brought.
    for (size_t other = 0; other < streams.size(); ++other)
      if (functional.clock[other] != before[other])
        stream.needs.push_back({other, functional.clock[other]});
    tryResume(number);
    return;
  case Opcode::Barrier: {
    const Operand &operand = instruction[OperandName::Index];
    std::vector<size_t> &all =
        atBarrier[functional.registers[operand.reg] + operand.number];
    all.push_back(number);
    if (!stream.stall)
      stop(number, Stall::Barrier, time);
    for (size_t each : all) {
      double last = 0;
      for (size_t other : all)
        last = std::max(last, streams[other].since + hops(other, each));
      streams[each].pending.push_back(
          {state.streams[each].releases, streams[each].issued});
      release(each, time);
      resume(each, last + double(machine.sync.cycles), /*word=*/false);
    }
    all.clear();
    return;
  }
  default: // a fence: nothing is under way any more
    stream.pending.push_back({functional.releases, stream.issued});
    release(number, time);
    push(time, number);
  }
}

void Timer::release(size_t number, double time) {
  StreamTime &stream = streams[number];
  stream.effects.resize(simulator.state().streams[number].releases, -1);
  uint64_t oldest =
      stream.queue.empty() ? stream.issued : stream.queue.front().number;
  bool any = false;
  while (!stream.pending.empty() &&
         stream.pending.front().descriptors <= oldest) {
    stream.effects[stream.pending.front().number - 1] = time;
    stream.pending.pop_front();
    any = true;
  }
  if (!any)
    return;
  std::vector<size_t> woken;
  woken.swap(dependants[number]);
  for (size_t dependant : woken)
    if (!streams[dependant].needs.empty())
      tryResume(dependant);
}

void Timer::tryResume(size_t number) {
  StreamTime &stream = streams[number];
  double last = stream.since + 1;
  for (auto [other, release] : stream.needs) {
    const std::vector<double> &effects = streams[other].effects;
    if (release == 0)
      continue;
    if (release > effects.size() || effects[release - 1] < 0) {
      dependants[other].push_back(number);
      return;
    }
    last = std::max(last, effects[release - 1] + double(machine.sync.cycles) +
                              hops(other, number));
  }
  stream.needs.clear();
  resume(number, last, /*word=*/true);
}

TimingReport narae::npu::timeProgram(Simulator &simulator,
                                     const TimingOptions &options) {
  return Timer(simulator, options).run();
}
