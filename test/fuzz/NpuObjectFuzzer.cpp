//===- NpuObjectFuzzer.cpp - Any bytes as an object of the NPU ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/runtime/LoadedObject.h"
#include "backends/npu/timing/Timing.h"
#include "backends/targets/TargetFiles.h"

#include <cstdlib>
#include <cstring>

using namespace narae;
using namespace narae::npu;

static const Machine &machine() {
  static const Machine result = [] {
    std::string json, error;
    std::vector<std::string> problems;
    if (!targets::read("npu:rebel-quad", json, error))
      abort();
    return readMachine(json, problems);
  }();
  return result;
}

/// A kernel that copies rows through a scratchpad and doubles them.
static Object example() {
  std::vector<std::string> problems;
  Kernel kernel;
  kernel.name = "twice";
  kernel.buffers = 2;
  kernel.params = 1;
  kernel.program = assemble(R"(
.parameter rows 1 64
.parameter from
.parameter to
.constant scratchpad 0 1048576 0000803f
.code load
  param x1, 0
  param x2, 1
  view v0, f32, dram, 2, 0, x2
  dim v0, 0, x1, 64
  dim v0, 1, 64, 1
  view v1, f32, scratchpad, 2, -1, 0
  dim v1, 0, x1, 64
  dim v1, 1, 64, 1
  d.copy v1, v0
  signal core, -1, 0, 1
  wait core, -1, 1, 1
  param x2, 2
  rebase v0, x2
  d.copy v0, v1
.code act
  param x1, 0
  wait core, -1, 0, 1
  loop x2, x1
    view v1, f32, scratchpad, 1, -1, 0
    dim v1, 0, 64, 1
    mul x3, x2, 256
    advance v1, x3
    if lt, x2, 60
      v.add v1, v1, v1, 0
    end
  end
  signal core, -1, 1, 1
.stream dma 0 0 load
.stream vector 0 0 act
)",
                            problems);
  if (!problems.empty())
    abort();
  kernel.numbers = {
      {NumberKind::Param, 0, 0, 0, 0},  {NumberKind::Offset, 0, 0, 0, 0},
      {NumberKind::Offset, 1, 0, 0, 0}, {NumberKind::Constant, 0, 0, 0, 64},
      {NumberKind::Mod, 0, 3, 0, 0},    {NumberKind::Add, 1, 4, 0, 0}};
  kernel.bindings = {0, 5, 2};
  kernel.requirements = {{0, "no rows"}};
  kernel.constants = {1, 2, 3, 4};
  Object object;
  object.kernels = {kernel, kernel};
  return object;
}

/// Changes the parts of an object that its reader does not look into, and the
/// references that it does: three bytes a change.
static void change(Object &object, const uint8_t *data, size_t size) {
  for (; size >= 3; data += 3, size -= 3) {
    Kernel &kernel = object.kernels[data[0] & 1];
    size_t at = data[1];
    switch (data[0] >> 1 & 3) {
    case 0: {
      Number &number = kernel.numbers[at % kernel.numbers.size()];
      uint32_t *const fields[] = {&number.a, &number.b, &number.c};
      if (data[0] & 8)
        number.kind = NumberKind(data[2] % numberKinds);
      else if (data[0] & 16)
        number.value = int64_t(int8_t(data[2])) * (int64_t(1) << at % 57);
      else
        *fields[at / 64 % 3] = data[2] & 7;
      break;
    }
    case 1:
      kernel.bindings[at % kernel.bindings.size()] = data[2] & 7;
      break;
    default: {
      size_t place = at | (data[0] & 0xf8) << 5;
      place %= kernel.program.code.size() * wordBytes;
      kernel.program.code[place / wordBytes][place % wordBytes] = data[2];
    }
    }
  }
}

/// Loads what was read, and times a launch of each kernel.
static void use(const std::vector<uint8_t> &bytes, const uint8_t *data,
                size_t size) {
  std::vector<std::vector<uint8_t>> constants;
  auto kernels = loadObject(bytes.data(), bytes.size(), machine(), constants);
  if (kernels.failed())
    return;
  for (const std::unique_ptr<LoadedKernel> &loaded : *kernels) {
    const Kernel &kernel = loaded->kernel;
    if (kernel.buffers > 100 || kernel.params > 100)
      continue;
    std::vector<uint64_t> buffers(kernel.buffers + 2);
    std::vector<int64_t> params(kernel.params), values, parameters;
    for (size_t i = 0; i < buffers.size() && i < size; ++i)
      buffers[i] = flatAddress(data[i] & 7, uint64_t(data[i]) << 6);
    for (size_t i = 0; i < params.size() && i < size; ++i)
      params[i] = data[size - 1 - i];
    if (bindLaunch(kernel, buffers.data(), buffers.size(), params.data(),
                   params.size(), values, parameters)
            .failed())
      continue;
    SimulatorOptions options;
    options.data = options.track = false;
    options.instructionLimit = 2000;
    Simulator simulator(machine(), options);
    simulator.select(loaded->program);
    if (simulator.launch(parameters).ok())
      timeProgram(simulator);
  }
}

/// Bytes as an object are refused or come back the same; a sound object with
/// changes inside is refused or runs, and never brings the simulator down.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (auto read = readObject(data, size);
      read.ok() &&
      writeObject(*read) != std::vector<uint8_t>(data, data + size))
    abort();
  Object object = example();
  change(object, data, size);
  std::vector<uint8_t> bytes = writeObject(object);
  if (auto read = readObject(bytes.data(), bytes.size());
      read.ok() && writeObject(*read) != bytes)
    abort();
  if (disassembleObject(bytes.data(), bytes.size()).ok())
    use(bytes, data, size);
  return 0;
}
