//===- VerifierTest.cpp - Programs that do not hold together --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ProgramVerifier.h"
#include "test/unit/artifact/ProgramBuilder.h"

#include <functional>
#include <gtest/gtest.h>

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

/// What the verifier says of the affine program after a change.
static std::string verify(const std::function<void(ProgramT &)> &change) {
  auto program = emptyProgram();
  addKernel(*program, "affine");
  addKernel(*program, "twice");
  WeightT &weight = addWeight(*program, "w", NARAE_F32, {2});
  weight.size = 8;
  auto object = std::make_unique<ObjectT>();
  object->section = 1;
  program->objects.push_back(std::move(object));
  program->entries.push_back(affineEntry(1000));
  change(*program);
  flatbuffers::FlatBufferBuilder builder;
  FinishProgramBuffer(builder, Program::Pack(builder, program.get()));
  std::vector<Section> sections = {{SectionKind::Weights, 0, 4096, 8, 0},
                                   {SectionKind::Object, 0, 8192, 9, 0},
                                   {SectionKind::Program, 0, 12288, 0, 0}};
  return verifyProgram(builder.GetBufferPointer(), builder.GetSize(), sections)
      .message();
}

static std::string verifyEntry(const std::function<void(EntryT &)> &change) {
  return verify([&](ProgramT &program) { change(*program.entries[0]); });
}

#define EXPECT_SAYS(text, part)                                                \
  do {                                                                         \
    std::string text_ = text;                                                  \
    EXPECT_NE(text_.find(part), std::string::npos) << "it says: " << text_;    \
  } while (false)

TEST(Verifier, AcceptsTheUnchangedProgram) {
  EXPECT_EQ(verify([](ProgramT &) {}), "");
}

TEST(Verifier, Tables) {
  EXPECT_SAYS(verify([](ProgramT &p) { p.kernels[1]->object = 1; }),
              "the object of kernel 1 is 1, but there are only 1");
  EXPECT_SAYS(verify([](ProgramT &p) { p.objects[0]->section = 0; }),
              "holds no object");
  EXPECT_SAYS(verify([](ProgramT &p) { p.objects[0]->section = 3; }), "only 3");
  EXPECT_SAYS(verify([](ProgramT &p) { p.weights[0]->size = 9; }),
              "weight 'w' reaches beyond");
  EXPECT_SAYS(
      verify([](ProgramT &p) { p.weights[0]->offset = UINT64_MAX - 1; }),
      "impossible range");
  EXPECT_SAYS(verify([](ProgramT &p) { p.weights[0]->type = 99; }),
              "unknown type 99");
  EXPECT_SAYS(verify([](ProgramT &p) { p.weights[0]->dims = {-1}; }),
              "negative");
  EXPECT_SAYS(verify([](ProgramT &p) { p.entries.push_back(affineEntry(1)); }),
              "two entries 'main'");
}

/// What the verifier says of two states after a change.
static std::string verifyStates(const std::function<void(StateT &)> &change) {
  return verify([&](ProgramT &program) {
    for (int i = 0; i < 2; ++i) {
      auto state = std::make_unique<StateT>();
      state->name = i ? "b" : "a";
      state->type = NARAE_F32;
      state->dims = {1, 2, 8};
      state->size = 64;
      state->offset = i ? 0 : 64;
      state->kind = "growing";
      state->axis = 2;
      program.states.push_back(std::move(state));
    }
    change(*program.states[1]);
  });
}

TEST(Verifier, States) {
  EXPECT_EQ(verifyStates([](StateT &) {}), "");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.name = "a"; }),
              "there are two of state 'a'");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.type = 99; }), "unknown type 99");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.type = NARAE_STRING; }),
              "unknown type");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.size = 60; }),
              "has 60 bytes, its dimensions say 64");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.dims = {1, -2, 8}; }),
              "impossible dimensions");
  EXPECT_SAYS(
      verifyStates([](StateT &s) { s.dims = {INT64_MAX, INT64_MAX, 8}; }),
      "impossible dimensions");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.offset = 4; }), "not aligned");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.offset = 64; }), "overlap");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.offset = UINT64_MAX - 63; }),
              "impossible range");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.kind = "loose"; }),
              "unknown kind 'loose'");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.axis = 3; }),
              "none of its dimensions");
  EXPECT_SAYS(verifyStates([](StateT &s) { s.window = -1; }), "negative");
  EXPECT_SAYS(
      verifyEntry([](EntryT &e) { e.buffers[1]->kind = BufferKind_State; }),
      "the index of buffer 1 is 0, but there are only 0");
}

