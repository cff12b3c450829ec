//===- Simulator.cpp - Cycle-level DRAM -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/dram/Simulator.h"

#include <algorithm>
#include <array>
#include <deque>

using namespace narae::dram;

namespace {
constexpr int64_t kNever = -1'000'000'000;
/// Requests a controller looks at, oldest first.
constexpr size_t kQueue = 64;
/// Writes wait until so many are there, or no read is, and leave together.
constexpr size_t kManyWrites = 60, kFewWrites = 4;

struct Place {
  int64_t unit = 0; ///< pseudo-channel of the device
  int64_t rank = 0, group = 0, bank = 0, row = 0;
};

/// Addresses to places.
class Mapper {
public:
  explicit Mapper(const Config &config) : config(config) {
    sizes[int(Level::Channel)] = config.channels;
    sizes[int(Level::PseudoChannel)] = config.pseudoChannels;
    sizes[int(Level::Rank)] = config.ranks;
    sizes[int(Level::Group)] = config.groups;
    sizes[int(Level::Bank)] = config.banks;
    sizes[int(Level::Row)] = config.rows;
    sizes[int(Level::Column)] = config.pageBytes / config.requestBytes;
  }

  Place place(uint64_t address) const {
    uint64_t rest = address / config.requestBytes, low = 0;
    uint64_t together = std::max<int64_t>(config.mapping.interleave, 1);
    low = rest % together;
    rest /= together;
    std::array<uint64_t, 7> part{};
    for (size_t i = config.mapping.order.size(); i-- > 0;) {
      int level = int(config.mapping.order[i]);
      uint64_t size = sizes[level];
      if (config.mapping.order[i] == Level::Column)
        size = std::max<uint64_t>(size / together, 1);
      part[level] = rest % size;
      rest /= size;
    }
    if (together > 1) {
      uint64_t mask = part[int(Level::Column)] * together + low;
      for (Level level : {Level::Channel, Level::PseudoChannel, Level::Rank,
                          Level::Group, Level::Bank}) {
        uint64_t size = sizes[int(level)];
        part[int(level)] ^= mask & (size - 1);
        mask /= size;
      }
    }
    Place place;
    place.unit = part[int(Level::Channel)] * config.pseudoChannels +
                 part[int(Level::PseudoChannel)];
    place.rank = part[int(Level::Rank)];
    place.group = part[int(Level::Group)];
    place.bank = part[int(Level::Bank)];
    place.row = part[int(Level::Row)];
    return place;
  }

private:
  const Config &config;
  std::array<uint64_t, 7> sizes{};
};

struct Bank {
  int64_t row = -1; ///< open; -1: none
  int64_t nextActivate = 0, nextPrecharge = 0, nextColumn = 0;
};

struct Request {
  Place place;
  bool opened = false; ///< an activation was for it
};

/// One pseudo-channel.
class Controller {
public:
  explicit Controller(const Config &config)
      : config(config), banks(config.ranks * config.groups * config.banks),
        lastColumn(config.ranks * config.groups, kNever),
        lastWrite(config.ranks * config.groups, kNever),
        lastActivate(config.ranks * config.groups, kNever) {
    nextRefresh = config.refresh == Refresh::PerBank
                      ? config.refi / int64_t(banks.size())
                      : config.refi;
    activations.fill(kNever);
  }

  std::deque<Request> reads, writes;
  int64_t activates = 0, hits = 0, refreshes = 0;

  /// One clock; returns the number of requests that left. `stalled`: until when
  /// a refresh keeps the whole channel from other commands.
  int64_t step(int64_t now, int64_t &stalled);
  bool isIdle() const { return reads.empty() && writes.empty(); }

private:
  size_t groupOf(const Place &p) const {
    return p.rank * config.groups + p.group;
  }
  Bank &bankOf(const Place &p) {
    return banks[groupOf(p) * config.banks + p.bank];
  }
  bool canColumn(const Place &p, bool isWrite, int64_t now) const;
  void column(const Place &p, bool isWrite, int64_t now);
  bool canActivate(const Place &p, int64_t now) const;
  bool refresh(int64_t now, int64_t &stalled);
  bool refreshBank(int64_t now, int64_t &stalled);
  bool rowCommand(std::deque<Request> &queue, int64_t now);

  const Config &config;
  std::vector<Bank> banks;
  std::vector<int64_t> lastColumn, lastWrite, lastActivate; ///< by rank, group
  std::array<int64_t, 4> activations{};
  int64_t busFree = 0, lastReadAt = kNever, lastWriteAt = kNever;
  int64_t nextRefresh = 0, blockedUntil = 0;
  size_t refreshedBank = 0;
  bool drains = false;
};
} // namespace

