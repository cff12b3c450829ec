//===- Perfect.cpp - Parts that fill their bound at all times -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where the same number of bytes is live at all times, a plan without a gap is
// an order of the live items at each time. When some items end and others
// start, the new ones take exactly the room of the old ones: each group of new
// items that takes the place of a group of equal size requires those to be
// neighbours. A sweep over time collects these requirements in a tree that
// stands for all orders that are still possible, so nothing is decided before
// it must be. Only what takes the place of what is a decision, and sizes leave
// few choices. Searches that place items one by one must guess orders whose
// consequences come much later.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/OrderTree.h"
#include "lib/memory/planner/Part.h"
#include "lib/memory/planner/Random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace narae::memory;

/// So many subsets of the items that end or start at one time are looked at.
static constexpr uint64_t kMaxSubsets = 4096;

/// Groups of one time whose effect on the tree is looked at.
static constexpr size_t kMaxGroups = 32;

namespace {
/// Items, as bits of those of one side.
struct Subset {
  uint64_t size;
  uint64_t bits;
};

/// Some items take the place of others.
struct Group {
  uint64_t ends, starts;
  double score;
};

/// One run: decisions in the order of how likely they are, with backtracking.
class PerfectPacker {
public:
  PerfectPacker(const Part &part, uint64_t run);

  bool run(uint64_t budget);

  /// Of all items when `run` succeeded, else of those up to a time, `kUnplaced`
  /// for the others.
  std::vector<uint64_t> offsets;
  static constexpr uint64_t kUnplaced = UINT64_MAX;
  uint64_t stepsTaken() const { return 8 * (steps + tree.steps); }
  /// Nothing was left out: there is no such plan.
  bool isExhausted = false;

private:
  using Items = std::vector<uint32_t>;
  /// A decision: which group ends first of those that end at a time.
  struct Frame {
    uint32_t section;
    Items ends, starts;
    std::vector<Group> groups;
    size_t next = 0;
    OrderTree::Node root;
    size_t numNodes, numRecords;
  };
  struct Record {
    OrderTree::Block block;
    Items starts;
  };

  bool push(uint32_t section, Items ends, Items starts, OrderTree::Node root);
  bool advance(Frame &frame, OrderTree::Node &root, Items &restEnds,
               Items &restStarts);
  std::vector<Group> findGroups(const Items &ends, const Items &starts,
                                OrderTree::Node root);
  std::vector<Subset> findSubsets(const Items &items);
  bool isTwin(uint32_t a, uint32_t b) const {
    const Item &x = part.items[a], &y = part.items[b];
    return x.size == y.size && x.lower == y.lower && x.upper == y.upper;
  }
  OrderTree::Node addStarts(const Items &items);
  void readOff(OrderTree::Node root);

  const Part &part;
  Random random;
  double noise;
  uint64_t steps = 0, budget = 0;
  /// For each section the items that end or start with it.
  std::vector<Items> ends, starts;
  std::vector<char> isMarked;
  OrderTree tree;
  std::vector<Frame> frames;
  std::vector<Record> records;
  uint32_t deepest = 0;
  bool isTruncated = false;
  double range = 1;
};
} // namespace

/// Every other run goes backward in time. All but the first two are varied at
/// random.
PerfectPacker::PerfectPacker(const Part &part, uint64_t run)
    : part(part), random(run), noise(run < 2 ? 0 : 4),
      ends(part.numSections + 1), starts(part.numSections + 1),
      isMarked(part.items.size()) {
  uint64_t unit = 0;
  for (uint32_t i = 0; i < part.items.size(); ++i) {
    const Item &item = part.items[i];
    if (item.size == 0)
      continue;
    unit = std::gcd(unit, item.size);
    bool isBackward = run % 2 != 0;
    starts[isBackward ? part.numSections - item.upper : item.lower].push_back(
        i);
    ends[isBackward ? part.numSections - item.lower : item.upper].push_back(i);
  }
  range = static_cast<double>(part.lowerBound / unit);
}

/// The subsets of the items, of many only those of few items. Twins are taken
/// in the order of their numbers.
std::vector<Subset> PerfectPacker::findSubsets(const Items &items) {
  size_t most = 0;
  for (uint64_t sum = 1, choices = 1; most < items.size(); ++most) {
    choices = choices * (items.size() - most) / (most + 1);
    sum += choices;
    if (sum > kMaxSubsets)
      break;
  }
  if (items.size() > 64)
    return {};
  std::vector<Subset> subsets = {{0, 0}};
  std::vector<uint8_t> counts = {0};
  for (size_t i = 0; i < items.size(); ++i) {
    uint64_t bit = uint64_t(1) << i, twin = 0;
    for (size_t j = 0; j < i; ++j)
      if (isTwin(items[j], items[i]))
        twin = uint64_t(1) << j;
    size_t count = subsets.size();
    for (size_t j = 0; j < count; ++j) {
      if (counts[j] >= most || (twin != 0 && (subsets[j].bits & twin) == 0))
        continue;
      subsets.push_back(
          {subsets[j].size + part.items[items[i]].size, subsets[j].bits | bit});
      counts.push_back(counts[j] + 1);
    }
  }
  subsets.erase(subsets.begin());
  steps += subsets.size();
  return subsets;
}