TEST(Verifier, Attachments) {
  auto attach = [](uint32_t section) {
    return verify([&](ProgramT &program) {
      auto attachment = std::make_unique<AttachmentT>();
      attachment->name = "a";
      attachment->section = section;
      program.attachments.push_back(std::move(attachment));
    });
  };
  EXPECT_SAYS(attach(0), "holds no attachment");
  EXPECT_SAYS(attach(7), "the section of attachment 0 is 7");
}

TEST(Verifier, Specs) {
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.inputs[0]->buffer = 9; }),
              "the buffer of input 'x' is 9");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.inputs[0]->buffer = 3; }),
              "not its own");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.outputs[0]->type = NARAE_I32; }),
              "differ in type");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.inputs[0]->dims[0] = dynamicDim(7, 0, 1);
              }),
              "the name of dimension 0");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.inputs[0]->dims[0] = dynamicDim(1, 5, 1);
              }),
              "impossible bounds");
}

TEST(Verifier, Registers) {
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.registers = 3; }), "register");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.registers = UINT32_MAX; }),
              "registers");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.arena_reg = 7; }), "arena");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.buffers[0]->dims[0] = 70; }),
              "a dimension register of buffer 0 is 70");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.instructions[4] = RegInst(RegOp_InputDim, 4, 1, 0, 0, 0);
              }),
              "the input of instruction 4");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.instructions[4] = RegInst(RegOp_InputDim, 4, 0, 1, 0, 0);
              }),
              "the dimension of instruction 4");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.instructions[6] = RegInst(RegOp_Align, 6, 5, 0, 0, 0);
              }),
              "aligns to a multiple of 0");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.instructions[6] =
                    RegInst(static_cast<RegOp>(200), 6, 5, 0, 0, 0);
              }),
              "unknown kind");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.instructions.emplace_back(RegOp_Const, 5, 0, 0, 0, 1);
                e.commands.emplace_back(CommandKind_Eval, 7, 1, 0);
              }),
              "which the prologue owns");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.instructions[4] = RegInst(RegOp_Item, 4, 0, 0, 0, 0);
              }),
              "reads a tensor");
}

TEST(Verifier, Buffers) {
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.buffers[1]->index = 1; }),
              "the index of buffer 1");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.buffers[2]->kind = static_cast<BufferKind>(9);
              }),
              "unknown kind");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                e.buffers[2]->kind = BufferKind_Alias;
                e.buffers[2]->index = 2;
              }),
              "alias of itself");
  EXPECT_SAYS(verifyEntry([](EntryT &e) {
                for (int i = 0; i < 300; ++i) {
                  auto alias = std::make_unique<BufferT>(*e.buffers[2]);
                  alias->kind = BufferKind_Alias;
                  alias->index = static_cast<uint32_t>(i ? i + 3 : 2);
                  e.buffers.push_back(std::move(alias));
                }
              }),
              "too many others");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.buffers[2]->last = 99; }),
              "lifetime");
}

TEST(Verifier, Commands) {
  auto add = [](CommandKind kind, uint32_t a, uint32_t b, uint32_t c) {
    return verifyEntry(
        [=](EntryT &e) { e.commands.emplace_back(kind, a, b, c); });
  };
  EXPECT_EQ(add(CommandKind_Jump, 0, 4, 0), "");
  EXPECT_SAYS(add(CommandKind_Jump, 0, 5, 0), "goes to command 5");
  EXPECT_SAYS(add(CommandKind_Jump, 0, 0, 0), "goes to command 0");
  EXPECT_SAYS(add(CommandKind_Branch, 70, 2, 0), "its register is 70");
  EXPECT_SAYS(add(CommandKind_Eval, 6, 2, 0), "up to 8");
  EXPECT_SAYS(add(CommandKind_Eval, UINT32_MAX, UINT32_MAX, 0), "up to");
  EXPECT_SAYS(add(CommandKind_Dispatch, 2, 0, 0), "its dispatch is 2");
  EXPECT_SAYS(add(CommandKind_Copy, 0, 1, 0), "a weight or an input");
  EXPECT_SAYS(add(CommandKind_Copy, 0, 9, 0), "its target is 9");
  EXPECT_SAYS(add(CommandKind_Allocate, 2, 0, 0), "not dynamic");
  EXPECT_SAYS(add(CommandKind_Swap, 2, 3, 0), "not dynamic");
  EXPECT_SAYS(add(CommandKind_Check, 0, 0, 0), "its message is 0");
  EXPECT_SAYS(add(static_cast<CommandKind>(99), 0, 0, 0), "unknown kind");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.prologue = 99; }), "prologue");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.prologue = 2; }),
              "no command for a prologue");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.dispatches[1]->kernel = 2; }),
              "the kernel of dispatch 1");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.dispatches[1]->buffers[0] = 44; }),
              "a buffer of dispatch 1");
  EXPECT_SAYS(verifyEntry([](EntryT &e) { e.dispatches[0]->params[0] = 44; }),
              "a parameter of dispatch 0");
}
