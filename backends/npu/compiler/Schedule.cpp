//===- Schedule.cpp - Buffers of loops ------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/Schedule.h"

#include "lib/memory/planner/Planner.h"

using namespace narae;
using namespace narae::npu;

/// Bytes that addresses of buffers are multiples of.
static constexpr uint64_t kAlignment = 64;

BufferId Schedule::allocate(Space space, uint64_t bytes) {
  buffers.push_back(
      {space, std::max<uint64_t>(bytes, 1), innermost().number, 0});
  return BufferId(buffers.size() - 1);
}

void Schedule::step(Lane lane, llvm::ArrayRef<BufferUse> uses,
                    std::function<void(StreamWriter &)> emit) {
  Item item;
  item.lane = lane;
  item.uses.assign(uses.begin(), uses.end());
  item.emit = std::move(emit);
  innermost().items.push_back(std::move(item));
}

unsigned Schedule::begin(Scalar rounds, bool isSharedOut) {
  auto loop = std::make_unique<Loop>();
  loop->number = loops++;
  loop->rounds = rounds;
  loop->isSharedOut = isSharedOut;
  Loop *inner = loop.get();
  Item item;
  item.loop = std::move(loop);
  innermost().items.push_back(std::move(item));
  open.push_back(inner);
  return inner->number;
}

void Schedule::close() { open.pop_back(); }

unsigned narae::npu::lanesOf(const Loop &loop) {
  unsigned lanes = 0;
  for (const Item &item : loop.items)
    lanes |= lanesOf(item);
  return lanes;
}

unsigned narae::npu::lanesOf(const Item &item) {
  return item.loop ? lanesOf(*item.loop) : 1u << unsigned(item.lane);
}

/// Calls `visit` with every use of a buffer in an item and its lane.
static void forEachUse(const Item &item,
                       llvm::function_ref<void(Lane, BufferUse)> visit) {
  if (!item.loop) {
    for (BufferUse use : item.uses)
      visit(item.lane, use);
    return;
  }
  for (const Item &inner : item.loop->items)
    forEachUse(inner, visit);
}

/// Whether lanes hand something on from round to round in a buffer from outside
/// of the loop: then one copy is all that order allows.
static bool carries(const Loop &loop, const Schedule &schedule) {
  std::map<BufferId, std::pair<unsigned, bool>> outside; // lanes, written
  for (const Item &item : loop.items)
    forEachUse(item, [&](Lane lane, BufferUse use) {
      // Loops inside have larger numbers.
      if (schedule.buffers[use.buffer].loop >= loop.number)
        return;
      auto &[lanes, written] = outside[use.buffer];
      lanes |= 1u << unsigned(lane);
      written |= use.isWrite;
    });
  return llvm::any_of(outside, [](auto &entry) {
    auto [lanes, written] = entry.second;
    return written && (lanes & (lanes - 1));
  });
}

void Schedule::plan(Loop &loop, unsigned copies) {
  loop.copies = loop.number == 0 || carries(loop, *this) ? 1 : copies;
  for (Space space : {Space::Scratchpad, Space::Accumulator}) {
    memory::Problem problem;
    std::vector<BufferId> ids;
    for (BufferId id = 0; id < buffers.size(); ++id) {
      if (buffers[id].loop != loop.number || buffers[id].space != space)
        continue;
      memory::Buffer buffer;
      buffer.lower = INT64_MAX, buffer.upper = 0;
      for (size_t at = 0; at < loop.items.size(); ++at)
        forEachUse(loop.items[at], [&](Lane, BufferUse use) {
          if (use.buffer != id)
            return;
          buffer.lower = std::min(buffer.lower, int64_t(at));
          buffer.upper = std::max(buffer.upper, int64_t(at) + 1);
        });
      if (buffer.upper == 0)
        continue;
      buffer.size = (buffers[id].bytes + kAlignment - 1) & ~(kAlignment - 1);
      buffer.alignment = kAlignment;
      problem.buffers.push_back(std::move(buffer));
      ids.push_back(id);
    }
    memory::Options options;
    options.budget = 20000;
    options.threads = 1;
    memory::Plan plan = memory::allocate(problem, options);
    uint64_t peak = (plan.peak + kAlignment - 1) & ~(kAlignment - 1);
    uint64_t &total =
        space == Space::Scratchpad ? scratchpadBytes : accumulatorBytes;
    for (size_t i = 0; i < ids.size(); ++i)
      buffers[ids[i]].address = total + plan.offsets[i];
    if (space == Space::Scratchpad) {
      loop.base = total;
      loop.arena = peak;
      total += peak * loop.copies;
    } else {
      total += peak; // only the tensor engine goes there, in order
    }
  }
  for (Item &item : loop.items)
    if (item.loop)
      plan(*item.loop, copies);
}

void Schedule::plan(unsigned copies) {
  scratchpadBytes = accumulatorBytes = 0;
  plan(top, copies);
}
