//===- TrackerTest.cpp - Histories against one of each byte ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Tracker.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace narae::npu;

namespace {
/// What happened to each byte, without intervals or patterns.
struct Bytes {
  static constexpr int64_t size = 512;
  struct Byte {
    bool written = false;
    Epoch writer;
    std::vector<Epoch> readers;
  };
  std::vector<Byte> bytes = std::vector<Byte>(size);

  static bool seen(const Epoch &access, const Epoch &by, const Clock &clock,
                   bool inOrder) {
    return access.stream == hostStream ||
           (access.stream == by.stream &&
            (inOrder || access.step == by.step)) ||
           clock[size_t(access.stream)] > access.clock;
  }
  /// Whether a byte may be accessed.
  bool good(int64_t at, bool isWrite, const Epoch &by, const Clock &clock,
            bool inOrder) const {
    const Byte &byte = bytes[size_t(at)];
    if (!byte.written)
      return isWrite;
    if (!seen(byte.writer, by, clock, inOrder))
      return false;
    for (const Epoch &reader : byte.readers)
      if (isWrite && !seen(reader, by, clock, inOrder))
        return false;
    return true;
  }
};
} // namespace

/// The bytes of a view, each element visited.
static std::vector<int64_t> bytesOf(const View &view) {
  std::vector<int64_t> result;
  int64_t bits = bitsOf(view.type);
  forEachRow(view, [&](int64_t offset, int64_t count, int64_t stride) {
    for (int64_t i = 0; i < count; ++i) {
      int64_t first = view.base * 8 + (offset + i * stride) * bits;
      for (int64_t at = first >> 3; at < (first + bits + 7) >> 3; ++at)
        result.push_back(at);
    }
  });
  return result;
}

static View randomView(std::mt19937_64 &random) {
  constexpr ElementType types[] = {ElementType::I8, ElementType::I16,
                                   ElementType::I32, ElementType::I4};
  View view;
  while (true) {
    view.type = types[random() % 4];
    view.rank = uint8_t(1 + random() % 3);
    for (int axis = 0; axis < view.rank; ++axis) {
      view.sizes[size_t(axis)] = int64_t(random() % 9);
      view.strides[size_t(axis)] = int64_t(random() % 40) - 12;
    }
    if (random() % 3) // rows with gaps, as tiles of a matrix are
      view.rank = 2, view.sizes = {8, 4, 1, 1, 1}, view.strides = {16, 1};
    view.base = int64_t(random() % 64) * 8;
    int64_t begin, end;
    if (extent(view, begin, end) && begin >= 0 && end <= Bytes::size)
      return view;
  }
}

TEST(Tracker, EqualsAHistoryOfEachByte) {
  std::mt19937_64 random(3);
  int collisions = 0, accesses = 0;
  for (int round = 0; round < 3000; ++round) {
    Tracker tracker;
    Bytes expected;
    constexpr int streams = 4;
    std::vector<Clock> clocks(streams, Clock(streams, 0));
    std::vector<uint32_t> releases(streams, 0);
    if (round % 4) {
      tracker.write(0, Bytes::size, Epoch(), {}, true);
      for (auto &byte : expected.bytes)
        byte.written = true;
    }
    for (uint64_t step = 1; step < 40; ++step) {
      auto stream = int32_t(random() % streams);
      Clock &clock = clocks[size_t(stream)];
      // Now and then somebody sees what others released.
      if (random() % 2) {
        auto other = size_t(random() % streams);
        Clock released = clocks[other];
        released[other] = ++releases[other];
        join(clock, released);
      }
      bool isWrite = random() % 3 == 0, inOrder = stream < 2;
      View view = randomView(random);
      Epoch by{stream, releases[size_t(stream)], 0, step};
      std::vector<int64_t> bytes = bytesOf(view);
      bool good = true;
      for (int64_t at : bytes)
        good &= expected.good(at, isWrite, by, clock, inOrder);
      Collision collision = tracker.access(view, isWrite, by, clock, inOrder);
      ++accesses;
      ASSERT_EQ(collision.kind == Collision::None, good)
          << round << " " << step;
      if (!good) {
        // It names a byte with which something is wrong.
        ++collisions;
        bool among = false;
        for (int64_t at : bytes)
          among |= at == collision.address;
        EXPECT_TRUE(among) << collision.address;
        EXPECT_FALSE(
            expected.good(collision.address, isWrite, by, clock, inOrder));
        break;
      }
      for (int64_t at : bytes) {
        Bytes::Byte &byte = expected.bytes[size_t(at)];
        if (isWrite)
          byte = {true, by, {}};
        else
          byte.readers.push_back(by);
      }
    }
  }
  EXPECT_GT(collisions, 1000);
  EXPECT_GT(accesses, 10000);
}
