//===- TestObject.h - Artifacts of hand-written kernels ------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels "affine" (t = x * w[0] + w[1]) and "twice" (y = t + t) as programs,
// and artifacts with the entry of `affineEntry` around them.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_NPU_TESTOBJECT_H
#define NARAE_TEST_UNIT_NPU_TESTOBJECT_H

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/object/Object.h"
#include "backends/targets/TargetFiles.h"
#include "test/unit/artifact/ProgramBuilder.h"
#include "test/unit/npu/TestMachine.h"

namespace narae::npu::test {

/// A kernel whose program has the parameters n, then pool and offset of each of
/// its buffers. `code` is what a core does between loading all inputs to
/// scratchpad views v1, v2, ... and storing view v0, the result: f32[n].
/// \param sizes elements of each input, "x1" being n.
inline Kernel elementKernel(const std::string &name,
                            const std::vector<std::string> &sizes,
                            const std::string &code,
                            const std::string &beforeCode = "wait core, -1, "
                                                            "0, 1\n") {
  size_t inputs = sizes.size();
  std::string text = ".parameter n 1 65536\n", load, views, store;
  for (size_t i = 0; i <= inputs; ++i) {
    std::string id = std::to_string(i);
    text += ".parameter pool" + id + "\n.parameter offset" + id + "\n";
  }
  auto view = [](const std::string &reg, const std::string &place,
                 const std::string &size) {
    return "view " + reg + ", f32, " + place + "\ndim " + reg + ", 0, " + size +
           ", 1\n";
  };
  auto dram = [&](size_t buffer, const std::string &size) {
    return "param x2, " + std::to_string(1 + 2 * buffer) + "\nparam x3, " +
           std::to_string(2 + 2 * buffer) + "\n" +
           view("v9", "dram, 1, x2, x3", size);
  };
  for (size_t i = 0; i < inputs; ++i) {
    std::string reg = "v" + std::to_string(i + 1);
    std::string place =
        "scratchpad, 1, -1, " + std::to_string((i + 1) * (1 << 18));
    load += dram(i, sizes[i]) + view(reg, place, sizes[i]) + "d.copy " + reg +
            ", v9\n";
    views += view(reg, place, sizes[i]);
  }
  std::string result = view("v0", "scratchpad, 1, -1, 0", "x1");
  text += ".code load\nparam x1, 0\n" + load + "signal core, -1, 0, 1\n";
  text += ".code act\nparam x1, 0\n" + views + result + beforeCode + code +
          "\nsignal core, -1, 1, 1\n";
  text += ".code store\nparam x1, 0\n" + result + dram(inputs, "x1") +
          "wait core, -1, 1, 1\nd.copy v9, v0\n";
  text += ".stream dma 0 0 load\n.stream vector 0 0 act\n.stream dma 0 1 "
          "store\n";
  Kernel kernel;
  kernel.name = name;
  kernel.buffers = uint32_t(inputs + 1);
  kernel.params = 1;
  std::vector<std::string> problems;
  kernel.program = assemble(text, problems);
  EXPECT_TRUE(problems.empty()) << problems[0] << "\n" << text;
  kernel.numbers.push_back({NumberKind::Param, 0, 0, 0, 0});
  kernel.bindings.push_back(0);
  for (uint32_t i = 0; i <= inputs; ++i) {
    kernel.numbers.push_back({NumberKind::Pool, i, 0, 0, 0});
    kernel.numbers.push_back({NumberKind::Offset, i, 0, 0, 0});
    kernel.bindings.push_back(2 * i + 1);
    kernel.bindings.push_back(2 * i + 2);
  }
  return kernel;
}

inline Object affineObject(const Machine &machine) {
  Object object;
  object.machineHash = machine.hash();
  // The two weights as views with one element that repeats.
  std::string affine = "dim v2, 0, x1, 0\nalias v3, v2\nadvance v3, 4\n"
                       "v.fma v0, v1, v2, v3, 0, 0";
  object.kernels.push_back(elementKernel("affine", {"x1", "2"}, affine));
  object.kernels.push_back(elementKernel("twice", {"x1"},
                                         "v.add v0, v1, v1, "
                                         "0"));
  return object;
}

/// Writes an artifact for a target with the bytes of an object, which should
/// have the two kernels.
inline void writeArtifact(const std::string &path, const std::string &target,
                          const std::vector<uint8_t> &bytes) {
  static const float weights[] = {3, 1};
  auto program = narae::test::emptyProgram();
  program->backend = "npu";
  std::string error;
  ASSERT_TRUE(targets::read(target, program->target, error)) << error;
  for (const char *name : {"affine", "twice"})
    narae::test::addKernel(*program, name);
  narae::test::addWeight(*program, "w", NARAE_F32, {2});
  program->entries.push_back(narae::test::affineEntry(1000));
  artifact::Writer writer(*program);
  writer.addObject("npu", std::string(bytes.begin(), bytes.end()));
  writer.setWeight(0, {weights, sizeof(weights)});
  Status status = writer.write(path);
  ASSERT_TRUE(status.ok()) << status.message();
}
inline void writeArtifact(const std::string &path, const std::string &target,
                          const Object &object) {
  writeArtifact(path, target, writeObject(object));
}

} // namespace narae::npu::test

#endif // NARAE_TEST_UNIT_NPU_TESTOBJECT_H
