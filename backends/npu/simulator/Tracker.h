//===- Tracker.h - Which access happened before --------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Who wrote and read which bytes, and whether that happened before. Streams
// have vector clocks: clock[s] of a stream t says which of the releases of s
// (signals, barriers, fences) t has seen. An access is an epoch: the stream and
// the number of its releases at that time; t comes after it when t has seen a
// later release. Descriptors of a DMA stream are not ordered among themselves
// until a fence, so a DMA stream sees its own accesses late like anybody else.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_TRACKER_H
#define NARAE_BACKENDS_NPU_SIMULATOR_TRACKER_H

#include "backends/npu/simulator/Layout.h"

#include <map>
#include <vector>

namespace narae::npu {

using Clock = std::vector<uint32_t>;

/// Takes the later of both, by stream.
void join(Clock &clock, const Clock &other);

/// The stream number of accesses that come before every launch.
constexpr int32_t hostStream = -1;

/// An access: its stream, the stream's releases before it, its word, and which
/// execution of the word it was.
struct Epoch {
  int32_t stream = hostStream;
  uint32_t clock = 0;
  uint32_t word = 0;
  uint64_t step = 0;
};

/// What an access collides with.
struct Collision {
  enum Kind { None, Uninitialised, UnseenWrite, UnseenRead } kind = None;
  int64_t address = 0; ///< the first byte
  Epoch other;         ///< of the unseen access
};

/// The history of a memory's bytes, by intervals.
class Tracker {
public:
  Tracker() = default;
  Tracker(const Tracker &) = delete;
  Tracker &operator=(const Tracker &) = delete;

  /// An access to a view by a stream with that clock.
  /// \param inOrder whether the stream sees its own accesses at once.
  Collision access(const View &view, bool isWrite, const Epoch &by,
                   const Clock &clock, bool inOrder);
  /// The same for bytes [begin, end).
  Collision read(int64_t begin, int64_t end, const Epoch &reader,
                 const Clock &clock, bool inOrder);
  Collision write(int64_t begin, int64_t end, const Epoch &writer,
                  const Clock &clock, bool inOrder);
  /// All that was written counts as written by the host: a new launch sees it.
  void settle();

private:
  struct Reader {
    Epoch epoch;
    /// Of those `patterns` the bytes that were read; -1: all of the segment.
    int32_t pattern = -1;
  };
  struct Segment {
    int64_t end = 0;
    bool written = false;
    Epoch writer;
    /// Since the write; one a stream, and a few patterns.
    std::vector<Reader> readers;
  };
  using Map = std::map<int64_t, Segment>;
  /// The first segment from `at` on; quick where `cursor` is a little before.
  Map::iterator seek(int64_t at);
  /// Makes `at` a boundary and returns the first segment from there on.
  Map::iterator split(int64_t at);
  /// Reads many runs at once where nothing is wrong with anything between
  /// them; false where they have to be looked at one by one.
  bool readPattern(const Runs &runs, const Epoch &reader, const Clock &clock,
                   bool inOrder);
  Map segments;
  std::vector<Runs> patterns;
  Map::iterator cursor = segments.end();
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_TRACKER_H