static bool isIn(uint64_t bits, size_t index) {
  return bits == UINT64_MAX || (bits >> index & 1) != 0;
}

static size_t countBits(uint64_t bits) {
  size_t count = 0;
  for (; bits != 0; bits &= bits - 1)
    ++count;
  return count;
}

/// log2 of the number of subsets of `taken` of `count` items.
static double logChoices(size_t count, size_t taken) {
  double result = 0;
  for (size_t i = 0; i < std::min(taken, count - taken); ++i)
    result += std::log2(static_cast<double>(count - i) / (i + 1));
  return result;
}

// Groups of equal size are real or coincidences. They are real all the more the
// fewer subsets of as many items there are beside the sums that there can be,
// and when the items that end are neighbours already.
std::vector<Group> PerfectPacker::findGroups(const Items &ends,
                                             const Items &starts,
                                             OrderTree::Node root) {
  const uint64_t all = UINT64_MAX;
  std::vector<Group> groups;
  if (ends.size() > 1 && starts.size() > 1) {
    std::vector<Subset> before = findSubsets(ends);
    std::vector<Subset> after = findSubsets(starts);
    auto isSmaller = [](const Subset &a, const Subset &b) {
      return a.size != b.size ? a.size < b.size : a.bits < b.bits;
    };
    std::sort(before.begin(), before.end(), isSmaller);
    std::sort(after.begin(), after.end(), isSmaller);
    auto match = after.begin();
    for (const Subset &subset : before) {
      while (match != after.end() && match->size < subset.size)
        ++match;
      size_t count = countBits(subset.bits);
      if (count == ends.size())
        continue;
      for (auto it = match; it != after.end() && it->size == subset.size; ++it)
        groups.push_back({subset.bits, it->bits,
                          logChoices(ends.size(), count) +
                              logChoices(starts.size(), countBits(it->bits)) -
                              std::log2(range)});
    }
    steps += 8 * (before.size() + after.size()) + 4 * groups.size();
  }
  // All of them together. Many items divide by coincidence.
  groups.push_back({all, all, 0});
  auto isBetter = [](const Group &a, const Group &b) {
    if (a.score != b.score)
      return a.score < b.score;
    return a.ends != b.ends ? a.ends < b.ends : a.starts < b.starts;
  };
  std::sort(groups.begin(), groups.end(), isBetter);
  if (groups.size() == 1)
    return groups;
  if (groups.size() > kMaxGroups) {
    isTruncated = true;
    groups.resize(kMaxGroups);
  }
  for (Group &group : groups) {
    for (size_t i = 0; i < ends.size(); ++i)
      isMarked[ends[i]] = isIn(group.ends, i);
    if (tree.isConsecutive(root, isMarked))
      group.score -= 10;
    if (noise > 0)
      group.score += noise * (random.below(1000) / 1000.0);
  }
  for (uint32_t item : ends)
    isMarked[item] = false;
  std::sort(groups.begin(), groups.end(), isBetter);
  return groups;
}

OrderTree::Node PerfectPacker::addStarts(const Items &items) {
  std::vector<OrderTree::Node> leaves;
  for (uint32_t item : items)
    leaves.push_back(tree.addLeaf(item));
  return tree.addAnyOrder(std::move(leaves));
}

/// Sets `offsets` of all items that have started.
void PerfectPacker::readOff(OrderTree::Node root) {
  offsets.assign(part.items.size(), kUnplaced);
  std::vector<uint32_t> order;
  tree.appendLeaves(root, order);
  uint64_t end = 0;
  for (uint32_t item : order) {
    offsets[item] = end;
    end += part.items[item].size;
  }
  std::vector<uint32_t> block;
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    for (uint32_t item : record->starts)
      isMarked[item] = true;
    auto begin = std::find_if(order.begin(), order.end(),
                              [&](uint32_t item) { return isMarked[item]; });
    for (uint32_t item : record->starts)
      isMarked[item] = false;
    uint64_t offset = offsets[*begin];
    const OrderTree::Block &removed = record->block;
    bool isReversed = false;
    if (removed.witness != OrderTree::kNone)
      isReversed = (std::find(order.begin(), begin, removed.witness) !=
                    begin) != removed.isBefore;
    block.clear();
    for (size_t i = 0; i < removed.nodes.size(); ++i)
      tree.appendLeaves(
          removed.nodes[isReversed ? removed.nodes.size() - 1 - i : i], block);
    for (uint32_t item : block) {
      offsets[item] = offset;
      offset += part.items[item].size;
    }
    begin = order.erase(begin, begin + record->starts.size());
    order.insert(begin, block.begin(), block.end());
  }
}

