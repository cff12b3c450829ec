//===- Simulator.cpp - Executes programs ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Execution.h"

using namespace narae;
using namespace narae::npu;

Simulator::Simulator(const Machine &machine, SimulatorOptions options,
                     std::unique_ptr<Datapath> path)
    : options(options), machineState(machine),
      datapath(path ? std::move(path) : makeCpuDatapath(machine)) {}

Expected<std::shared_ptr<const LoadedProgram>>
narae::npu::prepareProgram(const Program &program, const Machine &machine) {
  std::vector<std::string> problems = verify(program, machine);
  if (!problems.empty()) {
    std::string text = "the program cannot run:";
    for (const std::string &problem : problems)
      text += "\n  " + problem;
    return Status::error(text);
  }
  auto loaded = std::make_shared<LoadedProgram>();
  loaded->program = program;
  for (const Word &word : program.code)
    loaded->code.push_back(*decode(word.data()));
  return std::shared_ptr<const LoadedProgram>(std::move(loaded));
}

void Simulator::select(std::shared_ptr<const LoadedProgram> program) {
  machineState.loaded = std::move(program);
  machineState.streams.clear();
}

Status Simulator::load(const Program &program) {
  Expected<std::shared_ptr<const LoadedProgram>> loaded =
      prepareProgram(program, machineState.machine);
  if (loaded.failed())
    return loaded.status();
  select(*loaded);
  for (const Constant &constant : program.constants)
    if (Status status =
            write(constant.space, constant.unit, int64_t(constant.address),
                  constant.bytes.data(), constant.bytes.size());
        status.failed())
      return status;
  return Status::success();
}

Status Simulator::launch(const std::vector<int64_t> &parameters) {
  if (!machineState.loaded)
    return Status::error("no program is loaded");
  const Program &program = machineState.loaded->program;
  if (parameters.size() != program.parameters.size())
    return Status::error(
        "the program has " + std::to_string(program.parameters.size()) +
        " parameters, not " + std::to_string(parameters.size()));
  std::string text;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter &parameter = program.parameters[i];
    if (parameters[i] < parameter.low || parameters[i] > parameter.high)
      text += (text.empty() ? "" : "; ") + std::string("parameter '") +
              parameter.name + "' is " + std::to_string(parameters[i]) +
              ", but must be from " + std::to_string(parameter.low) + " to " +
              std::to_string(parameter.high);
  }
  if (!text.empty())
    return Status::error(text);
  machineState.parameters = parameters;
  machineState.settle();
  machineState.semaphores.clear();
  machineState.barriers.clear();
  machineState.streams.clear();
  for (const Stream &stream : program.streams) {
    StreamState state;
    state.id = stream.engine;
    state.number = int32_t(machineState.streams.size());
    state.stream = stream;
    state.clock.assign(program.streams.size(), 0);
    machineState.streams.push_back(std::move(state));
  }
  failure.reset();
  words = 0;
  return Status::success();
}

/// Why the host cannot have those bytes.
static Status checkPlace(const State &state, Space space, int32_t unit,
                         int64_t address, size_t bytes) {
  if (unit < 0 || unit >= state.units(space))
    return Status::error(std::string("there is no ") + spaceText(space) + " " +
                         std::to_string(unit) + ": the machine has " +
                         std::to_string(state.units(space)));
  int64_t size = state.bytes(space);
  if (address < 0 || address > size || bytes > uint64_t(size - address))
    return Status::error(std::to_string(bytes) + " bytes at " +
                         std::to_string(address) + " are not in " +
                         spaceText(space) + " " + std::to_string(unit) +
                         ", which has " + std::to_string(size));
  return Status::success();
}

Status Simulator::write(Space space, int32_t unit, int64_t address,
                        const void *data, size_t bytes) {
  Status status = checkPlace(machineState, space, unit, address, bytes);
  if (status.failed() || bytes == 0)
    return status;
  if (datapath->write(space, unit, address, data, bytes) != Outcome::Done)
    return Status::error(datapath->error());
  Tracker &tracker = machineState.tracker(space, unit);
  tracker.settle();
  tracker.write(address, address + int64_t(bytes), Epoch(), {}, true);
  return status;
}

Status Simulator::read(Space space, int32_t unit, int64_t address, void *data,
                       size_t bytes) {
  Status status = checkPlace(machineState, space, unit, address, bytes);
  if (status.failed() || bytes == 0)
    return status;
  if (datapath->read(space, unit, address, data, bytes) != Outcome::Done)
    return Status::error(datapath->error());
  return status;
}

Step Simulator::step(size_t number) {
  Step step;
  StreamState &stream = machineState.streams[number];
  if (failure) {
    step.kind = StepKind::Faulted;
    return step;
  }
  if (stream.pc >= stream.stream.words) {
    stream.status = StreamState::Finished;
    return step;
  }
  Execution execution(machineState, stream, *datapath, options);
  step.instruction = &execution.instruction;
  step.word = stream.pc;
  stream.step = words;
  Opcode opcode = execution.instruction.opcode;
  bool blocked = false, good = true;
  if (words >= options.instructionLimit) {
    good = execution.fail(FaultKind::InstructionLimit,
                          std::to_string(words) +
                              " words were executed; is a loop too long?");
  } else if (isControl(opcode)) {
    good = executeControl(execution);
  } else if (isSync(opcode)) {
    good = executeSync(execution, blocked);
  } else {
    if (stream.id.engine == Engine::Tensor)
      good = executeTensor(execution);
    else if (stream.id.engine == Engine::Vector)
      good = executeVector(execution);
    else
      good = executeDma(execution);
    stream.pc += good;
  }
  if (!good) {
    failure = execution.fault;
    step.kind = StepKind::Faulted;
    return step;
  }
  words += !blocked;
  stream.status = blocked ? StreamState::Blocked : StreamState::Ready;
  step.kind = blocked ? StepKind::Blocked : StepKind::Executed;
  return step;
}

std::optional<Fault> Simulator::run() {
  std::vector<size_t> order;
  for (bool inOrder : {false, true})
    for (const StreamState &stream : machineState.streams)
      if (stream.inOrder() == inOrder)
        order.push_back(size_t(stream.number));
  while (true) {
    bool progress = false, finished = true;
    for (size_t number : order) {
      Step last;
      while ((last = step(number)).kind == StepKind::Executed)
        progress = true;
      if (last.kind == StepKind::Faulted)
        return failure;
      finished &= last.kind == StepKind::Finished;
    }
    if (finished) {
      if (datapath->finish() == Outcome::Done)
        return std::nullopt;
      failure = Fault{FaultKind::Device, {}, 0, datapath->error()};
      return failure;
    }
    if (!progress) {
      failure = describeDeadlock(machineState);
      return failure;
    }
  }
}

std::optional<View> Simulator::view(size_t number,
                                    const Instruction &instruction,
                                    OperandName name) const {
  const StreamState &stream = machineState.streams[number];
  int64_t reg = instruction[name].number;
  if (reg == noView || stream.views[reg].rank == 0)
    return std::nullopt;
  View view = stream.views[reg];
  if (view.unit == -1)
    view.unit = machineState.ownUnit(stream.id, view.space);
  return view;
}
