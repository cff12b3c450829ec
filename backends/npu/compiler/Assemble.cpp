//===- Assemble.cpp - From schedules to streams ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Synchronisation. In the list of a loop's items, lane F has to wait at item j
// for lane E at an earlier item i where both use a buffer (or memory that the
// plan gave to two buffers) and one of them writes. E signals after i; F waits
// before j, on a semaphore of the pair in which signals are counted in order.
// What F knows through others is not waited for again. Descriptors of one lane
// get a fence between them where they meet. Between rounds, each
// lane gives each other one a credit a round.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/StreamWriter.h"

using namespace narae;
using namespace narae::npu;

namespace {
/// A signal after, or a wait before an item.
struct SyncPoint {
  int64_t semaphore, amount;
};
/// Of one lane at one item.
struct ItemSync {
  llvm::SmallVector<SyncPoint, 3> waits, signals;
  bool fence = false; ///< before it
};
using Uses = std::map<BufferId, bool>; // buffer -> written

class Assembler {
public:
  Assembler(Schedule &schedule, Scalars &scalars, LaunchNumbers &numbers)
      : schedule(schedule), scalars(scalars), numbers(numbers) {}

  std::string run(Program &program);

private:
  void analyse(Loop &loop);
  bool conflict(const Uses &first, const Uses &second);
  void write(StreamWriter &out, Loop &loop, Lane lane);
  void prologue(StreamWriter &out, Loop &loop, Lane lane);
  int64_t credit(const Loop &loop, unsigned from, unsigned to) {
    auto [it, isNew] = credits.try_emplace({loop.number, from, to}, semaphores);
    semaphores += isNew;
    return it->second;
  }
  Engine engineOf(unsigned lane) const {
    return lane == unsigned(Lane::Vector)   ? Engine::Vector
           : lane == unsigned(Lane::Tensor) ? Engine::Tensor
                                            : Engine::CoreDma;
  }

  Schedule &schedule;
  Scalars &scalars;
  LaunchNumbers &numbers;
  int64_t semaphores = 0;
  std::map<std::tuple<unsigned, unsigned, unsigned>, int64_t> credits;
  std::map<std::tuple<const Item *, unsigned>, ItemSync> syncs;
};
} // namespace

static void collect(const Item &item, std::array<Uses, laneCount> &uses) {
  if (item.loop) {
    for (const Item &inner : item.loop->items)
      collect(inner, uses);
    return;
  }
  for (BufferUse use : item.uses)
    uses[unsigned(item.lane)][use.buffer] |= use.isWrite;
}

bool Assembler::conflict(const Uses &first, const Uses &second) {
  for (auto [a, aWrites] : first)
    for (auto [b, bWrites] : second) {
      if (!aWrites && !bWrites)
        continue;
      const LocalBuffer &x = schedule.buffers[a], &y = schedule.buffers[b];
      if (x.space == y.space && x.loop == y.loop &&
          x.address < y.address + y.bytes && y.address < x.address + x.bytes)
        return true;
    }
  return false;
}

