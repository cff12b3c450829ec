//===- Tracker.cpp - Which access happened before -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Tracker.h"

#include <algorithm>

using namespace narae::npu;

void narae::npu::join(Clock &clock, const Clock &other) {
  for (size_t i = 0; i < clock.size(); ++i)
    clock[i] = std::max(clock[i], other[i]);
}

/// Whether `later`, a stream with that clock, has seen the access.
static bool seen(const Epoch &access, const Epoch &later, const Clock &clock,
                 bool inOrder) {
  if (access.stream == hostStream)
    return true;
  // Parts of one instruction are in the order that it defines.
  if (access.stream == later.stream && (inOrder || access.step == later.step))
    return true;
  return clock[access.stream] > access.clock;
}

Tracker::Map::iterator Tracker::seek(int64_t at) {
  // Runs of a view mostly follow each other.
  auto next = cursor;
  if (next != segments.end() && next != segments.begin() &&
      std::prev(next)->first < at)
    for (int step = 0; step < 4 && next != segments.end(); ++step, ++next)
      if (next->first >= at)
        return next;
  return segments.lower_bound(at);
}

Tracker::Map::iterator Tracker::split(int64_t at) {
  auto next = seek(at);
  if (next == segments.begin())
    return next;
  auto before = std::prev(next);
  if (before->second.end <= at)
    return next;
  Segment rest = before->second;
  before->second.end = at;
  return segments.emplace_hint(next, at, std::move(rest));
}

Collision Tracker::read(int64_t begin, int64_t end, const Epoch &reader,
                        const Clock &clock, bool inOrder) {
  auto it = cursor = split(begin);
  cursor = split(end);
  int64_t covered = begin;
  for (; it != segments.end() && it->first < end; ++it) {
    if (it->first != covered || !it->second.written)
      break;
    Segment &segment = it->second;
    if (!seen(segment.writer, reader, clock, inOrder))
      return {Collision::UnseenWrite, it->first, segment.writer};
    // One epoch a stream is enough: the latest.
    auto same = std::find_if(
        segment.readers.begin(), segment.readers.end(), [&](const Reader &one) {
          return one.epoch.stream == reader.stream && one.pattern < 0;
        });
    if (same != segment.readers.end())
      same->epoch = reader;
    else
      segment.readers.push_back({reader, -1});
    covered = segment.end;
  }
  if (covered < end)
    return {Collision::Uninitialised, covered, {}};
  return {};
}

bool Tracker::readPattern(const Runs &runs, const Epoch &reader,
                          const Clock &clock, bool inOrder) {
  constexpr size_t mostReaders = 32;
  int64_t begin = runs.first >> 3, last = runs.first + runs.length;
  for (int axis = 0; axis < runs.rank; ++axis)
    last += runs.dimensions[size_t(axis)].stride *
            (runs.dimensions[size_t(axis)].size - 1);
  int64_t end = (last + 7) >> 3, covered = begin;
  auto isSame = [&](const Reader &one) {
    return one.epoch.stream == reader.stream && one.pattern >= 0 &&
           patterns[size_t(one.pattern)] == runs;
  };
  auto it = segments.upper_bound(begin);
  if (it == segments.begin())
    return false;
  int32_t pattern = -1;
  for (it = std::prev(it); it != segments.end() && it->first < end; ++it) {
    const Segment &segment = it->second;
    if (it->first > covered || !segment.written ||
        !seen(segment.writer, reader, clock, inOrder))
      return false;
    auto same =
        std::find_if(segment.readers.begin(), segment.readers.end(), isSame);
    if (same != segment.readers.end())
      pattern = same->pattern;
    else if (segment.readers.size() >= mostReaders)
      return false;
    covered = segment.end;
  }
  if (covered < end)
    return false;
  if (pattern < 0) {
    pattern = int32_t(patterns.size());
    patterns.push_back(runs);
  }
  cursor = segments.end();
  split(begin);
  split(end);
  for (it = segments.lower_bound(begin);
       it != segments.end() && it->first < end; ++it) {
    std::vector<Reader> &readers = it->second.readers;
    auto same = std::find_if(readers.begin(), readers.end(), isSame);
    if (same != readers.end())
      same->epoch = reader;
    else
      readers.push_back({reader, pattern});
  }
  return true;
}

Collision Tracker::write(int64_t begin, int64_t end, const Epoch &writer,
                         const Clock &clock, bool inOrder) {
  auto first = cursor = split(begin), it = first;
  cursor = split(end);
  for (; it != segments.end() && it->first < end; ++it) {
    Segment &segment = it->second;
    if (segment.written && !seen(segment.writer, writer, clock, inOrder))
      return {Collision::UnseenWrite, it->first, segment.writer};
    for (const Reader &reader : segment.readers) {
      if (seen(reader.epoch, writer, clock, inOrder))
        continue;
      int64_t at = it->first;
      if (reader.pattern >= 0)
        at = patterns[size_t(reader.pattern)].firstShared(at, segment.end);
      if (at >= 0)
        return {Collision::UnseenRead, at, reader.epoch};
    }
  }
  it = segments.erase(first, it);
  // Neighbours that the same access wrote become one interval.
  auto same = [&](const Segment &other) {
    return other.written && other.readers.empty() &&
           other.writer.stream == writer.stream &&
           other.writer.clock == writer.clock &&
           other.writer.step == writer.step;
  };
  Segment segment{end, true, writer, {}};
  if (it != segments.end() && it->first == end && same(it->second)) {
    segment.end = it->second.end;
    it = segments.erase(it);
  }
  cursor = it;
  if (it != segments.begin()) {
    auto before = std::prev(it);
    if (before->second.end == begin && same(before->second)) {
      before->second.end = segment.end;
      return {};
    }
  }
  segments.emplace_hint(it, begin, std::move(segment));
  return {};
}

Collision Tracker::access(const View &view, bool isWrite, const Epoch &by,
                          const Clock &clock, bool inOrder) {
  constexpr int64_t few = 4;
  Runs runs = runsOf(view);
  if (!isWrite && runs.count() > few && readPattern(runs, by, clock, inOrder))
    return {};
  Collision collision;
  forEachRun(runs, [&](int64_t begin, int64_t end) {
    collision = isWrite ? write(begin, end, by, clock, inOrder)
                        : read(begin, end, by, clock, inOrder);
    return collision.kind == Collision::None;
  });
  return collision;
}

void Tracker::settle() {
  Map merged;
  for (auto &[begin, segment] : segments) {
    if (!merged.empty() && std::prev(merged.end())->second.end == begin)
      std::prev(merged.end())->second.end = segment.end;
    else
      merged.emplace_hint(merged.end(), begin,
                          Segment{segment.end, true, Epoch(), {}});
  }
  segments = std::move(merged);
  patterns.clear();
  cursor = segments.end();
}
