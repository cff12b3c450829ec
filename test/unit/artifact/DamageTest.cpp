//===- DamageTest.cpp - Damaged and foreign files are refused -------------===//
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

static std::string makeFile() {
  TemporaryFolder folder;
  auto program = emptyProgram();
  addKernel(*program, "affine");
  addKernel(*program, "twice");
  addWeight(*program, "w", NARAE_F32, {2});
  addWeight(*program, "v", NARAE_U8, {3});
  program->entries.push_back(affineEntry(1000));
  static const float weights[] = {3, 1};
  Writer writer(*program);
  writer.addObject("elf", "an object");
  writer.setWeight(0, {weights, sizeof(weights)});
  writer.setWeight(1, {"abc", 3});
  Status status = writer.write(folder.file("a.narae"));
  EXPECT_TRUE(status.ok()) << status.message();
  return readFile(folder.file("a.narae"));
}

TEST(Damage, EveryFlippedBitIsRefused) {
  PageAligned file(makeFile());
  ASSERT_TRUE(Reader::fromMemory(file.bytes, file.size).ok());
  for (size_t i = 0; i < file.size; ++i)
    for (int bit : {0, 3, 7}) {
      file.bytes[i] ^= static_cast<char>(1 << bit);
      auto reader = Reader::fromMemory(file.bytes, file.size);
      ASSERT_FALSE(reader.ok()) << "byte " << i << ", bit " << bit;
      ASSERT_FALSE(reader.message().empty());
      file.bytes[i] ^= static_cast<char>(1 << bit);
    }
}

TEST(Damage, EveryTruncationIsRefused) {
  std::string bytes = makeFile();
  for (size_t size = 0; size < bytes.size(); size += size < 400 ? 1 : 37) {
    PageAligned file(bytes.substr(0, size));
    ASSERT_FALSE(Reader::fromMemory(file.bytes, file.size).ok()) << size;
  }
  PageAligned longer(bytes + '\0');
  EXPECT_NE(Reader::fromMemory(longer.bytes, longer.size)
                .message()
                .find("after its end"),
            std::string::npos);
}

/// Repairs the header's hash after a change.
static void rehash(PageAligned &file) {
  Header header;
  std::memcpy(&header, file.bytes, sizeof(header));
  header.headerHash = 0;
  std::memcpy(file.bytes, &header, sizeof(header));
  header.headerHash = hashBytes(
      file.bytes, sizeof(Header) + header.sectionCount * sizeof(Section));
  std::memcpy(file.bytes, &header, sizeof(header));
}

TEST(Damage, OtherVersionsSaySo) {
  std::string bytes = makeFile();
  for (size_t field : {offsetof(Header, major), offsetof(Header, schemaHash)}) {
    PageAligned file(bytes);
    ++file.bytes[field];
    rehash(file);
    EXPECT_NE(Reader::fromMemory(file.bytes, file.size)
                  .message()
                  .find("another version"),
              std::string::npos);
  }
  // A newer minor version only adds.
  PageAligned file(bytes);
  ++file.bytes[offsetof(Header, minor)];
  rehash(file);
  EXPECT_TRUE(Reader::fromMemory(file.bytes, file.size).ok());
}

TEST(Damage, ImpossibleTablesAreRefused) {
  std::string bytes = makeFile();
  auto refuse = [&](size_t section, size_t field, uint64_t value) {
    PageAligned file(bytes);
    std::memcpy(file.bytes + sizeof(Header) + section * sizeof(Section) + field,
                &value, field == offsetof(Section, kind) ? 4 : 8);
    rehash(file);
    EXPECT_FALSE(Reader::fromMemory(file.bytes, file.size).ok())
        << section << " " << field << " " << value;
  };
  for (size_t section = 0; section < 3; ++section)
    for (uint64_t value :
         {uint64_t(0), uint64_t(1), uint64_t(4), uint64_t(4097),
          uint64_t(1) << 40, UINT64_MAX, UINT64_MAX - 4095}) {
      refuse(section, offsetof(Section, offset), value);
      refuse(section, offsetof(Section, size), value);
    }
  refuse(0, offsetof(Section, kind), 0);
  refuse(0, offsetof(Section, kind), 7);
  refuse(0, offsetof(Section, kind), 1); // two programs
  refuse(2, offsetof(Section, kind), 2); // none
}

TEST(Damage, OtherFilesAreRefused) {
  TemporaryFolder folder;
  auto messageFor = [&](const std::string &bytes) {
    writeFile(folder.file("a"), bytes);
    return Reader::open(folder.file("a")).message();
  };
  EXPECT_NE(messageFor("").find("not a .narae file"), std::string::npos);
  EXPECT_NE(messageFor(std::string(9999, 'x')).find("not a .narae file"),
            std::string::npos);
  EXPECT_NE(Reader::open(folder.path).message().find("not a regular file"),
            std::string::npos);
  EXPECT_NE(Reader::open(folder.file("none")).message().find("No such file"),
            std::string::npos);
  PageAligned page("x");
  EXPECT_NE(Reader::fromMemory(page.bytes + 8, 1).message().find("aligned"),
            std::string::npos);
}