/// Whether a read or write of an open row can start.
bool Controller::canColumn(const Place &p, bool isWrite, int64_t now) const {
  size_t group = groupOf(p);
  int64_t latency = isWrite ? config.cwl : config.cl;
  if (now + latency < busFree)
    return false;
  for (int64_t rank = 0; rank < config.ranks; ++rank)
    for (int64_t g = 0; g < config.groups; ++g) {
      size_t other = rank * config.groups + g;
      int64_t gap = rank != p.rank   ? std::max(config.ccdR, config.ccdS)
                    : other == group ? config.ccdL
                                     : config.ccdS;
      if (now < lastColumn[other] + gap)
        return false;
      // Data of a write must have arrived before its group is read.
      int64_t wait = config.cwl + config.burst +
                     (other == group ? config.wtrL : config.wtrS);
      if (!isWrite && rank == p.rank && now < lastWrite[other] + wait)
        return false;
    }
  // A read's data leave the bus before a write's come.
  return !isWrite ||
         now >= lastReadAt + config.cl + config.burst + 1 - config.cwl;
}

void Controller::column(const Place &p, bool isWrite, int64_t now) {
  size_t group = groupOf(p);
  Bank &bank = bankOf(p);
  lastColumn[group] = now;
  busFree = now + (isWrite ? config.cwl : config.cl) + config.burst;
  if (isWrite) {
    lastWrite[group] = lastWriteAt = now;
    bank.nextPrecharge = std::max(bank.nextPrecharge,
                                  now + config.cwl + config.burst + config.wr);
  } else {
    lastReadAt = now;
    bank.nextPrecharge = std::max(bank.nextPrecharge, now + config.rtpL);
  }
}

bool Controller::canActivate(const Place &p, int64_t now) const {
  if (now < activations[activates % 4] + config.faw)
    return false;
  for (int64_t g = 0; g < config.groups; ++g) {
    size_t other = p.rank * config.groups + g;
    if (now < lastActivate[other] + (g == p.group ? config.rrdL : config.rrdS))
      return false;
  }
  return true;
}

/// Refreshes a bank when its turn comes. Refreshes go before all else: until an
/// open bank is precharged, its channel starts no other command.
bool Controller::refreshBank(int64_t now, int64_t &stalled) {
  if (now < nextRefresh)
    return false;
  Bank &bank = banks[refreshedBank];
  if (bank.row >= 0) {
    stalled = std::max(now, bank.nextPrecharge) + config.rp + 1;
    bank.row = -1;
    bank.nextActivate = std::max(bank.nextActivate, stalled);
    return true;
  }
  if (now < bank.nextActivate)
    return true;
  bank.nextActivate = now + config.rfcPerBank;
  refreshedBank = (refreshedBank + 1) % banks.size();
  nextRefresh += config.refi / int64_t(banks.size());
  ++refreshes;
  return false;
}

/// Refreshes when due; true when the unit can do nothing else.
bool Controller::refresh(int64_t now, int64_t &stalled) {
  if (config.refresh == Refresh::None)
    return false;
  if (config.refresh == Refresh::PerBank)
    return now < stalled || refreshBank(now, stalled);
  if (now < blockedUntil)
    return true;
  if (now < nextRefresh)
    return false;
  for (Bank &bank : banks)
    if (bank.row >= 0 && now < bank.nextPrecharge)
      return true;
  for (Bank &bank : banks) {
    bool wasOpen = bank.row >= 0;
    bank.row = -1;
    bank.nextActivate = std::max(bank.nextActivate,
                                 now + config.rfc + (wasOpen ? config.rp : 0));
  }
  blockedUntil = now + config.rfc;
  nextRefresh += config.refi;
  ++refreshes;
  return true;
}

/// Precharges or activates for the oldest request that needs it.
bool Controller::rowCommand(std::deque<Request> &queue, int64_t now) {
  size_t looked = std::min(queue.size(), kQueue);
  std::vector<char> seen(banks.size(), 0);
  for (size_t i = 0; i < looked; ++i) {
    Request &request = queue[i];
    const Place &p = request.place;
    size_t index = groupOf(p) * config.banks + p.bank;
    Bank &bank = banks[index];
    // Older requests decide about the bank.
    if (seen[index])
      continue;
    seen[index] = 1;
    if (bank.row == p.row)
      continue;
    if (bank.row >= 0) {
      if (now < bank.nextPrecharge)
        continue;
      bank.row = -1;
      bank.nextActivate = std::max(bank.nextActivate, now + config.rp);
      return true;
    }
    if (now < bank.nextActivate || !canActivate(p, now))
      continue;
    bank.row = p.row;
    bank.nextColumn = now + config.rcd;
    bank.nextPrecharge = now + config.ras;
    bank.nextActivate = now + config.ras + config.rp;
    activations[activates % 4] = now;
    ++activates;
    lastActivate[groupOf(p)] = now;
    request.opened = true;
    return true;
  }
  return false;
}

