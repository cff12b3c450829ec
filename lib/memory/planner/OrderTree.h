//===- OrderTree.h - All orders that keep sets together ------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the planner: a PQ-tree (Booth and Lueker, "Testing for the
// consecutive ones property, interval graphs, and graph planarity using PQ-tree
// algorithms", 1976). It stands for all orders of its leaves in which certain
// sets are consecutive. The children of one kind of node may be in any order,
// those of the other kind in theirs or its reverse.
//
// Nodes never change, so that an earlier tree is had back by its root alone.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PLANNER_ORDERTREE_H
#define NARAE_MEMORY_PLANNER_ORDERTREE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace narae::memory {

class OrderTree {
public:
  using Node = uint32_t;
  static constexpr uint32_t kNone = UINT32_MAX;

  /// What was consecutive and was replaced.
  struct Block {
    /// In this order or its reverse; each in any of its own orders.
    std::vector<Node> nodes;
    /// A leaf beside it that tells which: it comes before the nodes in their
    /// order when `isBefore`. `kNone` where both are allowed.
    uint32_t witness = kNone;
    bool isBefore = false;
  };

  Node addLeaf(uint32_t leaf);
  /// A node with its children in any order; the child itself if it is one.
  Node addAnyOrder(std::vector<Node> children);

  /// Restricts the orders of the tree to those in which the marked leaves, at
  /// least one, are consecutive, and puts `replacement` in their place. Returns
  /// the root of the new tree, none if there is no such order.
  /// \param isMarked for each leaf of the tree.
  std::optional<Node> replace(Node root, const std::vector<char> &isMarked,
                              Node replacement, Block &block);

  /// Whether the marked leaves are consecutive in all orders of the tree.
  bool isConsecutive(Node root, const std::vector<char> &isMarked);

  /// Appends the leaves in one of the orders.
  void appendLeaves(Node node, std::vector<uint32_t> &leaves) const;

  /// Nodes are numbered in the order in which they were added.
  size_t numNodes() const { return nodes.size(); }
  void dropNodesFrom(size_t node) { nodes.resize(node); }

  /// The number of nodes looked at.
  uint64_t steps = 0;

private:
  enum class Mark : uint8_t { Empty, Partial, Full };
  struct Content {
    std::vector<Node> children;
    uint32_t leaf = kNone;
    bool isOrdered = false;
    Mark mark = Mark::Empty;
  };

  Node addOrdered(std::vector<Node> children);
  Mark mark(Node node, const std::vector<char> &isMarked);
  bool appendSorted(Node node, std::vector<Node> &out);
  std::optional<Node> gather(Node node, Node replacement, Block &block);
  std::optional<Node> gatherOrdered(const std::vector<Node> &children,
                                    Node replacement, Block &block);
  uint32_t firstLeaf(Node node) const;

  std::vector<Content> nodes;
};

} // namespace narae::memory

#endif // NARAE_MEMORY_PLANNER_ORDERTREE_H
