//===- GraphOrder.cpp - The order in which nodes are imported -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/GraphImporter.h"

#include <queue>

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

/// Adds the names that a graph uses but does not define.
static void addCaptured(const ::onnx::GraphProto &graph,
                        llvm::StringSet<> defined,
                        SmallVector<StringRef> &names,
                        llvm::StringSet<> &seen) {
  for (const auto &input : graph.input())
    defined.insert(input.name());
  for (const auto &tensor : graph.initializer())
    defined.insert(tensor.name());
  for (const auto &tensor : graph.sparse_initializer())
    defined.insert(tensor.values().name());
  for (const ::onnx::NodeProto &node : graph.node())
    for (const std::string &output : node.output())
      defined.insert(output);
  auto use = [&](StringRef name) {
    if (!name.empty() && !defined.contains(name) && seen.insert(name).second)
      names.push_back(name);
  };
  for (const ::onnx::NodeProto &node : graph.node()) {
    for (const std::string &input : node.input())
      use(input);
    for (const ::onnx::AttributeProto &attr : node.attribute()) {
      if (attr.has_g())
        addCaptured(attr.g(), defined, names, seen);
      for (const ::onnx::GraphProto &nested : attr.graphs())
        addCaptured(nested, defined, names, seen);
    }
  }
  for (const auto &output : graph.output())
    use(output.name());
}

SmallVector<StringRef> narae::onnx::usedNames(const ::onnx::NodeProto &node) {
  SmallVector<StringRef> names;
  llvm::StringSet<> seen;
  for (const std::string &input : node.input())
    if (!input.empty() && seen.insert(input).second)
      names.push_back(input);
  for (const ::onnx::AttributeProto &attr : node.attribute()) {
    if (attr.has_g())
      addCaptured(attr.g(), {}, names, seen);
    for (const ::onnx::GraphProto &nested : attr.graphs())
      addCaptured(nested, {}, names, seen);
  }
  return names;
}

/// Reports one cycle among nodes that wait for each other.
static void reportCycle(ArrayRef<SmallVector<StringRef>> uses,
                        ArrayRef<unsigned> waiting,
                        const llvm::StringMap<int> &producer,
                        llvm::function_ref<Location(int)> location) {
  int node = 0;
  while (!waiting[node])
    ++node;
  // Every waiting node has a producer that waits: walk back until one repeats.
  std::vector<int> path;
  while (!llvm::is_contained(path, node)) {
    path.push_back(node);
    for (StringRef name : uses[node]) {
      auto it = producer.find(name);
      if (it != producer.end() && waiting[it->second]) {
        node = it->second;
        break;
      }
    }
  }
  path.erase(path.begin(), llvm::find(path, node));
  InFlightDiagnostic diagnostic = emitError(location(node));
  diagnostic << "the graph has a cycle of " << path.size() << " node"
             << (path.size() == 1 ? "" : "s");
  for (int member : llvm::reverse(path))
    diagnostic.attachNote(location(member)) << "part of the cycle";
}

FailureOr<std::vector<int>>
narae::onnx::sortNodes(const GraphImporter::Nodes &nodes,
                       ArrayRef<SmallVector<StringRef>> uses,
                       llvm::function_ref<Location(int)> location) {
  llvm::StringMap<int> producer;
  for (auto [i, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output())
      if (!output.empty() && !producer.try_emplace(output, i).second) {
        auto diagnostic = emitError(location(i));
        diagnostic << "defines '" << output
                   << "', which another node defines already";
        diagnostic.attachNote(location(producer[output])) << "the other node";
        return failure();
      }
  std::vector<unsigned> waiting(nodes.size());
  std::vector<SmallVector<int>> users(nodes.size());
  for (auto [i, names] : llvm::enumerate(uses))
    for (StringRef name : names)
      if (auto it = producer.find(name); it != producer.end()) {
        users[it->second].push_back(i);
        ++waiting[i];
      }
  // The model's own order wherever it is possible.
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (auto [i, count] : llvm::enumerate(waiting))
    if (!count)
      ready.push(i);
  std::vector<int> order;
  while (!ready.empty()) {
    int i = ready.top();
    ready.pop();
    order.push_back(i);
    for (int user : users[i])
      if (!--waiting[user])
        ready.push(user);
  }
  if (order.size() == waiting.size())
    return order;
  reportCycle(uses, waiting, producer, location);
  return failure();
}
