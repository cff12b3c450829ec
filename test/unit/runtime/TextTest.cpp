//===- TextTest.cpp - Tensors of strings through the C API ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/TestSession.h"

#include <malloc.h>

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

using Texts = std::vector<const char *>;

/// y[n] = function(x[n]) for strings x; y has elements of `type`.
static std::unique_ptr<EntryT> textEntry(TextFunction function,
                                         narae_type type = NARAE_STRING,
                                         const std::string &pattern = "") {
  EntryMaker b("main");
  uint32_t zero = b.constant(0), eight = b.constant(8);
  uint32_t n = b.op(RegOp_InputDim, 0, 0);
  uint32_t bytes = b.op(RegOp_Mul, n, eight);
  uint32_t x = b.buffer(BufferKind_Input, 0, NARAE_STRING, bytes, {n});
  uint32_t y = b.buffer(BufferKind_Output, 0, type, bytes, {n});
  b.input("x", NARAE_STRING, {dynamicDim(1, 0, -1)}, x);
  b.output("y", type, {dynamicDim(1, 0, -1)}, y);
  b.endPrologue(zero);
  auto call = std::make_unique<CallT>();
  call->function = function;
  call->buffers = {x, y};
  call->pattern = pattern;
  call->limit = -1;
  b.entry->calls.push_back(std::move(call));
  b.command(CommandKind_Call, 0);
  return std::move(b.entry);
}

static std::string runText(TestSession &session, const Texts &texts,
                           std::vector<narae_tensor> &outputs) {
  std::vector<int64_t> shape{int64_t(texts.size())};
  Texts copy = texts;
  return session.run({tensorOf(NARAE_STRING, copy, shape)}, outputs);
}

static Texts textsOf(const narae_tensor &tensor) {
  auto *data = static_cast<const char *const *>(tensor.data);
  return Texts(data, data + tensor.shape[0]);
}

TEST(Text, Upper) {
  TestSession session(textEntry(TextFunction_Upper));
  std::vector<narae_tensor> outputs(1);
  ASSERT_EQ(runText(session, {"ab", "", "ab", "é"}, outputs), "");
  EXPECT_EQ(outputs[0].type, NARAE_STRING);
  Texts texts = textsOf(outputs[0]);
  EXPECT_STREQ(texts[0], "AB");
  EXPECT_STREQ(texts[1], "");
  EXPECT_STREQ(texts[3], "É");
  // The results of a run may be the inputs of the next one.
  outputs[0] = {};
  ASSERT_EQ(runText(session, texts, outputs), "");
  EXPECT_STREQ(textsOf(outputs[0])[3], "É");
  // No strings at all.
  outputs[0] = {};
  EXPECT_EQ(runText(session, {}, outputs), "");
}

TEST(Text, CallersArray) {
  TestSession session(textEntry(TextFunction_Lower));
  Texts result(2);
  std::vector<int64_t> shape{2};
  std::vector<narae_tensor> outputs{tensorOf(NARAE_STRING, result, shape)};
  ASSERT_EQ(runText(session, {"A", "B"}, outputs), "");
  EXPECT_STREQ(result[0], "a");
  EXPECT_STREQ(result[1], "b");
  expectContains(runText(session, {"A"}, outputs), "shape");
}

TEST(Text, OtherFunctions) {
  TestSession parse(textEntry(TextFunction_Parse, NARAE_F64));
  std::vector<narae_tensor> outputs(1);
  ASSERT_EQ(runText(parse, {"1.5", "-inf"}, outputs), "");
  EXPECT_EQ(static_cast<double *>(outputs[0].data)[0], 1.5);
  expectContains(runText(parse, {"1.5", "x"}, outputs),
                 "element 1, 'x', is no number of type f64");
  TestSession match(textEntry(TextFunction_Match, NARAE_BOOL, "a+"));
  outputs.assign(1, {});
  ASSERT_EQ(runText(match, {"aa", "b"}, outputs), "");
  EXPECT_EQ(static_cast<uint8_t *>(outputs[0].data)[0], 1);
  EXPECT_EQ(static_cast<uint8_t *>(outputs[0].data)[1], 0);
}

