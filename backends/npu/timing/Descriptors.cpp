//===- Descriptors.cpp - Bytes under way ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An engine prepares its descriptors at the same time and moves their bytes one
// after the other. Engines share memories and links.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/timing/Timer.h"

#include <algorithm>
#include <limits>

using namespace narae::npu;

void Timer::issue(size_t number, const Instruction &instruction, double time) {
  StreamTime &stream = streams[number];
  EngineReport &engine = report.engines[number];
  const StreamState &state = simulator.state().streams[number];
  int64_t multicast = 1;
  if (instruction.opcode == Opcode::DMulticast) {
    const Operand &operand = instruction[OperandName::Count];
    multicast = state.registers[operand.reg] + operand.number;
  }
  Descriptor descriptor;
  descriptor.number = stream.issued++;
  descriptor.opcode = instruction.opcode;
  descriptor.transfer = fabric.transfer(
      stream.engine, state.id, instruction,
      [&](OperandName name) {
        return simulator.view(number, instruction, name);
      },
      multicast);
  descriptor.left = descriptor.transfer.bytes;
  descriptor.ready = time + descriptor.transfer.latency;
  engine.bytes += descriptor.transfer.bytes;
  ++engine.control;
  stream.queue.push_back(std::move(descriptor));
  if (stream.queue.size() == 1)
    push(stream.queue.front().ready, number, 0);
  push(time + 1, number);
}

void Timer::beginOldest(size_t number, double time) {
  settle(time);
  streams[number].moving = true;
  streams[number].queue.front().begin = time;
  moving.insert(std::lower_bound(moving.begin(), moving.end(), number), number);
  changed = true;
}

void Timer::settle(double time) {
  if (!changed)
    for (size_t i = 0; i < moving.size(); ++i) {
      double &left = streams[moving[i]].queue.front().left;
      left = std::max(0.0, left - rates[i] * (time - settled));
    }
  settled = time;
}

double Timer::nextArrival() {
  if (changed) {
    // Several events of one time are one change.
    if (!events.empty() && events.top().time <= settled &&
        events.top().kind == 0)
      return std::numeric_limits<double>::infinity();
    std::vector<const Transfer *> transfers;
    for (size_t number : moving)
      transfers.push_back(&streams[number].queue.front().transfer);
    rates = fabric.divide(transfers);
    arrivals.clear();
    for (size_t i = 0; i < moving.size(); ++i) {
      double left = streams[moving[i]].queue.front().left;
      arrivals.push_back(settled + (left > 0 ? left / rates[i] : 0));
    }
    changed = false;
  }
  double next = std::numeric_limits<double>::infinity();
  for (double arrival : arrivals)
    next = std::min(next, arrival);
  return next;
}

void Timer::arrive(double time) {
  settle(time);
  // Equal descriptors that began together end together, but for rounding.
  double late = time * (1 + 1e-12);
  std::vector<size_t> done, rest;
  for (size_t i = 0; i < moving.size(); ++i)
    (arrivals[i] <= late ? done : rest).push_back(moving[i]);
  moving = rest;
  changed = true;
  for (size_t number : done)
    complete(number, time);
}

void Timer::complete(size_t number, double time) {
  StreamTime &stream = streams[number];
  EngineReport &engine = report.engines[number];
  Descriptor descriptor = std::move(stream.queue.front());
  stream.queue.pop_front();
  stream.moving = false;
  double bound = fabric.bound(descriptor.transfer);
  engine.busy += time - descriptor.begin;
  engine.bound += bound;
  fabric.account(descriptor.transfer);
  record(number, descriptor.begin, time, bound, descriptor.opcode, std::nullopt,
         descriptor.transfer.betweenChiplets);
  if (!stream.queue.empty())
    push(std::max(time, stream.queue.front().ready), number, 0);
  release(number, time);
  bool goesOn = stream.stall == Stall::Queue ||
                (stream.stall == Stall::Completion && stream.queue.empty());
  if (goesOn)
    resume(number, time, /*word=*/false);
}
