//===- WeightStoreTest.cpp - Where the bytes of weights are ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/WeightStore.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <numeric>
#include <sys/stat.h>

using namespace narae;

namespace {

/// Two files of bytes 0, 1, 2, ... and 100, 101, ... in a folder of their own.
class WeightStoreTest : public ::testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/narae-test-XXXXXX";
    folder = mkdtemp(name);
    for (auto [path, first] : {std::pair(a(), 0), std::pair(b(), 100)}) {
      std::vector<char> bytes(64);
      std::iota(bytes.begin(), bytes.end(), char(first));
      std::ofstream(path, std::ios::binary).write(bytes.data(), 64);
    }
  }
  void TearDown() override {
    std::string command = "rm -rf '" + folder + "'";
    EXPECT_EQ(std::system(command.c_str()), 0);
  }
  std::string a() const { return folder + "/a.bin"; }
  std::string b() const { return folder + "/b.bin"; }
  std::string folder;
};

std::vector<int> numbers(llvm::ArrayRef<char> bytes) {
  return std::vector<int>(bytes.begin(), bytes.end());
}

/// What `stream` hands over, and in how many parts.
std::pair<std::vector<int>, int> streamed(const WeightStore &store,
                                          llvm::StringRef name) {
  std::vector<int> all;
  int parts = 0;
  EXPECT_TRUE(store.stream(name, [&](llvm::ArrayRef<char> bytes) {
    all.insert(all.end(), bytes.begin(), bytes.end());
    ++parts;
    return true;
  }));
  return {all, parts};
}

bool ok(llvm::Error error) {
  bool failed = bool(error);
  llvm::consumeError(std::move(error));
  return !failed;
}

} // namespace

TEST_F(WeightStoreTest, OnePieceIsTheFile) {
  WeightStore store;
  ASSERT_TRUE(ok(store.addFile("w", a(), 8, 4)));
  ASSERT_TRUE(ok(store.addFile("v", a(), 12, 2)));
  EXPECT_EQ(numbers(*store.find("w")), (std::vector<int>{8, 9, 10, 11}));
  // Mapped once: the second begins where the first ends.
  EXPECT_EQ(store.find("w")->end(), store.find("v")->begin());
  ASSERT_EQ(store.source("w").size(), 1u);
  EXPECT_EQ(store.source("w")[0].offset, 8u);
  EXPECT_EQ(store.hash(llvm::StringRef("w")),
            WeightStore::hash(*store.find("w")));
  EXPECT_FALSE(store.find("none").has_value());
  EXPECT_EQ(store.hash(llvm::StringRef("none")), 0u);
}

TEST_F(WeightStoreTest, PiecesThatTouchAreOne) {
  WeightStore store;
  ASSERT_TRUE(ok(store.addPieces("w", {{a(), 0, 3}, {a(), 3, 2}})));
  ASSERT_EQ(store.source("w").size(), 1u);
  EXPECT_EQ(store.source("w")[0].length, 5u);
  EXPECT_EQ(streamed(store, "w").second, 1);
}

TEST_F(WeightStoreTest, PiecesAreStreamedOrGathered) {
  WeightStore store;
  ASSERT_TRUE(
      ok(store.addPieces("w", {{b(), 1, 2}, {a(), 5, 1}, {b(), 0, 1}})));
  EXPECT_EQ(*store.size("w"), 4u);
  std::vector<int> expected = {101, 102, 5, 100};
  EXPECT_EQ(streamed(store, "w"), std::pair(expected, 3));
  uint64_t hash = store.hash(llvm::StringRef("w"));
  EXPECT_EQ(numbers(*store.find("w")), expected);
  EXPECT_EQ(streamed(store, "w"), std::pair(expected, 1));
  EXPECT_EQ(store.hash(llvm::StringRef("w")), hash);
  // Where it came from is still known.
  EXPECT_EQ(store.source("w").size(), 3u);
}

TEST_F(WeightStoreTest, LargeResultsAreSpilled) {
  WeightStore store;
  store.setSpillFolder(folder);
  constexpr uint64_t size = (3 << 20) + 5;
  for (const char *name : {"x", "y"}) {
    auto bytes = store.allocate(name, size);
    ASSERT_TRUE(bool(bytes));
    EXPECT_EQ(bytes->size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes->data()) % 64, 0u);
    EXPECT_EQ((*bytes)[size - 1], 0);
    bytes->front() = *name;
    bytes->back() = *name;
  }
  // Dropped from memory, the bytes come back.
  store.release("x");
  EXPECT_EQ(store.find("x")->front(), 'x');
  EXPECT_EQ(store.find("x")->back(), 'x');
  EXPECT_TRUE(store.source("x").empty());
  store.erase("x");
  EXPECT_FALSE(store.contains("x"));
  EXPECT_EQ(store.find("y")->back(), 'y');
  auto small = store.allocate("z", 3);
  ASSERT_TRUE(bool(small));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small->data()) % 64, 0u);
}

TEST_F(WeightStoreTest, SaysWhatIsWrong) {
  WeightStore store;
  EXPECT_EQ(llvm::toString(store.addFile("w", a(), 60, 8)),
            "weight 'w' lies at bytes 60 to 68 of '" + a() +
                "', which has 64 bytes");
  EXPECT_FALSE(ok(store.addFile("w", a(), UINT64_MAX, 8)));
  EXPECT_FALSE(ok(store.addFile("w", folder + "/none", 0, 1)));
  EXPECT_FALSE(store.contains("w"));
  store.setSpillFolder(folder + "/none");
  auto bytes = store.allocate("x", 1 << 20);
  EXPECT_FALSE(bool(bytes));
  std::string message = llvm::toString(bytes.takeError());
  EXPECT_NE(message.find("cannot make a temporary file"), std::string::npos);
}
