//===- OrderTree.cpp - All orders that keep sets together -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/OrderTree.h"

#include <algorithm>

using namespace narae::memory;

OrderTree::Node OrderTree::addLeaf(uint32_t leaf) {
  Content content;
  content.leaf = leaf;
  nodes.push_back(std::move(content));
  return static_cast<Node>(nodes.size() - 1);
}

OrderTree::Node OrderTree::addAnyOrder(std::vector<Node> children) {
  if (children.size() == 1)
    return children.front();
  Content content;
  content.children = std::move(children);
  nodes.push_back(std::move(content));
  return static_cast<Node>(nodes.size() - 1);
}

OrderTree::Node OrderTree::addOrdered(std::vector<Node> children) {
  // The two orders of two children are each other's reverse.
  bool isOrdered = children.size() > 2;
  Node node = addAnyOrder(std::move(children));
  nodes[node].isOrdered |= isOrdered;
  return node;
}

OrderTree::Mark OrderTree::mark(Node node, const std::vector<char> &isMarked) {
  ++steps;
  if (nodes[node].leaf != kNone)
    return nodes[node].mark =
               isMarked[nodes[node].leaf] ? Mark::Full : Mark::Empty;
  bool hasFull = false, hasEmpty = false;
  for (Node child : nodes[node].children) {
    Mark found = mark(child, isMarked);
    hasFull |= found != Mark::Empty;
    hasEmpty |= found != Mark::Full;
  }
  return nodes[node].mark = !hasFull    ? Mark::Empty
                            : !hasEmpty ? Mark::Full
                                        : Mark::Partial;
}

/// Appends nodes for the content of a node such that what is marked comes last.
/// Returns false when it cannot.
bool OrderTree::appendSorted(Node node, std::vector<Node> &out) {
  if (nodes[node].mark != Mark::Partial) {
    out.push_back(node);
    return true;
  }
  std::vector<Node> children = nodes[node].children;
  auto markOf = [&](Node child) { return nodes[child].mark; };
  if (!nodes[node].isOrdered)
    std::sort(children.begin(), children.end(), [&](Node a, Node b) {
      return markOf(a) != markOf(b) ? markOf(a) < markOf(b) : a < b;
    });
  else if (markOf(children.front()) > markOf(children.back()))
    std::reverse(children.begin(), children.end());
  if (!std::is_sorted(children.begin(), children.end(),
                      [&](Node a, Node b) { return markOf(a) < markOf(b); }))
    return false;
  std::vector<Node> empty, full;
  Node partial = kNone;
  for (Node child : children) {
    if (markOf(child) == Mark::Partial) {
      if (partial != kNone)
        return false;
      partial = child;
    } else {
      (markOf(child) == Mark::Full ? full : empty).push_back(child);
    }
  }
  auto append = [&](const std::vector<Node> &part, Mark which) {
    if (part.empty())
      return;
    if (nodes[node].isOrdered) {
      out.insert(out.end(), part.begin(), part.end());
      return;
    }
    out.push_back(addAnyOrder(part));
    nodes[out.back()].mark = which;
  };
  append(empty, Mark::Empty);
  if (partial != kNone && !appendSorted(partial, out))
    return false;
  append(full, Mark::Full);
  return true;
}

uint32_t OrderTree::firstLeaf(Node node) const {
  while (nodes[node].leaf == kNone)
    node = nodes[node].children.front();
  return nodes[node].leaf;
}