int64_t Controller::step(int64_t now, int64_t &stalled) {
  if (refresh(now, stalled))
    return 0;
  if (writes.size() >= kManyWrites || (reads.empty() && !writes.empty()))
    drains = true;
  if (writes.size() <= kFewWrites && !reads.empty())
    drains = false;
  if (writes.empty())
    drains = false;
  std::deque<Request> &queue = drains ? writes : reads;
  int64_t left = 0;
  size_t looked = std::min(queue.size(), kQueue);
  for (size_t i = 0; i < looked; ++i) {
    Request &request = queue[i];
    Bank &bank = bankOf(request.place);
    if (bank.row != request.place.row || now < bank.nextColumn ||
        !canColumn(request.place, drains, now))
      continue;
    hits += !request.opened;
    column(request.place, drains, now);
    left = 1;
    queue.erase(queue.begin() + i);
    break;
  }
  rowCommand(queue, now);
  return left;
}

namespace {
/// Accesses that the source has generated and no controller has taken.
class Source {
public:
  Source(const Mapper &mapper, const Pattern &pattern, const Load &load,
         int64_t units)
      : mapper(mapper), pattern(pattern), load(load), waitingFor(2 * units, 0) {
  }

  bool isDone() const { return generated == load.count && waiting.empty(); }

  /// Hands over what a clock allows, the oldest first; what finds its queue
  /// full lets younger ones pass. `inFlight` are those in controllers.
  int64_t issue(std::vector<Controller> &controllers, int64_t inFlight) {
    int64_t held = load.queue > 0 ? 0 : inFlight;
    while (generated < load.count &&
           held + int64_t(waiting.size()) < load.window) {
      Access access = pattern(generated++);
      waiting.push_back({mapper.place(access.address), access.isWrite});
      ++waitingFor[2 * waiting.back().first.unit + access.isWrite];
    }
    if (allAreFull(controllers))
      return 0;
    int64_t issued = 0;
    size_t kept = 0;
    for (size_t i = 0; i < waiting.size(); ++i) {
      auto &[place, isWrite] = waiting[i];
      Controller &controller = controllers[place.unit];
      auto &queue = isWrite ? controller.writes : controller.reads;
      bool isFull = load.queue > 0 && int64_t(queue.size()) >= load.queue;
      if (issued < load.perClock && !isFull) {
        queue.push_back({place, false});
        --waitingFor[2 * place.unit + isWrite];
        ++issued;
      } else {
        waiting[kept++] = waiting[i];
      }
    }
    waiting.resize(kept);
    return issued;
  }

private:
  /// Whether no waiting access finds room; saves looking at each of them.
  bool allAreFull(const std::vector<Controller> &controllers) const {
    if (load.queue == 0)
      return waiting.empty();
    for (size_t i = 0; i < waitingFor.size(); ++i) {
      const Controller &c = controllers[i / 2];
      int64_t held = i % 2 == 0 ? c.reads.size() : c.writes.size();
      if (waitingFor[i] > 0 && held < load.queue)
        return false;
    }
    return true;
  }

  const Mapper &mapper;
  const Pattern &pattern;
  const Load &load;
  std::vector<int64_t> waitingFor; ///< reads and writes of each unit
  std::vector<std::pair<Place, bool>> waiting;
  int64_t generated = 0;
};
} // namespace

Result narae::dram::simulate(const Config &config, const Pattern &pattern,
                             const Load &load) {
  Mapper mapper(config);
  int64_t units = config.channels * config.pseudoChannels;
  std::vector<Controller> controllers;
  for (int64_t i = 0; i < units; ++i)
    controllers.emplace_back(config);
  std::vector<int64_t> stalled(config.channels, 0);
  Source source(mapper, pattern, load, units);
  Result result;
  int64_t inFlight = 0, now = 0;
  for (;; ++now) {
    inFlight += source.issue(controllers, inFlight);
    bool idle = source.isDone();
    for (int64_t i = 0; i < units; ++i) {
      inFlight -= controllers[i].step(now, stalled[i / config.pseudoChannels]);
      idle &= controllers[i].isIdle();
    }
    if (idle)
      break;
  }
  result.clocks = now + 1;
  result.bandwidth = double(load.count) * config.requestBytes /
                     (double(result.clocks) * config.clock);
  for (const Controller &controller : controllers) {
    result.activations += controller.activates;
    result.rowHits += controller.hits;
    result.refreshes += controller.refreshes;
  }
  return result;
}