void Assembler::analyse(Loop &loop) {
  size_t count = loop.items.size();
  std::vector<std::array<Uses, laneCount>> uses(count);
  for (size_t at = 0; at < count; ++at)
    collect(loop.items[at], uses[at]);
  // What lane F knows to be complete of lane E; and what E knew after an item.
  using Clock = std::array<int64_t, laneCount>;
  std::array<Clock, laneCount> known;
  for (Clock &clock : known)
    clock.fill(-1);
  std::vector<std::array<Clock, laneCount>> after(count);
  struct Edge {
    size_t from, to;
  };
  std::map<std::pair<unsigned, unsigned>, std::vector<Edge>> edges;
  for (size_t at = 0; at < count; ++at) {
    unsigned lanes = lanesOf(loop.items[at]);
    for (unsigned to = 0; to < laneCount; ++to) {
      if (!(lanes >> to & 1))
        continue;
      for (unsigned from = 0; from < laneCount; ++from) {
        if (from == to)
          continue;
        for (int64_t i = int64_t(at) - 1; i > known[to][from]; --i) {
          if (!(lanesOf(loop.items[i]) >> from & 1) ||
              !conflict(uses[i][from], uses[at][to]))
            continue;
          edges[{from, to}].push_back({size_t(i), at});
          for (unsigned other = 0; other < laneCount; ++other)
            known[to][other] =
                std::max(known[to][other], after[size_t(i)][from][other]);
          known[to][from] = std::max(known[to][from], i);
          break;
        }
      }
    }
    // Descriptors of a lane complete in any order.
    for (unsigned lane = 0; lane < laneCount; ++lane) {
      if (!(lanes >> lane & 1) || engineOf(lane) != Engine::CoreDma)
        continue;
      for (int64_t i = int64_t(at) - 1; i > known[lane][lane]; --i)
        if ((lanesOf(loop.items[i]) >> lane & 1) &&
            conflict(uses[i][lane], uses[at][lane])) {
          syncs[{&loop.items[at], lane}].fence = true;
          known[lane][lane] = int64_t(at) - 1;
          break;
        }
    }
    for (unsigned lane = 0; lane < laneCount; ++lane)
      if (lanes >> lane & 1) {
        after[at][lane] = known[lane];
        after[at][lane][lane] = int64_t(at);
      }
    if (loop.items[at].loop)
      analyse(*loop.items[at].loop);
  }
  for (auto &[pair, list] : edges) {
    auto [from, to] = pair;
    int64_t semaphore = semaphores++;
    std::vector<size_t> senders;
    for (const Edge &edge : list)
      senders.push_back(edge.from);
    llvm::sort(senders);
    senders.erase(std::unique(senders.begin(), senders.end()), senders.end());
    for (size_t sender : senders)
      syncs[{&loop.items[sender], from}].signals.push_back({semaphore, 1});
    int64_t taken = 0;
    for (const Edge &edge : list) {
      int64_t needed =
          llvm::lower_bound(senders, edge.from) - senders.begin() + 1;
      if (needed <= taken)
        continue;
      syncs[{&loop.items[edge.to], to}].waits.push_back(
          {semaphore, needed - taken});
      taken = needed;
    }
  }
}

static void sync(StreamWriter &out, Opcode opcode, int64_t semaphore,
                 int64_t amount) {
  out.emit(opcode, {{OperandName::Scope, int64_t(Scope::Core)},
                    {OperandName::Unit, -1},
                    {OperandName::Index, semaphore},
                    {OperandName::Amount, amount}});
}

/// Registers of loops whose copies are used in turn over the whole run, and the
/// credits of their first rounds.
void Assembler::prologue(StreamWriter &out, Loop &loop, Lane lane) {
  if (!(lanesOf(loop) >> unsigned(lane) & 1))
    return;
  if (loop.number != 0) {
    if (loop.copies > 1 && loop.arena) {
      uint8_t slot = out.pin(loop.number, LoopValue::Slot);
      out.emit(Opcode::Set,
               {{OperandName::Dst, slot}, {OperandName::Value, 0}});
    }
    for (unsigned other = 0; other < laneCount; ++other)
      if (other != unsigned(lane) && (lanesOf(loop) >> other & 1))
        sync(out, Opcode::Signal, credit(loop, unsigned(lane), other),
             loop.copies);
  }
  for (Item &item : loop.items)
    if (item.loop)
      prologue(out, *item.loop, lane);
}

