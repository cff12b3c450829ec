//===- InputsTest.cpp - Wrong inputs, named -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/TestSession.h"

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

/// An entry that ignores a: f32[n, 3], b: i64[n] with 1 <= n <= 8.
static std::unique_ptr<EntryT> twoInputs() {
  EntryMaker b("main");
  uint32_t zero = b.constant(0), three = b.constant(3), four = b.constant(4);
  uint32_t eight = b.constant(8);
  uint32_t n = b.op(RegOp_InputDim, 0, 0);
  uint32_t elements = b.op(RegOp_Mul, n, three);
  uint32_t aBytes = b.op(RegOp_Mul, elements, four);
  uint32_t bBytes = b.op(RegOp_Mul, n, eight);
  uint32_t a = b.buffer(BufferKind_Input, 0, NARAE_F32, aBytes, {n, three});
  uint32_t c = b.buffer(BufferKind_Input, 1, NARAE_I64, bBytes, {n});
  b.input("a", NARAE_F32, {dynamicDim(1, 1, 8), fixedDim(3)}, a);
  b.input("b", NARAE_I64, {dynamicDim(1, 1, 8)}, c);
  b.endPrologue(zero);
  return std::move(b.entry);
}

class Inputs : public testing::Test {
protected:
  std::string run(std::vector<int64_t> aShape, std::vector<int64_t> bShape) {
    std::vector<narae_tensor> outputs;
    return session.run({tensorOf(aType, a, aShape), tensorOf(bType, b, bShape)},
                       outputs);
  }
  TestSession session{twoInputs()};
  narae_type aType = NARAE_F32, bType = NARAE_I64;
  std::vector<float> a = std::vector<float>(300);
  std::vector<int64_t> b = std::vector<int64_t>(100);
};

TEST_F(Inputs, Right) { EXPECT_EQ(run({8, 3}, {8}), ""); }

TEST_F(Inputs, Number) {
  std::vector<narae_tensor> outputs;
  expectContains(session.run({}, outputs),
                 "there must be 2 inputs: a, b; got 0");
}

TEST_F(Inputs, AllProblemsAtOnce) {
  bType = NARAE_I32;
  std::string message = run({9, 4}, {4, 1});
  expectContains(message, "input 'a': expected f32[n, 3], got f32[9, 4]");
  expectContains(message, "dimension 0 ('n') is 9, it must be between 1 and 8");
  expectContains(message, "dimension 1 is 4, it must be 3");
  expectContains(message, "input 'b': expected i64[n], got i32[4, 1]");
  expectContains(message, "the type is i32, it must be i64");
  expectContains(message, "the rank is 2, it must be 1");
}

TEST_F(Inputs, Bounds) {
  expectContains(run({0, 3}, {0}), "it must be between 1 and 8");
  expectContains(run({-1, 3}, {-1}), "dimension 0 ('n') is -1");
}

TEST_F(Inputs, SharedDimensions) {
  expectContains(run({4, 3}, {5}),
                 "input 'b': dimension 0 ('n') is 5, but 4 in input 'a'");
}

TEST_F(Inputs, NoData) {
  std::vector<int64_t> shape = {2, 3}, second = {2};
  std::vector<narae_tensor> outputs;
  narae_tensor none = {NARAE_F32, 2, shape.data(), nullptr};
  expectContains(session.run({none, tensorOf(NARAE_I64, b, second)}, outputs),
                 "input 'a': expected f32[n, 3], got f32[2, 3]: there is no "
                 "data");
  none.shape = nullptr;
  expectContains(session.run({none, tensorOf(NARAE_I64, b, second)}, outputs),
                 "there is no shape");
}

TEST_F(Inputs, Outputs) {
  std::vector<int64_t> shape = {2, 3}, second = {2};
  std::vector<narae_tensor> outputs(1);
  expectContains(session.run({tensorOf(NARAE_F32, a, shape),
                              tensorOf(NARAE_I64, b, second)},
                             outputs),
                 "there must be 0 outputs; got 1");
}

TEST(Session, DevicesAndTargets) {
  TestSession session(twoInputs());
  narae_session *created = nullptr;
  narae_session_options options = {sizeof(options), "tpu:0", 0};
  expectContains(
      take(narae_session_create(session.loaded, &options, &created)),
      "there is no backend for device 'tpu:0'; this runtime has cpu");
  options = {sizeof(options), "cpu:7", 0};
  expectContains(take(narae_session_create(session.loaded, &options, &created)),
                 "there is no device 'cpu:7'");
  options = {sizeof(options), nullptr, -3};
  expectContains(take(narae_session_create(session.loaded, &options, &created)),
                 "number of threads");
}

TEST(Session, TargetOfAnotherHost) {
  auto program = kernelProgram();
  program->entries.push_back(twoInputs());
  program->target =
      R"({"backend":"cpu","chip":"x86-64","features":["sse2","warp-drive"]})";
  TemporaryFolder folder;
  writeProgram(*program, folder.file("a.narae"));
  narae_artifact *artifact = nullptr;
  registerDefaultBackends();
  ASSERT_EQ(take(narae_artifact_load(folder.file("a.narae").c_str(), nullptr,
                                     &artifact)),
            "");
  narae_session *session = nullptr;
  expectContains(take(narae_session_create(artifact, nullptr, &session)),
                 "this host's CPU lacks warp-drive");
  narae_artifact_release(artifact);
}

TEST(Session, OutlivesTheArtifactsHandle) {
  TestSession session(twoInputs());
  narae_artifact_release(session.loaded);
  session.loaded = nullptr;
  std::vector<float> a(6);
  std::vector<int64_t> b(2), shape = {2, 3}, second = {2};
  std::vector<narae_tensor> outputs;
  EXPECT_EQ(session.run(
                {tensorOf(NARAE_F32, a, shape), tensorOf(NARAE_I64, b, second)},
                outputs),
            "");
}
