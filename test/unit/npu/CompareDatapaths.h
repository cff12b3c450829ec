//===- CompareDatapaths.h - A datapath and the reference ------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random instructions, executed by a datapath and by the reference: both leave
// the same bytes. Where an instruction is a fault, it is the same one.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_NPU_COMPAREDATAPATHS_H
#define NARAE_TEST_UNIT_NPU_COMPAREDATAPATHS_H

#include "test/unit/npu/RandomWork.h"

namespace narae::npu::test {

/// Bytes of many kinds: of floats, specials, halves, and anything.
inline std::vector<uint8_t> randomBytes(std::mt19937_64 &random, size_t count) {
  auto below = [&](int64_t count) {
    return int64_t(random() % uint64_t(count));
  };
  std::vector<uint8_t> result(count);
  int64_t kind = 0;
  for (size_t at = 0; at + 4 <= count; at += 4) {
    if (at % 1024 == 0)
      kind = below(4);
    uint32_t word = uint32_t(random());
    if (kind == 1) {
      float value = float(int32_t(word)) * 0x1p-28f;
      std::memcpy(&word, &value, sizeof word);
    } else if (kind == 2) {
      // Halves around 1, as pairs.
      word = (word & 0x83ff83ff) | 0x38003800;
    } else if (kind == 3 && below(3) == 0) {
      constexpr uint32_t special[] = {0,          0x80000000, 0x7f800000,
                                      0xff800000, 0x7fc00001, 0xffc12345,
                                      0x00000001, 0x807fffff, 0x7f7fffff,
                                      0x7c00fc01, 0x00010400, 0x3f800000};
      word = special[below(12)];
    }
    std::memcpy(&result[at], &word, sizeof word);
  }
  return result;
}

using MakeDatapath =
    std::function<std::unique_ptr<Datapath>(const Machine &machine)>;

/// Runs `rounds` random programs of each opcode on both.
inline void compareWithReference(const MakeDatapath &make, int rounds,
                                 uint64_t seed, int64_t most = 24) {
  Machine machine = builtIn("npu:rebel-quad");
  SimulatorOptions options;
  options.track = false;
  Simulator expected(machine, options, makeReferenceDatapath(machine));
  Simulator got(machine, options, make(machine));
  RandomWork work(seed, most);
  std::mt19937_64 random(seed);
  const std::pair<Space, int32_t> memories[] = {{Space::Scratchpad, 0},
                                                {Space::Scratchpad, 1},
                                                {Space::Accumulator, 0},
                                                {Space::Shared, 0},
                                                {Space::Dram, 0}};
  constexpr size_t size = RandomWork::range + 4096;
  std::map<Opcode, int> executed;
  for (const InstructionInfo &info : instructions()) {
    if (info.opcode < Opcode::Matmul)
      continue;
    for (int round = 0; round < rounds; ++round) {
      if (round % 8 == 0)
        for (auto [space, unit] : memories) {
          std::vector<uint8_t> bytes = randomBytes(random, size);
          for (size_t i = 0; i < 1024; ++i) {
            int32_t index = int32_t(i * 7 % 11 % 4);
            std::memcpy(&bytes[RandomWork::indices + 4 * i], &index, 4);
          }
          for (Simulator *simulator : {&expected, &got})
            ASSERT_TRUE(
                simulator->write(space, unit, 0, bytes.data(), size).ok());
        }
      Program program = work.program(info.opcode);
      std::optional<Fault> faults[2];
      for (int which : {0, 1}) {
        Simulator &simulator = which ? got : expected;
        Status status = simulator.load(program);
        ASSERT_TRUE(status.ok()) << status.message();
        ASSERT_TRUE(simulator.launch({}).ok());
        faults[which] = simulator.run();
      }
      ASSERT_EQ(bool(faults[0]), bool(faults[1])) << disassemble(program);
      if (faults[0]) {
        ASSERT_EQ(faults[0]->message, faults[1]->message);
        continue;
      }
      ++executed[info.opcode];
      for (auto [space, unit] : memories) {
        std::vector<uint8_t> a(size), b(size);
        ASSERT_TRUE(expected.read(space, unit, 0, a.data(), size).ok());
        ASSERT_TRUE(got.read(space, unit, 0, b.data(), size).ok());
        if (a == b)
          continue;
        size_t at = 0;
        while (a[at] == b[at])
          ++at;
        FAIL() << disassemble(program) << spaceText(space) << " byte " << at
               << " is " << int(b[at]) << ", not " << int(a[at]);
      }
    }
    // Enough of them must be no faults for this to say something.
    EXPECT_GE(executed[info.opcode], rounds / 8) << info.mnemonic;
  }
}

} // namespace narae::npu::test

#endif // NARAE_TEST_UNIT_NPU_COMPAREDATAPATHS_H