/// Adds the next decision. Returns false when there is none.
bool PerfectPacker::push(uint32_t section, Items restEnds, Items restStarts,
                         OrderTree::Node root) {
  while (restEnds.empty()) {
    if (++section >= part.numSections)
      return false;
    restEnds = ends[section];
    restStarts = starts[section];
  }
  Frame frame;
  frame.section = section;
  frame.groups = findGroups(restEnds, restStarts, root);
  frame.ends = std::move(restEnds);
  frame.starts = std::move(restStarts);
  frame.root = root;
  frame.numNodes = tree.numNodes();
  frame.numRecords = records.size();
  frames.push_back(std::move(frame));
  return true;
}

/// Makes the next possible decision of a frame. Returns false when none is
/// left.
bool PerfectPacker::advance(Frame &frame, OrderTree::Node &root,
                            Items &restEnds, Items &restStarts) {
  while (frame.next < frame.groups.size() && stepsTaken() <= budget) {
    const Group &group = frame.groups[frame.next++];
    tree.dropNodesFrom(frame.numNodes);
    records.resize(frame.numRecords);
    Record record;
    restEnds.clear();
    restStarts.clear();
    for (size_t i = 0; i < frame.ends.size(); ++i) {
      bool isTaken = isIn(group.ends, i);
      isMarked[frame.ends[i]] = isTaken;
      if (!isTaken)
        restEnds.push_back(frame.ends[i]);
    }
    for (size_t i = 0; i < frame.starts.size(); ++i)
      (isIn(group.starts, i) ? record.starts : restStarts)
          .push_back(frame.starts[i]);
    std::optional<OrderTree::Node> changed = tree.replace(
        frame.root, isMarked, addStarts(record.starts), record.block);
    for (uint32_t item : frame.ends)
      isMarked[item] = false;
    if (!changed)
      continue;
    records.push_back(std::move(record));
    root = *changed;
    return true;
  }
  return false;
}

bool PerfectPacker::run(uint64_t granted) {
  budget = granted;
  OrderTree::Node root = addStarts(starts[0]);
  Items restEnds, restStarts;
  bool isComplete = !push(0, {}, {}, root);
  while (!isComplete && !frames.empty()) {
    uint32_t section = frames.back().section;
    if (advance(frames.back(), root, restEnds, restStarts)) {
      isComplete =
          !push(section, std::move(restEnds), std::move(restStarts), root);
      continue;
    }
    // The last tree of the frame before is gone.
    if (section > deepest) {
      deepest = section;
      tree.dropNodesFrom(frames.back().numNodes);
      records.resize(frames.back().numRecords);
      readOff(frames.back().root);
    }
    if (stepsTaken() > budget)
      break;
    frames.pop_back();
  }
  isExhausted = !isComplete && frames.empty() && !isTruncated;
  if (isComplete)
    readOff(root);
  return isComplete;
}

bool narae::memory::isFull(const Part &part) {
  std::vector<int64_t> change(part.numSections + 1);
  for (const Item &item : part.items) {
    if (item.fixed || item.size % item.alignment != 0)
      return false;
    change[item.lower] += static_cast<int64_t>(item.size);
    change[item.upper] -= static_cast<int64_t>(item.size);
  }
  uint64_t live = 0;
  for (uint32_t s = 0; s < part.numSections; ++s) {
    live += static_cast<uint64_t>(change[s]);
    if (live != part.lowerBound)
      return false;
  }
  return true;
}

bool narae::memory::packPerfectly(const Part &part, uint64_t &budget,
                                  PartPlan &plan,
                                  std::vector<uint64_t> &partial) {
  uint64_t shortest = 1200 * (part.items.size() + part.numOverlaps);
  for (uint64_t run = 0; budget > 0; ++run) {
    uint64_t granted = std::min(budget, shortest * luby(run / 2 + 1));
    PerfectPacker packer(part, run);
    bool isFound = packer.run(granted);
    budget -= std::min(budget, packer.stepsTaken());
    if (!isFound) {
      if (run == 0)
        partial = std::move(packer.offsets);
      if (packer.isExhausted)
        return false;
      continue;
    }
    for (size_t i = 0; i < part.items.size(); ++i) {
      uint64_t &offset = packer.offsets[i];
      if (part.items[i].size == 0)
        offset = 0;
      if (offset % part.items[i].alignment != 0)
        return false;
    }
    plan.offsets = std::move(packer.offsets);
    plan.peak = part.lowerBound;
    plan.strategy = "orders";
    return true;
  }
  return false;
}
