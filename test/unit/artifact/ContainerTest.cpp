//===- ContainerTest.cpp - What is written is read again ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Hash.h"
#include "lib/artifact/Reader.h"
#include "test/unit/artifact/ProgramBuilder.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace narae;
using namespace narae::artifact;
using namespace narae::test;

static const float weights[] = {3, 1};

/// The affine program, with an object of any bytes.
static std::unique_ptr<ProgramT> sample() {
  auto program = emptyProgram();
  addKernel(*program, "affine");
  addKernel(*program, "twice");
  addWeight(*program, "w", NARAE_F32, {2});
  program->entries.push_back(affineEntry(1000));
  return program;
}

static Status writeSample(ProgramT &program, const std::string &path) {
  Writer writer(program);
  writer.addObject("elf", "an object");
  writer.setWeight(0, {weights, sizeof(weights)});
  return writer.write(path);
}

TEST(Container, RoundTrip) {
  TemporaryFolder folder;
  auto program = sample();
  Status status = writeSample(*program, folder.file("a.narae"));
  ASSERT_TRUE(status.ok()) << status.message();
  auto reader = Reader::open(folder.file("a.narae"));
  ASSERT_TRUE(reader.ok()) << reader.message();
  EXPECT_STREQ((*reader)->program().backend()->c_str(), "cpu");
  Bytes object = (*reader)->object(0);
  EXPECT_EQ(std::string(static_cast<const char *>(object.data), object.size),
            "an object");
  Bytes weight = (*reader)->weight(0);
  ASSERT_EQ(weight.size, sizeof(weights));
  EXPECT_EQ(std::memcmp(weight.data, weights, sizeof(weights)), 0);
  EXPECT_EQ((*reader)->weightBytes(), sizeof(weights));
  for (const Section &section : (*reader)->sections())
    EXPECT_EQ(section.offset % 4096, 0u);
}

TEST(Container, SameProgramSameBytes) {
  TemporaryFolder folder;
  for (const char *name : {"a.narae", "b.narae"}) {
    auto program = sample();
    ASSERT_TRUE(writeSample(*program, folder.file(name)).ok());
  }
  EXPECT_EQ(readFile(folder.file("a.narae")), readFile(folder.file("b.narae")));
}

TEST(Container, WeightsAreStreamedAndAligned) {
  TemporaryFolder folder;
  auto program = sample();
  addWeight(*program, "odd", NARAE_U8, {5});
  addWeight(*program, "streamed", NARAE_U8, {300000});
  Writer writer(*program);
  writer.addObject("elf", "an object");
  writer.setWeight(0, {weights, sizeof(weights)});
  writer.setWeight(1, {"12345", 5});
  writer.setWeight(2, {300000, [](const ByteSink &sink) {
                         std::string piece(1000, 'x');
                         for (int i = 0; i < 300; ++i)
                           if (Status s = sink(piece.data(), piece.size());
                               s.failed())
                             return s;
                         return Status::success();
                       }});
  Status status = writer.write(folder.file("a.narae"));
  ASSERT_TRUE(status.ok()) << status.message();
  auto reader = Reader::open(folder.file("a.narae"));
  ASSERT_TRUE(reader.ok()) << reader.message();
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(reinterpret_cast<uintptr_t>((*reader)->weight(i).data) % 64, 0u);
  std::string expected(300000, 'x');
  Bytes streamed = (*reader)->weight(2);
  ASSERT_EQ(streamed.size, expected.size());
  EXPECT_EQ(std::memcmp(streamed.data, expected.data(), expected.size()), 0);
  EXPECT_EQ(program->weights[2]->hash,
            hashBytes(expected.data(), expected.size()));
}

TEST(Container, WeightOfAnotherSizeIsRefused) {
  TemporaryFolder folder;
  auto program = sample();
  Writer writer(*program);
  writer.addObject("elf", "an object");
  writer.setWeight(0,
                   {8, [](const ByteSink &sink) { return sink("1234", 4); }});
  Status status = writer.write(folder.file("a.narae"));
  EXPECT_NE(status.message().find("'w' has 4 bytes where 8"), std::string::npos)
      << status.message();
}

/// The sample with its weight in "model.bin" at an odd offset.
static void writeExternal(TemporaryFolder &folder, const char *name) {
  auto program = sample();
  std::string bytes(reinterpret_cast<const char *>(weights), sizeof(weights));
  writeFile(folder.file("model.bin"), "x" + bytes);
  WeightT &weight = *program->weights[0];
  weight.file = name;
  weight.offset = 1;
  weight.size = sizeof(weights);
  weight.hash = hashBytes(weights, sizeof(weights));
  Writer writer(*program);
  writer.addObject("elf", "an object");
  Status status = writer.write(folder.file("a.narae"));
  if (std::string(name) == "model.bin")
    ASSERT_TRUE(status.ok()) << status.message();
  else
    ASSERT_FALSE(status.ok());
}

TEST(Container, ExternalWeights) {
  TemporaryFolder folder;
  writeExternal(folder, "model.bin");
  auto reader = Reader::open(folder.file("a.narae"));
  ASSERT_TRUE(reader.ok()) << reader.message();
  Bytes weight = (*reader)->weight(0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(weight.data) % 4, 0u);
  EXPECT_EQ(std::memcmp(weight.data, weights, sizeof(weights)), 0);

  writeFile(folder.file("model.bin"), "xabcdefgh");
  EXPECT_NE(Reader::open(folder.file("a.narae")).message().find("hash"),
            std::string::npos);
  writeFile(folder.file("model.bin"), "xabc");
  EXPECT_NE(Reader::open(folder.file("a.narae")).message().find("beyond"),
            std::string::npos);
  ReadOptions options;
  options.weightsDir = folder.file("nowhere");
  EXPECT_NE(
      Reader::open(folder.file("a.narae"), options).message().find("cannot"),
      std::string::npos);
  options.skipExternalWeights = true;
  EXPECT_TRUE(Reader::open(folder.file("a.narae"), options).ok());
}

TEST(Container, ExternalWeightsStayInTheFolder) {
  for (const char *name : {"/etc/passwd", "../model.bin", "a/../../b"}) {
    TemporaryFolder folder;
    writeExternal(folder, name);
  }
}

TEST(Container, HasherEqualsHashBytes) {
  std::string text(100000, 'a');
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(i * 7);
  Hasher hasher;
  for (size_t at = 0; at < text.size();) {
    size_t n = std::min<size_t>(at % 977 + 1, text.size() - at);
    hasher.add(text.data() + at, n);
    at += n;
  }
  EXPECT_EQ(hasher.finish(), hashBytes(text.data(), text.size()));
}
