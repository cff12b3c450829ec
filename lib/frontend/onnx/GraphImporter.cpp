//===- GraphImporter.cpp - ONNX graphs and nested graphs ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/GraphImporter.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

/// Limits that no honest model reaches.
static constexpr int64_t kMaxNodes = 4'000'000;
static constexpr unsigned kMaxDepth = 32;

Opsets narae::onnx::readOpsets(
    const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>
        &list) {
  Opsets opsets;
  for (const ::onnx::OperatorSetIdProto &opset : list)
    opsets[opset.domain() == "ai.onnx" ? "" : opset.domain()] = opset.version();
  return opsets;
}

StringRef narae::onnx::domainOf(const ::onnx::NodeProto &node) {
  return node.domain() == "ai.onnx" ? StringRef() : StringRef(node.domain());
}

const Binding *GraphImporter::lookup(StringRef name) const {
  for (const GraphImporter *graph = this; graph; graph = graph->parent) {
    auto it = graph->bindings.find(name);
    if (it != graph->bindings.end())
      return &it->second;
  }
  return nullptr;
}

void GraphImporter::bind(StringRef name, Binding binding) {
  bindings[name] = std::move(binding);
}

void GraphImporter::bindTensor(StringRef name, Value value) {
  // Shape arithmetic that came out constant leaves no ops behind.
  auto type = dyn_cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (type && op && !isa<fm::ConstantOp>(op) && fm::isTracked(type))
    if (auto elements = model.scope.constants(value)) {
      unsigned width = type.getElementType().getIntOrFloatBitWidth();
      SmallVector<APInt> values;
      for (int64_t element : *elements)
        values.push_back(APInt(64, element).zextOrTrunc(width));
      if (auto constant = fm::createOp<fm::ConstantOp>(
              model.builder, op->getLoc(), model.scope,
              DenseElementsAttr::get(type, values)))
        value = constant.getResult();
    }
  bind(name, Binding::tensor(value));
}

Location GraphImporter::location(const ::onnx::NodeProto &node,
                                 int64_t index) const {
  std::string name = node.name();
  if (name.empty())
    name = node.op_type() + "_" + std::to_string(index);
  return NameLoc::get(StringAttr::get(
      model.builder.getContext(), prefix + name + " (" + node.op_type() + ")"));
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

void GraphImporter::importNodes(const Nodes &nodes) {
  std::vector<SmallVector<StringRef>> uses;
  for (const ::onnx::NodeProto &node : nodes)
    uses.push_back(usedNames(node));
  auto order =
      sortNodes(nodes, uses, [&](int i) { return location(nodes[i], i); });
  if (failed(order)) {
    for (const ::onnx::NodeProto &node : nodes)
      for (const std::string &output : node.output())
        bind(output, Binding::failed());
    return;
  }
  for (int i : *order) {
    const ::onnx::NodeProto &node = nodes[i];
    importNode(node, location(node, i), uses[i]);
    for (const std::string &output : node.output())
      if (!output.empty())
        bindings.try_emplace(output, Binding::failed());
  }
}

/// Reports names that nothing defines; false when the node cannot be imported.
static bool checkUses(const GraphImporter &graph, ArrayRef<StringRef> uses,
                      Location loc) {
  bool ready = true;
  for (StringRef name : uses) {
    const Binding *binding = graph.lookup(name);
    if (!binding)
      emitError(loc) << "uses '" << name
                     << "', which no input, initializer or node defines";
    ready &= binding && binding->kind != Binding::Failed;
  }
  return ready;
}

void GraphImporter::importNode(const ::onnx::NodeProto &node, Location loc,
                               ArrayRef<StringRef> uses) {
  for (const std::string &output : node.output())
    if (bindings.count(output) && !output.empty()) {
      emitError(loc) << "defines '" << output
                     << "', which an input or initializer defines already";
      return;
    }
  if (!checkUses(*this, uses, loc))
    return;
  if (++model.nodes > kMaxNodes) {
    if (model.nodes == kMaxNodes + 1)
      emitError(loc) << "the model has more than " << kMaxNodes
                     << " nodes once functions and loops are expanded";
    return;
  }
  unsigned before = model.errors;
  LogicalResult result = failure();
  auto function = model.functions.find(functionKey(node));
  if (function != model.functions.end()) {
    result = importCall(node, *function->second, loc);
  } else {
    StringRef domain = domainOf(node);
    NodeImporterFn import = ImporterTable::get().find(domain, node.op_type());
    if (!import)
      return; // reported together with others (reportUnsupportedOps)
    auto opset = opsets.find(domain);
    int64_t version = opset != opsets.end() ? opset->second : 1;
    if (opset == opsets.end() && domain.empty()) {
      emitError(loc) << "the model does not say which operator set of the "
                        "default domain it uses";
      return;
    }
    Node current(*this, node, loc, version);
    result = checkSignature(current, domain);
    if (succeeded(result))
      result = import(current);
  }
  bool complete = succeeded(result) && model.errors == before;
  for (const std::string &output : node.output()) {
    auto it = bindings.find(output);
    if (complete && !output.empty() && it == bindings.end()) {
      emitError(loc) << "output '" << output << "' of " << node.op_type()
                     << " is not supported";
      return;
    }
    if (!complete && it != bindings.end())
      it->second = Binding::failed();
  }
  if (failed(result) && model.errors == before)
    emitError(loc) << "this " << node.op_type()
                   << " is malformed: an input or an attribute that it needs "
                      "is missing";
}

//===----------------------------------------------------------------------===//
// Nested graphs
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Binding>>
GraphImporter::importNested(const ::onnx::GraphProto &graph,
                            ArrayRef<Binding> inputs, Location loc) const {
  if (model.depth >= kMaxDepth)
    return emitError(loc) << "graphs are nested more than " << kMaxDepth
                          << " deep",
           failure();
  if (graph.input_size() != static_cast<int>(inputs.size()))
    return emitError(loc) << "the nested graph '" << graph.name() << "' has "
                          << graph.input_size() << " inputs, but "
                          << inputs.size() << " are given",
           failure();
  ++model.depth;
  GraphImporter nested(this);
  for (auto [input, binding] : llvm::zip(graph.input(), inputs))
    nested.bind(input.name(), binding);
  nested.importInitializers(graph);
  nested.importNodes(graph.node());
  --model.depth;
  SmallVector<Binding> outputs;
  for (const ::onnx::ValueInfoProto &output : graph.output()) {
    const Binding *binding = nested.lookup(output.name());
    if (!binding)
      return emitError(loc)
                 << "output '" << output.name() << "' of the nested graph '"
                 << graph.name() << "' is not defined",
             failure();
    if (binding->kind == Binding::Failed) {
      if (!model.errors)
        emitError(loc) << "the nested graph '" << graph.name()
                       << "' could not be imported";
      return failure();
    }
    outputs.push_back(*binding);
  }
  return outputs;
}
