//===- Engines.cpp - Names of engines -------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Program.h"

using namespace narae::npu;

std::string narae::npu::describe(const EngineId &id) {
  std::string unit = std::to_string(id.unit), queue = std::to_string(id.queue);
  switch (id.engine) {
  case Engine::Tensor:
    return "core " + unit + " tensor";
  case Engine::Vector:
    return "core " + unit + " vector";
  case Engine::CoreDma:
    return "core " + unit + " dma " + queue;
  case Engine::ChipletDma:
    return "chiplet " + unit + " dma " + queue;
  case Engine::HostDma:
    return "host dma " + queue;
  }
  return "";
}

std::string narae::npu::checkEngine(const EngineId &id,
                                    const Machine &machine) {
  auto check = [](const char *what, int64_t number, int64_t count) {
    if (number >= 0 && number < count)
      return std::string();
    return std::string(what) + " " + std::to_string(number) +
           " does not exist: the machine has " + std::to_string(count);
  };
  std::string problem;
  switch (id.engine) {
  case Engine::Tensor:
  case Engine::Vector:
    problem = check("core", id.unit, machine.allCores());
    return problem.empty() ? check("queue", id.queue, 1) : problem;
  case Engine::CoreDma:
    problem = check("core", id.unit, machine.allCores());
    return problem.empty() ? check("queue", id.queue, machine.dma.coreQueues)
                           : problem;
  case Engine::ChipletDma:
    problem = check("chiplet", id.unit, machine.chiplets);
    return problem.empty()
               ? check("engine", id.queue, machine.dma.chipletEngines)
               : problem;
  case Engine::HostDma:
    problem = check("unit", id.unit, 1);
    return problem.empty() ? check("engine", id.queue, machine.dma.hostEngines)
                           : problem;
  }
  return "there is no such engine";
}
