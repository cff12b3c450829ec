//===- LoadedObject.cpp - Kernels that a device can launch ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/LoadedObject.h"
#include "backends/npu/isa/Assembly.h"

using namespace narae;
using namespace narae::npu;

/// Which numbers of a launch are the offset of a buffer plus something that no
/// address is part of.
static std::vector<bool> findAddresses(const Kernel &kernel) {
  // 0: no address in it; 1: one, added; 2: anything else made of addresses.
  std::vector<int> kinds(kernel.numbers.size());
  for (size_t i = 0; i < kinds.size(); ++i) {
    const Number &number = kernel.numbers[i];
    switch (number.kind) {
    case NumberKind::Constant:
    case NumberKind::Param:
    case NumberKind::Pool:
      break;
    case NumberKind::Offset:
      kinds[i] = 1;
      break;
    case NumberKind::Add:
      kinds[i] = kinds[number.a] + kinds[number.b];
      break;
    case NumberKind::Sub:
      kinds[i] = kinds[number.a] + 2 * kinds[number.b];
      break;
    case NumberKind::Select:
      kinds[i] = 2 * (kinds[number.a] + kinds[number.b] + kinds[number.c]);
      break;
    default:
      kinds[i] = 2 * (kinds[number.a] + kinds[number.b]);
    }
    kinds[i] = std::min(kinds[i], 2);
  }
  std::vector<bool> result;
  for (uint32_t binding : kernel.bindings)
    result.push_back(kinds[binding] == 1);
  return result;
}

Expected<std::vector<std::unique_ptr<LoadedKernel>>>
npu::loadObject(const void *data, size_t size, const Machine &machine,
                std::vector<std::vector<uint8_t>> &constants) {
  Expected<Object> object =
      readObject(static_cast<const uint8_t *>(data), size);
  if (object.failed())
    return object.status();
  if (object->machineHash != 0 && object->machineHash != machine.hash())
    return Status::error("the object was made for another machine than '" +
                         machine.name + "'; compile the model for this one");
  std::vector<std::unique_ptr<LoadedKernel>> kernels;
  std::string problems;
  for (Kernel &kernel : object->kernels) {
    Expected<std::shared_ptr<const LoadedProgram>> program =
        prepareProgram(kernel.program, machine);
    if (program.failed()) {
      problems += (problems.empty() ? "" : "\n") + std::string("kernel '") +
                  kernel.name + "': " + program.message();
      continue;
    }
    auto loaded = std::make_unique<LoadedKernel>();
    loaded->program = *program;
    loaded->isAddress = findAddresses(kernel);
    for (const Instruction &instruction : loaded->program->code)
      loaded->isStatic &= instruction.opcode != Opcode::Load;
    constants.push_back(std::move(kernel.constants));
    kernel.program = Program();
    loaded->kernel = std::move(kernel);
    kernels.push_back(std::move(loaded));
  }
  if (!problems.empty())
    return Status::error(problems);
  return kernels;
}

Expected<std::string> npu::disassembleObject(const void *data, size_t size) {
  Expected<Object> object =
      readObject(static_cast<const uint8_t *>(data), size);
  if (object.failed())
    return object.status();
  std::string text;
  for (const Kernel &kernel : object->kernels) {
    text += kernel.name + ":\n; " + std::to_string(kernel.buffers) +
            " buffers, " + std::to_string(kernel.params) + " integers, " +
            std::to_string(kernel.constants.size()) + " bytes of constants\n" +
            npu::disassemble(kernel.program) + "\n";
  }
  return text;
}