/// `gather` for children in an order, none of them partial but the first and
/// the last that are not empty.
std::optional<OrderTree::Node>
OrderTree::gatherOrdered(const std::vector<Node> &children, Node replacement,
                         Block &block) {
  std::vector<Node> flat;
  bool hasStarted = false;
  for (size_t i = 0; i < children.size(); ++i) {
    Node child = children[i];
    if (nodes[child].mark != Mark::Partial) {
      flat.push_back(child);
      hasStarted |= nodes[child].mark == Mark::Full;
      continue;
    }
    // What is marked lies towards the other marked children.
    size_t begin = flat.size();
    if (!appendSorted(child, flat))
      return std::nullopt;
    if (hasStarted)
      std::reverse(flat.begin() + begin, flat.end());
    hasStarted = true;
  }
  auto isFull = [&](Node node) { return nodes[node].mark == Mark::Full; };
  auto begin = std::find_if(flat.begin(), flat.end(), isFull);
  auto end = std::find_if_not(begin, flat.end(), isFull);
  if (std::any_of(end, flat.end(), isFull))
    return std::nullopt;
  block.nodes.assign(begin, end);
  if (block.nodes.size() > 1) {
    if (begin != flat.begin()) {
      block.witness = firstLeaf(*std::prev(begin));
      block.isBefore = true;
    } else if (end != flat.end()) {
      block.witness = firstLeaf(*end);
    }
  }
  *begin = replacement;
  flat.erase(begin + 1, end);
  return addOrdered(flat);
}

/// Does what `replace` says in the smallest tree that has all marked leaves.
std::optional<OrderTree::Node> OrderTree::gather(Node node, Node replacement,
                                                 Block &block) {
  if (nodes[node].mark == Mark::Full) {
    block.nodes = {node};
    return replacement;
  }
  std::vector<Node> children = nodes[node].children;
  std::vector<Node> empty, full, partial;
  for (Node child : children) {
    Mark found = nodes[child].mark;
    (found == Mark::Empty  ? empty
     : found == Mark::Full ? full
                           : partial)
        .push_back(child);
  }
  // All of it is below one child.
  if (full.size() + partial.size() == 1) {
    Node whole = full.empty() ? partial.front() : full.front();
    std::optional<Node> changed = gather(whole, replacement, block);
    if (!changed)
      return std::nullopt;
    bool isOrdered = nodes[node].isOrdered;
    std::replace(children.begin(), children.end(), whole, *changed);
    return isOrdered ? addOrdered(children) : addAnyOrder(children);
  }
  if (nodes[node].isOrdered)
    return gatherOrdered(children, replacement, block);
  if (partial.size() > 2)
    return std::nullopt;
  std::vector<Node> ordered;
  if (!partial.empty())
    ordered.push_back(partial.front());
  if (!full.empty()) {
    ordered.push_back(addAnyOrder(full));
    nodes[ordered.back()].mark = Mark::Full;
  }
  if (partial.size() > 1)
    ordered.push_back(partial.back());
  std::optional<Node> changed = gatherOrdered(ordered, replacement, block);
  if (!changed)
    return std::nullopt;
  empty.push_back(*changed);
  return addAnyOrder(empty);
}

std::optional<OrderTree::Node>
OrderTree::replace(Node root, const std::vector<char> &isMarked,
                   Node replacement, Block &block) {
  mark(root, isMarked);
  block = Block();
  return gather(root, replacement, block);
}

bool OrderTree::isConsecutive(Node root, const std::vector<char> &isMarked) {
  mark(root, isMarked);
  while (nodes[root].mark == Mark::Partial) {
    Node below = kNone;
    size_t numRuns = 0, numNotEmpty = 0;
    bool isInRun = false;
    for (Node child : nodes[root].children) {
      bool isEmpty = nodes[child].mark == Mark::Empty;
      numRuns += !isEmpty && !isInRun;
      isInRun = !isEmpty;
      if (isEmpty)
        continue;
      below = child;
      ++numNotEmpty;
    }
    if (numNotEmpty > 1) {
      // All full, in a row, and not a choice among others.
      if (!nodes[root].isOrdered || numRuns > 1)
        return false;
      for (Node child : nodes[root].children)
        if (nodes[child].mark == Mark::Partial)
          return false;
      return true;
    }
    root = below;
  }
  return true;
}

void OrderTree::appendLeaves(Node node, std::vector<uint32_t> &leaves) const {
  if (nodes[node].leaf != kNone)
    leaves.push_back(nodes[node].leaf);
  for (Node child : nodes[node].children)
    appendLeaves(child, leaves);
}
