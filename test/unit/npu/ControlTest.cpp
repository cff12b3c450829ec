//===- ControlTest.cpp - Scalars, loops, views ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/Bench.h"

using namespace narae::npu;
using namespace narae::npu::test;

/// Runs scalar code and returns registers: each of `wanted` is stored through
/// iota (whose start is a register) into an i32 of the scratchpad.
static std::vector<double> registersAfter(const std::string &code,
                                          const std::vector<int> &wanted) {
  Bench bench;
  bench.add(code);
  std::vector<int64_t> out;
  for (int reg : wanted) {
    out.push_back(bench.reserve("v31", ElementType::I32, {1}));
    bench.add("v.fill v31, x" + std::to_string(reg));
  }
  auto fault = bench.run("vector");
  EXPECT_FALSE(fault) << fault->message;
  std::vector<double> values;
  for (int64_t address : out)
    values.push_back(bench.get(address, ElementType::I32, 1)[0]);
  return values;
}

TEST(Control, Arithmetic) {
  struct {
    const char *code;
    double expected;
  } rows[] = {
      {"add x3, x1, x2", 4},   {"sub x3, x1, x2", -18},
      {"mul x3, x1, x2", -77}, {"div x3, x1, x2", -1},
      {"rem x3, x1, x2", 4},   {"min x3, x1, x2", -7},
      {"max x3, x1, x2", 11},  {"and x3, x1, x2", 9},
      {"or x3, x1, x2", -5},   {"xor x3, x1, x2", -14},
      {"shl x3, x2, 3", 88},   {"shr x3, x1, 1", -4},
      {"div x3, x2, -2", -6},  {"rem x3, x2, -2", -1},
      {"set x3, x2+5", 16},    {"set x0, 9\nset x3, x0", 0},
      {"where x3, core", 0},   {"where x3, chiplet", 0},
      {"where x3, cores", 16}, {"where x3, chiplets", 4},
      {"shl x3, x2, 64", 11},  {"mul x3, x2, x1-4", -121},
  };
  for (auto &row : rows)
    EXPECT_EQ(registersAfter("set x1, -7\nset x2, 11\n" + std::string(row.code),
                             {3})[0],
              row.expected)
        << row.code;
}

TEST(Control, LoopsAndConditions) {
  EXPECT_EQ(registersAfter("loop x1, 5\n"
                           "  loop x2, x1\n"
                           "    add x3, x3, 1\n" // 0 + 1 + 2 + 3 + 4
                           "    if eq, x2, 2\n"
                           "      add x4, x4, 1\n" // rounds 3 and 4
                           "    end\n"
                           "  end\n"
                           "end\n"
                           "loop x5, -3\n"
                           "  set x6, 1\n"
                           "end\n"
                           "loop x0, 7\n"
                           "  add x7, x7, x0+2\n"
                           "end",
                           {3, 4, 6, 7, 1}),
            (std::vector<double>{10, 2, 0, 14, 4}));
  struct {
    const char *condition;
    bool less, same, more;
  } rows[] = {{"lt", true, false, false}, {"le", true, true, false},
              {"eq", false, true, false}, {"ne", true, false, true},
              {"gt", false, false, true}, {"ge", false, true, true}};
  for (auto &row : rows) {
    std::string code;
    for (int i = -1; i <= 1; ++i)
      code += "set x1, " + std::to_string(i) + "\nif " + row.condition +
              ", x1, 0\nset x" + std::to_string(i + 5) + ", 1\nend\n";
    EXPECT_EQ(registersAfter(code, {4, 5, 6}),
              (std::vector<double>{double(row.less), double(row.same),
                                   double(row.more)}))
        << row.condition;
  }
}

TEST(Control, LoadsFromMemory) {
  Bench bench;
  bench.put("v1", ElementType::I32, {3}, {5, -6, 7});
  bench.put("v2", ElementType::I4, {5}, {1, -2, 3, -4, 5});
  bench.add("set x1, 1");
  bench.add("load x2, v1, x1\nload x3, v2, x1+2\nload x4, v2, 4");
  int64_t out = bench.reserve("v3", ElementType::I32, {3});
  bench.add("dim v3, 0, 1, 1\nv.fill v3, x2\nadvance v3, 4\nv.fill v3, x3\n"
            "shift v3, 0, 1\nv.fill v3, x4");
  auto fault = bench.run("vector");
  ASSERT_FALSE(fault) << fault->message;
  EXPECT_EQ(bench.get(out, ElementType::I32, 3),
            (std::vector<double>{-6, -4, 5}));
}

TEST(Control, OneCodeForAllCores) {
  Bench bench;
  std::string program = ".parameter length\n.code a\n"
                        "where x1, core\nwhere x2, lane\nparam x3, 0\n"
                        "view v1, i32, scratchpad, 1, -1, 0\n"
                        "dim v1, 0, x3, 1\n"
                        "mul x4, x2, 100\nadd x4, x4, x1\n"
                        "v.iota v1, x4, 1\n"
                        "alias v2, v1\nrebase v2, 1024\nv.neg v2, v1\n";
  for (int core = 0; core < 64; ++core)
    program += ".stream vector " + std::to_string(core) + " 0 a\n";
  auto fault = bench.runProgram(program, {3});
  ASSERT_FALSE(fault) << fault->message;
  for (int core = 0; core < 64; ++core) {
    double first = core + core % 16 * 100;
    EXPECT_EQ(bench.get(0, ElementType::I32, 3, Space::Scratchpad, core),
              (std::vector<double>{first, first + 1, first + 2}));
    EXPECT_EQ(bench.get(1024, ElementType::I32, 1, Space::Scratchpad, core),
              std::vector<double>{-first});
  }
}
