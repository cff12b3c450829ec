//===- MachineTest.cpp - Target files of NPUs -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/machine/Machine.h"
#include "backends/targets/TargetFiles.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace narae::npu;
using nlohmann::json;

static json target(const std::string &name) {
  std::string text, error;
  EXPECT_TRUE(narae::targets::read(name, text, error)) << error;
  return json::parse(text);
}

static std::vector<std::string> problemsOf(const json &file) {
  std::vector<std::string> problems;
  readMachine(file.dump(), problems);
  return problems;
}

TEST(Machine, BuiltInTargets) {
  // Cores and 2 x cores x cells x clock of the published peaks.
  struct {
    const char *name;
    int64_t chiplets, cores;
    double peak;
  } expected[] = {{"npu:atom", 1, 8, 32e12},
                  {"npu:atom-max", 4, 32, 128e12},
                  {"npu:rebel-quad", 4, 64, 1024e12}};
  for (auto &row : expected) {
    std::vector<std::string> problems;
    Machine machine = readMachine(target(row.name).dump(), problems);
    ASSERT_TRUE(problems.empty()) << row.name << ": " << problems[0];
    EXPECT_EQ(machine.name, row.name);
    EXPECT_EQ(machine.chiplets, row.chiplets);
    EXPECT_EQ(machine.allCores(), row.cores);
    EXPECT_NEAR(2 * machine.peakMacs(machine.tensor.f16), row.peak,
                0.01 * row.peak);
    EXPECT_EQ(machine.poolsPerChiplet(), 1);
    EXPECT_EQ(machine.scratchpad.bytes, 4 << 20);
    EXPECT_EQ(machine.dram.interleave, 256);
  }
}

TEST(Machine, EveryNumberHasAProvenance) {
  std::vector<std::string> problems;
  Machine machine = readMachine(target("npu:rebel-quad").dump(), problems);
  int fields = 0;
  visitFields(machine, [&](const MachineField &field) {
    ++fields;
    std::string path = field.path;
    if (path == "memory.pools" || path == "memory.granule")
      return;
    EXPECT_FALSE(machine.provenance[path].text.empty()) << path;
  });
  EXPECT_EQ(machine.provenance.size(), size_t(fields));
  EXPECT_FALSE(machine.provenance["npu.cores"].assumed);
  EXPECT_TRUE(machine.provenance["npu.clock"].assumed);
}

TEST(Machine, EveryFieldIsMissed) {
  json file = target("npu:atom");
  file["npu"] = json::object();
  std::vector<std::string> problems = problemsOf(file);
  Machine machine;
  int expected = 0;
  visitFields(machine, [&](const MachineField &field) {
    std::string path = field.path;
    if (size_t at = path.find("organisation"); at != std::string::npos)
      path = "npu.dram." + path.substr(at);
    if (path.rfind("npu.", 0) != 0)
      return;
    ++expected;
    EXPECT_NE(std::find(problems.begin(), problems.end(),
                        "'" + path + "' is missing"),
              problems.end())
        << path;
  });
  EXPECT_EQ(int(problems.size()), expected);
  file.erase("npu");
  ASSERT_EQ(problemsOf(file).size(), 1u);
}

TEST(Machine, EveryBoundIsChecked) {
  json good = target("npu:rebel-quad");
  Machine machine;
  visitFields(machine, [&](const MachineField &field) {
    for (double value : {field.low - 1, field.high * 2 + 1}) {
      json file = good;
      json *at = &file;
      std::string path = field.path;
      for (size_t begin = 0; begin < path.size();) {
        size_t end = std::min(path.find('.', begin), path.size());
        at = &(*at)[path.substr(begin, end - begin)];
        begin = end + 1;
      }
      if (at->is_object())
        (*at)["value"] = value;
      else
        *at = value;
      std::vector<std::string> problems = problemsOf(file);
      ASSERT_EQ(problems.size(), 1u) << path;
      EXPECT_EQ(problems[0].rfind("'" + path + "' is ", 0), 0u) << problems[0];
    }
  });
}

TEST(Machine, ImpossibleMachines) {
  json file = target("npu:atom");
  file["npu"]["cores"]["value"] = 0;
  file["npu"]["tensor"]["rows"]["value"] = 2.5;
  file["npu"]["clock"].erase("assumed");
  file["npu"]["shared"]["bytes"] = 7;
  std::vector<std::string> expected = {
      "'npu.cores' is 0, which is impossible: it must be from 1 to 256",
      "'npu.clock' says neither its \"source\" nor why it is \"assumed\"",
      "'npu.tensor.rows' is 2.5, but must be a whole number",
      "'npu.shared.bytes' must be {\"value\": NUMBER, \"source\": TEXT} or "
      "{\"value\": NUMBER, \"assumed\": TEXT}"};
  EXPECT_EQ(problemsOf(file), expected);

  file = target("npu:atom");
  file["npu"]["scratchpad"]["bytes"]["value"] = 10239;
  file["npu"]["tensor"]["accumulator_bytes"]["value"] = 8191;
  file["memory"]["pools"] = 3;
  file["npu"]["chiplets"]["value"] = 2;
  file["npu"]["dma"]["alignment"]["value"] = 48;
  std::vector<std::string> problems = problemsOf(file);
  // A tile: 2 x (2 x 32 x 64 + 32 x 32) = 10240 bytes.
  ASSERT_GE(problems.size(), 5u);
  EXPECT_EQ(problems[0],
            "'npu.scratchpad.bytes' is 10239, less than one tile of the array: "
            "'npu.tensor.rows' x 'npu.tensor.columns' of weights, inputs and "
            "results of 16 bits take 10240");
  EXPECT_EQ(problems[1], "'npu.tensor.accumulator_bytes' is 8191, less than "
                         "the 8192 of one tile of the array");
  EXPECT_EQ(problems[2], "'memory.pools' is 3, no multiple of 'npu.chiplets' "
                         "(2)");
  EXPECT_EQ(problems[3], "'npu.dma.alignment' is 48, but must be a power of "
                         "two");
  // Twice the chiplets: each published peak is now wrong.
  EXPECT_EQ(problems[4], "'peak.f16' is 32000000000000 operations/s, but 'npu' "
                         "describes 64000000000000 (2 x cores x rows x columns "
                         "x rate x clock)");
}

TEST(Machine, NoObject) {
  std::vector<std::string> problems;
  readMachine("[1, 2", problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0], "the target file is not a JSON object");
}

TEST(Machine, HashFollowsNumbersOnly) {
  std::vector<std::string> problems;
  json file = target("npu:atom");
  uint64_t hash = readMachine(file.dump(), problems).hash();
  file["name"] = "npu:mine";
  file["npu"]["clock"]["assumed"] = "another reason";
  EXPECT_EQ(readMachine(file.dump(), problems).hash(), hash);
  file["npu"]["sync"]["cycles"]["value"] = 33;
  EXPECT_NE(readMachine(file.dump(), problems).hash(), hash);
  EXPECT_TRUE(problems.empty());
}