void Assembler::write(StreamWriter &out, Loop &loop, Lane lane) {
  unsigned self = unsigned(lane), lanes = lanesOf(loop);
  if (!(lanes >> self & 1))
    return;
  bool isLoop = loop.number != 0;
  bool hasSlot = isLoop && loop.copies > 1 && loop.arena;
  auto forOthers = [&](auto visit) {
    for (unsigned other = 0; isLoop && other < laneCount; ++other)
      if (other != self && (lanes >> other & 1))
        visit(other);
  };
  if (isLoop) {
    uint8_t index = out.pin(loop.number, LoopValue::Index);
    StreamWriter::Argument rounds = out.value(OperandName::Count, loop.rounds);
    uint8_t item = 0;
    int64_t cores = schedule.machine.allCores();
    if (loop.isSharedOut) {
      // Round i of core c is item i * cores + c.
      item = out.pin(loop.number, LoopValue::Item);
      out.emit(Opcode::Where, {{OperandName::Dst, item},
                               {OperandName::Place, int64_t(Place::Core)}});
      out.emit(Opcode::Set,
               {{OperandName::Dst, index},
                {OperandName::Value, rounds.number + cores - 1, rounds.reg}});
      out.emit(Opcode::Sub, {{OperandName::Dst, index},
                             {OperandName::A, index},
                             {OperandName::B, 0, item}});
      out.emit(Opcode::Div, {{OperandName::Dst, index},
                             {OperandName::A, index},
                             {OperandName::B, cores}});
      out.emit(Opcode::Sub, {{OperandName::Dst, item},
                             {OperandName::A, item},
                             {OperandName::B, cores}});
      rounds = {OperandName::Count, 0, index};
    }
    out.beginLoop(index, rounds);
    if (loop.isSharedOut)
      out.emit(Opcode::Add, {{OperandName::Dst, item},
                             {OperandName::A, item},
                             {OperandName::B, cores}});
    forOthers([&](unsigned other) {
      sync(out, Opcode::Wait, credit(loop, other, self), 1);
    });
  }
  for (Item &item : loop.items) {
    if (!(lanesOf(item) >> self & 1))
      continue;
    auto it = syncs.find({&item, self});
    if (it != syncs.end())
      for (SyncPoint point : it->second.waits)
        sync(out, Opcode::Wait, point.semaphore, point.amount);
    if (it != syncs.end() && it->second.fence)
      out.emit(Opcode::Fence, {});
    if (item.loop)
      write(out, *item.loop, lane);
    else
      item.emit(out);
    if (it != syncs.end())
      for (SyncPoint point : it->second.signals)
        sync(out, Opcode::Signal, point.semaphore, point.amount);
  }
  if (!isLoop)
    return;
  forOthers([&](unsigned other) {
    sync(out, Opcode::Signal, credit(loop, self, other), 1);
  });
  if (hasSlot) {
    uint8_t slot = out.pinned(loop.number, LoopValue::Slot);
    out.emit(Opcode::Add, {{OperandName::Dst, slot},
                           {OperandName::A, slot},
                           {OperandName::B, int64_t(loop.arena)}});
    out.emit(Opcode::Rem,
             {{OperandName::Dst, slot},
              {OperandName::A, slot},
              {OperandName::B, int64_t(loop.arena * loop.copies)}});
  }
  out.end();
  out.unpin(loop.number, LoopValue::Index);
  if (loop.isSharedOut)
    out.unpin(loop.number, LoopValue::Item);
}

std::string Assembler::run(Program &program) {
  analyse(schedule.top);
  const Machine &machine = schedule.machine;
  unsigned lanes = lanesOf(schedule.top);
  std::array<std::pair<uint32_t, uint32_t>, laneCount> words{};
  for (unsigned lane = 0; lane < laneCount; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    StreamWriter out(schedule, scalars, numbers);
    prologue(out, schedule.top, Lane(lane));
    write(out, schedule.top, Lane(lane));
    words[lane] = {uint32_t(program.code.size()), uint32_t(out.code.size())};
    for (const Instruction &instruction : out.code) {
      for (const OperandInfo &info : instruction.info().operands)
        if (std::string problem = checkOperand(info, instruction[info.name]);
            !problem.empty())
          return std::string("internal error: ") + instruction.info().mnemonic +
                 ": " + problem;
      program.code.push_back(encode(instruction));
    }
  }
  if (semaphores > machine.sync.coreSemaphores)
    return "the kernel needs " + std::to_string(semaphores) +
           " semaphores a core, the machine has " +
           std::to_string(machine.sync.coreSemaphores) +
           " (npu.sync.core_semaphores)";
  if ((lanes >> unsigned(Lane::Store) & 1) && machine.dma.coreQueues < 2)
    return "kernels need two DMA queues a core, one for loads and one for "
           "stores; the machine has " +
           std::to_string(machine.dma.coreQueues) + " (npu.dma.core_queues)";
  for (int64_t core = 0; core < machine.allCores(); ++core)
    for (unsigned lane = 0; lane < laneCount; ++lane)
      if (lanes >> lane & 1)
        program.streams.push_back({{engineOf(lane), int32_t(core),
                                    lane == unsigned(Lane::Store) ? 1 : 0},
                                   words[lane].first,
                                   words[lane].second});
  return "";
}

std::string narae::npu::assemble(Schedule &schedule, Scalars &scalars,
                                 LaunchNumbers &numbers, Program &program) {
  return Assembler(schedule, scalars, numbers).run(program);
}
