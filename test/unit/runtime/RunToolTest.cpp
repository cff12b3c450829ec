//===- RunToolTest.cpp - The command line of narae-run --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/TestSession.h"
#include "tools/narae-run/Npy.h"

#include <cstdio>
#include <cstring>
#include <sys/wait.h>

using namespace narae;
using namespace narae::test;

namespace {
class RunTool : public testing::Test {
protected:
  void SetUp() override {
    auto program = kernelProgram();
    program->entries.push_back(affineEntry(100));
    writeProgram(*program, folder.file("a.narae"));
  }
  /// Runs the tool; stdout and stderr together.
  std::string run(const std::string &arguments, int expectedCode) {
    std::string command =
        "cd '" + folder.path + "' && " NARAE_RUN_TOOL " " + arguments + " 2>&1";
    FILE *pipe = popen(command.c_str(), "r");
    std::string text;
    char buffer[4096];
    while (size_t n = fread(buffer, 1, sizeof(buffer), pipe))
      text.append(buffer, n);
    int status = pclose(pipe);
    EXPECT_TRUE(WIFEXITED(status)) << text;
    EXPECT_EQ(WEXITSTATUS(status), expectedCode) << text;
    return text;
  }
  TemporaryFolder folder;
};
} // namespace

TEST_F(RunTool, FillsAndFiles) {
  std::string text = run("a.narae --input x=3:f32:ones --threads 2", 0);
  expectContains(text, "y: f32[3]  min 8  max 8  mean 8\n  8 8 8\n");
  float x[] = {1, 2};
  ASSERT_TRUE(writeNpy(folder.file("x.npy"), NARAE_F32, {2}, x).ok());
  run("--input=x=@x.npy a.narae --output y=@y.npy", 0);
  auto array = readNpy(folder.file("y.npy"));
  ASSERT_TRUE(array.ok()) << array.message();
  float y[2];
  ASSERT_EQ(array->bytes.size(), sizeof(y));
  std::memcpy(y, array->bytes.data(), sizeof(y));
  EXPECT_EQ(y[0], 8.0f);
  EXPECT_EQ(y[1], 14.0f);
}

TEST_F(RunTool, JsonTimeAndTrace) {
  std::string text = run(
      "a.narae --input 'x=5:random(2,3)' --repeat 4 --json --trace t.json", 0);
  expectContains(text, "\"runs\": 4");
  expectContains(text, "\"name\": \"y\"");
  expectContains(readFile(folder.file("t.json")), "\"affine\"");
  text = run("a.narae --input x=5:zeros --repeat 3", 0);
  expectContains(text, "of 3 runs");
}

TEST_F(RunTool, Help) {
  expectContains(run("--help", 0), "Examples:");
  expectContains(run("--version", 0), "narae 0.");
}

TEST_F(RunTool, Mistakes) {
  expectContains(run("", 1), "no artifact was given");
  expectContains(run("none.narae", 1), "No such file");
  expectContains(run("a.narae b.narae", 1), "two artifacts");
  expectContains(run("a.narae --frobnicate", 1), "unknown option");
  expectContains(run("a.narae --threads 0", 1), "--threads takes a number");
  expectContains(run("a.narae --threads", 1), "needs a value");
  expectContains(run("a.narae", 1), "input 'x': its shape f32[n] is not fixed");
  expectContains(run("a.narae --entry no", 1), "there are: main");
  expectContains(run("a.narae --device tpu --input x=3:ones", 1),
                 "no backend for device 'tpu'");
  expectContains(run("a.narae --input z=3", 1), "an input of this entry: x");
  expectContains(run("a.narae --input x=3:f33", 1), "'f33' is no shape");
  expectContains(run("a.narae --input x=101:ones", 1),
                 "it must be between 1 and 100");
  expectContains(run("a.narae --input x=3:i64:ones", 1),
                 "the type is i64, it must be f32");
  expectContains(run("a.narae --input x=@none.npy", 1), "No such file");
  expectContains(
      run("a.narae --input x=999999999999999999x99999999999:ones", 1),
      "too large");
  expectContains(run("a.narae --input x=99999999999999999:ones", 1),
                 "out of memory");
  expectContains(run("a.narae --input x=3:ones --output y=y.npy", 1),
                 "NAME=@FILE.npy");
  expectContains(run("a.narae --input x=3:ones --output y=@no/y.npy", 1),
                 "cannot write");
  expectContains(run("a.narae --input x=3:ones --output y=@/dev/full", 1),
                 "No space left");
  expectContains(run("a.narae --input x=3:ones > /dev/full", 1), "");
  std::string bytes = readFile(folder.file("a.narae"));
  bytes[5000] ^= 1;
  writeFile(folder.file("b.narae"), bytes);
  expectContains(run("b.narae", 1), "'b.narae': ");
}
