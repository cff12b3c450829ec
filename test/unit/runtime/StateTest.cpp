//===- StateTest.cpp - What sessions keep from run to run -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/TestSession.h"

#include <cstring>

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

/// y = the state, which becomes x; f32[2].
static std::unique_ptr<EntryT> exchangeEntry() {
  EntryMaker b("exchange");
  uint32_t zero = b.constant(0), two = b.constant(2), bytes = b.constant(8);
  uint32_t x = b.buffer(BufferKind_Input, 0, NARAE_F32, bytes, {two});
  uint32_t s = b.buffer(BufferKind_State, 0, NARAE_F32, bytes, {two});
  uint32_t y = b.buffer(BufferKind_Output, 0, NARAE_F32, bytes, {two});
  b.input("x", NARAE_F32, {fixedDim(2)}, x);
  b.output("y", NARAE_F32, {fixedDim(2)}, y);
  b.endPrologue(zero);
  b.command(CommandKind_Copy, s, y, bytes);
  b.command(CommandKind_Copy, x, s, bytes);
  return std::move(b.entry);
}

/// y = the state; another entry on the same memory.
static std::unique_ptr<EntryT> peekEntry() {
  EntryMaker b("peek");
  uint32_t zero = b.constant(0), two = b.constant(2), bytes = b.constant(8);
  uint32_t s = b.buffer(BufferKind_State, 0, NARAE_F32, bytes, {two});
  uint32_t y = b.buffer(BufferKind_Output, 0, NARAE_F32, bytes, {two});
  b.output("y", NARAE_F32, {fixedDim(2)}, y);
  b.endPrologue(zero);
  b.command(CommandKind_Copy, s, y, bytes);
  return std::move(b.entry);
}

static void addState(ProgramT &program, const std::string &name,
                     std::vector<int64_t> dims, uint64_t offset) {
  auto state = std::make_unique<StateT>();
  state->name = name;
  state->type = NARAE_F32;
  state->size = 4;
  for (int64_t dim : dims)
    state->size *= static_cast<uint64_t>(dim);
  state->dims = std::move(dims);
  state->offset = offset;
  state->kind = "plain";
  program.states.push_back(std::move(state));
}

static std::unique_ptr<ProgramT> stateProgram() {
  auto program = kernelProgram();
  program->entries.push_back(exchangeEntry());
  program->entries.push_back(peekEntry());
  addState(*program, "s", {2}, 64);
  addState(*program, "other", {1, 3}, 128);
  program->metadata = R"({"a": 1})";
  return program;
}

/// The first number of what an entry says.
static std::vector<float> exchange(TestSession &t, std::vector<float> x) {
  const std::vector<int64_t> shape = {2};
  std::vector<float> y(2, -1);
  std::vector<narae_tensor> out = {tensorOf(NARAE_F32, y, shape)};
  EXPECT_EQ(t.run({tensorOf(NARAE_F32, x, shape)}, out), "");
  return y;
}

static std::vector<float> peek(TestSession &t) {
  const std::vector<int64_t> shape = {2};
  std::vector<float> y(2, -1);
  std::vector<narae_tensor> out = {tensorOf(NARAE_F32, y, shape)};
  EXPECT_EQ(t.run({}, out, 1), "");
  return y;
}

using Pair = std::vector<float>;

TEST(State, EntriesShareItAndSessionsDoNot) {
  auto program = stateProgram();
  TestSession t(*program, 1);
  EXPECT_EQ(peek(t), (Pair{0, 0}));
  EXPECT_EQ(exchange(t, {1, 2}), (Pair{0, 0}));
  EXPECT_EQ(peek(t), (Pair{1, 2}));
  EXPECT_EQ(exchange(t, {3, 4}), (Pair{1, 2}));
  narae_session *other = nullptr;
  ASSERT_EQ(take(narae_session_create(t.loaded, nullptr, &other)), "");
  std::swap(t.session, other);
  EXPECT_EQ(peek(t), (Pair{0, 0}));
  std::swap(t.session, other);
  narae_session_release(other);
  EXPECT_EQ(peek(t), (Pair{3, 4}));
}

TEST(State, ReadWriteReset) {
  auto program = stateProgram();
  TestSession t(*program, 1);
  ASSERT_EQ(narae_session_state_count(t.session), 2u);
  const narae_state_info *info = narae_session_state_info(t.session, 1);
  EXPECT_STREQ(info->tensor.name, "other");
  EXPECT_STREQ(info->kind, "plain");
  ASSERT_EQ(info->tensor.rank, 2u);
  EXPECT_EQ(info->tensor.dims[1].value, 3);
  EXPECT_EQ(info->bytes, 12u);
  EXPECT_EQ(narae_session_state_info(t.session, 2), nullptr);

  exchange(t, {5, 6});
  float saved[2];
  ASSERT_EQ(take(narae_session_state_read(t.session, 0, saved, 8)), "");
  EXPECT_EQ(saved[1], 6);
  ASSERT_EQ(take(narae_session_state_reset(t.session)), "");
  EXPECT_EQ(peek(t), (Pair{0, 0}));
  ASSERT_EQ(take(narae_session_state_write(t.session, 0, saved, 8)), "");
  EXPECT_EQ(peek(t), (Pair{5, 6}));
  expectContains(take(narae_session_state_read(t.session, 0, saved, 4)),
                 "state 's' has 8 bytes, 4 were given");
  expectContains(take(narae_session_state_write(t.session, 0, nullptr, 8)),
                 "0 were given");
  expectContains(take(narae_session_state_read(t.session, 2, saved, 8)),
                 "there is no state 2");
}

TEST(State, Attachments) {
  registerDefaultBackends();
  auto program = stateProgram();
  Writer writer(*program);
  static const float weights[] = {3, 1};
  writer.addObject("elf", readFile(NARAE_TEST_KERNELS));
  writer.setWeight(0, {weights, sizeof(weights)});
  std::string text = "{\"model\": 1}";
  writer.addAttachment("tokenizer.json", {text.data(), text.size()});
  writer.addAttachment("empty", {text.data(), 0});
  TemporaryFolder folder;
  Status status = writer.write(folder.file("a.narae"));
  ASSERT_TRUE(status.ok()) << status.message();
  narae_artifact *artifact = nullptr;
  ASSERT_EQ(take(narae_artifact_load(folder.file("a.narae").c_str(), nullptr,
                                     &artifact)),
            "");
  EXPECT_STREQ(narae_artifact_metadata(artifact), R"({"a": 1})");
  ASSERT_EQ(narae_artifact_attachment_count(artifact), 2u);
  EXPECT_STREQ(narae_artifact_attachment_name(artifact, 0), "tokenizer.json");
  EXPECT_EQ(narae_artifact_attachment_name(artifact, 2), nullptr);
  size_t size = 0;
  const void *data =
      narae_artifact_attachment(artifact, "tokenizer.json", &size);
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(std::string(static_cast<const char *>(data), size), text);
  EXPECT_NE(narae_artifact_attachment(artifact, "empty", &size), nullptr);
  EXPECT_EQ(size, 0u);
  EXPECT_EQ(narae_artifact_attachment(artifact, "none", &size), nullptr);
  narae_artifact_release(artifact);

  // A damaged attachment is refused.
  std::string bytes = readFile(folder.file("a.narae"));
  bytes[bytes.find(text)] = '[';
  writeFile(folder.file("b.narae"), bytes);
  expectContains(take(narae_artifact_load(folder.file("b.narae").c_str(),
                                          nullptr, &artifact)),
                 "the attachment section is damaged");
}
