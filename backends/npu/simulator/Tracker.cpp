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

Tracker::Map::iterator Tracker::split(int64_t at) {
  auto next = segments.lower_bound(at);
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
  auto first = split(begin);
  split(end);
  int64_t covered = begin;
  for (auto it = first; it != segments.end() && it->first < end; ++it) {
    if (it->first != covered || !it->second.written)
      break;
    Segment &segment = it->second;
    if (!seen(segment.writer, reader, clock, inOrder))
      return {Collision::UnseenWrite, it->first, segment.writer};
    // One epoch a stream is enough: the latest.
    auto same = std::find_if(
        segment.readers.begin(), segment.readers.end(),
        [&](const Epoch &other) { return other.stream == reader.stream; });
    if (same != segment.readers.end())
      *same = reader;
    else
      segment.readers.push_back(reader);
    covered = segment.end;
  }
  if (covered < end)
    return {Collision::Uninitialised, covered, {}};
  return {};
}

Collision Tracker::write(int64_t begin, int64_t end, const Epoch &writer,
                         const Clock &clock, bool inOrder) {
  auto first = split(begin);
  split(end);
  auto it = first;
  for (; it != segments.end() && it->first < end; ++it) {
    Segment &segment = it->second;
    if (segment.written && !seen(segment.writer, writer, clock, inOrder))
      return {Collision::UnseenWrite, it->first, segment.writer};
    for (const Epoch &reader : segment.readers)
      if (!seen(reader, writer, clock, inOrder))
        return {Collision::UnseenRead, it->first, reader};
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
}