TEST(Text, NullPointer) {
  TestSession session(textEntry(TextFunction_Lower));
  std::vector<narae_tensor> outputs(1);
  expectContains(runText(session, {"A", nullptr}, outputs),
                 "input 'x': string 1 is a null pointer");
}

/// Bytes that malloc has given out.
static size_t heldBytes() { return mallinfo2().uordblks; }

TEST(Text, MemoryDoesNotGrow) {
  TestSession session(textEntry(TextFunction_Upper));
  size_t before = 0;
  for (int run = 0; run < 4000; ++run) {
    // New strings each time, of sizes that come again.
    std::vector<std::string> strings;
    Texts texts;
    for (int i = 0; i < 20; ++i)
      strings.push_back(std::to_string(run * 20 + i) +
                        std::string((run * 37 + i * 11) % 997, 'x'));
    for (const std::string &text : strings)
      texts.push_back(text.c_str());
    std::vector<narae_tensor> outputs(1);
    ASSERT_EQ(runText(session, texts, outputs), "");
    ASSERT_EQ(std::string(textsOf(outputs[0])[19]).size(), strings[19].size());
    if (run == 1000)
      before = heldBytes();
  }
  EXPECT_LT(heldBytes(), before + (64 << 10));
}

TEST(Text, WeightsAndWrongNumbers) {
  // y = concat(w, x), with w the weight {3, 1} of f32 read as one number.
  auto program = kernelProgram();
  program->strings = {"one", "two"};
  program->weights[0]->type = NARAE_STRING;
  program->weights[0]->dims = {1};
  auto entry = textEntry(TextFunction_Concat);
  EntryT &e = *entry;
  auto weight = std::make_unique<BufferT>(*e.buffers[0]);
  weight->kind = BufferKind_Weight;
  e.buffers.push_back(std::move(weight));
  e.calls[0]->buffers = {2, 0, 1};
  program->entries.push_back(std::move(entry));
  TestSession session(*program, 1);
  std::vector<narae_tensor> outputs(1);
  expectContains(runText(session, {"a"}, outputs), "element 0 is no string");
}

/// What the loader says of a program with this entry.
static std::string refusal(std::unique_ptr<EntryT> entry) {
  auto program = kernelProgram();
  program->entries.push_back(std::move(entry));
  TemporaryFolder folder;
  static const float weights[] = {3, 1};
  Writer writer(*program);
  writer.addObject("elf", readFile(NARAE_TEST_KERNELS));
  writer.setWeight(0, {weights, sizeof(weights)});
  if (Status status = writer.write(folder.file("a.narae")); status.failed())
    return status.message();
  narae_artifact *loaded = nullptr;
  std::string message = take(
      narae_artifact_load(folder.file("a.narae").c_str(), nullptr, &loaded));
  narae_session *session = nullptr;
  if (loaded)
    message = take(narae_session_create(loaded, nullptr, &session));
  narae_session_release(session);
  narae_artifact_release(loaded);
  return message;
}

TEST(Text, RefusesWrongCalls) {
  registerDefaultBackends();
  EXPECT_EQ(refusal(textEntry(TextFunction_Lower)), "");
  expectContains(refusal(textEntry(TextFunction_Lower, NARAE_I64)),
                 "makes i64 of string");
  expectContains(refusal(textEntry(TextFunction_Split)), "another rank");
  expectContains(refusal(textEntry(TextFunction_Concat)), "needs 3");
  expectContains(refusal(textEntry(TextFunction(99))), "unknown function");
  expectContains(refusal(textEntry(TextFunction_Match, NARAE_BOOL, "(")),
                 "without its )");
  auto entry = textEntry(TextFunction_Lower);
  entry->calls[0]->buffers[1] = 0;
  expectContains(refusal(std::move(entry)), "writes to a weight or an input");
  entry = textEntry(TextFunction_Lower);
  entry->calls[0]->buffers[0] = 9;
  expectContains(refusal(std::move(entry)), "there are only 2");
  entry = textEntry(TextFunction_Lower);
  entry->commands.back() = Command(CommandKind_Call, 1, 0, 0);
  expectContains(refusal(std::move(entry)), "its call is 1");
}
