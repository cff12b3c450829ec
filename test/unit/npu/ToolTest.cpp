//===- ToolTest.cpp - narae-npu runs and times programs -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <sys/wait.h>

namespace {
struct Outcome {
  int code = -1;
  std::string text; ///< of both outputs
};
} // namespace

static Outcome tool(const std::string &arguments) {
  Outcome outcome;
  std::string command = NARAE_NPU_TOOL " " + arguments + " 2>&1";
  FILE *pipe = popen(command.c_str(), "r");
  char buffer[4096];
  while (size_t bytes = fread(buffer, 1, sizeof buffer, pipe))
    outcome.text.append(buffer, bytes);
  int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

/// Fills `length` bytes of the scratchpad of core 0; the program's path.
static std::string fillProgram() {
  // Tests may run at the same time.
  std::string base =
      testing::TempDir() + "narae-npu-tool-" +
      testing::UnitTest::GetInstance()->current_test_info()->name();
  std::ofstream(base + ".s") << ".parameter length 1 65536\n"
                                ".code a\n"
                                "  param x1, 0\n"
                                "  view v0, i8, scratchpad, 1, -1, 0\n"
                                "  dim v0, 0, x1, 1\n"
                                "  d.fill v0, 7\n"
                                ".stream dma 0 0 a\n";
  Outcome made = tool("assemble " + base + ".s -o " + base + ".npu");
  EXPECT_EQ(made.code, 0) << made.text;
  return base;
}

TEST(Tool, RunsPrograms) {
  Outcome ran = tool("run " + fillProgram() + ".npu --set length=12800");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.text, "no fault in 4 words\n");
}

TEST(Tool, TimesPrograms) {
  std::string base = fillProgram();
  Outcome timed =
      tool("run " + base + ".npu --set=length=12800 --report=" + base +
           ".json --trace " + base + ".trace");
  ASSERT_EQ(timed.code, 0) << timed.text;
  // Three words, the start, 12,800 bytes at 128 a cycle.
  EXPECT_EQ(timed.text.rfind("603 cycles", 0), 0u) << timed.text;
  nlohmann::json report, trace;
  std::ifstream(base + ".json") >> report;
  std::ifstream(base + ".trace") >> trace;
  EXPECT_EQ(report["cycles"], 603.0);
  EXPECT_FALSE(trace["traceEvents"].empty());
}

TEST(Tool, AllThatIsWrongAtOnce) {
  std::string base = fillProgram();
  std::string kept = base + ".kept";
  std::ofstream(kept) << "as it was";
  Outcome wrong = tool("run " + base + ".npu --target=nope --set width=3 " +
                       "--set length=long --report=" + kept);
  EXPECT_EQ(wrong.code, 1);
  for (const char *part :
       {"no target 'nope'", "no parameter 'width'", "'length=long'"})
    EXPECT_NE(wrong.text.find(part), std::string::npos) << wrong.text;
  Outcome missing = tool("run " + base + ".npu --timing --report=" + kept);
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.text.find("--set length=VALUE"), std::string::npos);
  Outcome above = tool("run " + base + ".npu --set length=65537");
  EXPECT_EQ(above.code, 1);
  EXPECT_NE(above.text.find("from 1 to 65536"), std::string::npos);
  std::string text;
  std::ifstream(kept) >> text;
  EXPECT_EQ(text, "as");
}
