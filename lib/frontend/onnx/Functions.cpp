//===- Functions.cpp - Model-local functions, in place of their calls -----===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/GraphImporter.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

static std::string key(StringRef domain, StringRef name, StringRef overload) {
  return (Twine(domain == "ai.onnx" ? "" : domain) + ":" + name + ":" +
          overload)
      .str();
}

std::string narae::onnx::functionKey(const ::onnx::FunctionProto &function) {
  return key(function.domain(), function.name(), function.overload());
}

std::string narae::onnx::functionKey(const ::onnx::NodeProto &call) {
  return key(call.domain(), call.op_type(), call.overload());
}

using Attributes = llvm::StringMap<const ::onnx::AttributeProto *>;

/// Replaces references to the function's attributes by the call's values, in
/// nested graphs too. References to attributes without a value go away.
static void resolveReferences(::onnx::NodeProto &node,
                              const Attributes &values) {
  google::protobuf::RepeatedPtrField<::onnx::AttributeProto> resolved;
  for (::onnx::AttributeProto &attr : *node.mutable_attribute()) {
    if (attr.ref_attr_name().empty()) {
      ::onnx::AttributeProto *copy = resolved.Add();
      copy->Swap(&attr);
      if (copy->has_g())
        for (::onnx::NodeProto &inner : *copy->mutable_g()->mutable_node())
          resolveReferences(inner, values);
      for (::onnx::GraphProto &graph : *copy->mutable_graphs())
        for (::onnx::NodeProto &inner : *graph.mutable_node())
          resolveReferences(inner, values);
      continue;
    }
    auto it = values.find(attr.ref_attr_name());
    if (it == values.end())
      continue;
    ::onnx::AttributeProto *copy = resolved.Add();
    *copy = *it->second;
    copy->set_name(attr.name());
  }
  node.mutable_attribute()->Swap(&resolved);
}

LogicalResult GraphImporter::importCall(const ::onnx::NodeProto &node,
                                        const ::onnx::FunctionProto &function,
                                        Location loc) {
  if (node.input_size() > function.input_size() ||
      node.output_size() > function.output_size())
    return emitError(loc) << "calls the function '" << function.name()
                          << "' with " << node.input_size() << " inputs and "
                          << node.output_size() << " outputs; it has "
                          << function.input_size() << " and "
                          << function.output_size();
  if (model.depth >= 32)
    return emitError(loc) << "calls of functions are nested too deep; does '"
                          << function.name() << "' call itself?";
  Attributes values;
  for (const ::onnx::AttributeProto &attr : function.attribute_proto())
    values[attr.name()] = &attr;
  for (const ::onnx::AttributeProto &attr : node.attribute())
    values[attr.name()] = &attr;

  Opsets functionOpsets = readOpsets(function.opset_import());
  for (auto &opset : opsets) // what the function does not import itself
    functionOpsets.try_emplace(opset.getKey(), opset.getValue());
  std::string name = node.name().empty() ? node.op_type() : node.name();
  GraphImporter body(model, functionOpsets, /*copied=*/true,
                     prefix + name + "/");
  for (int i = 0; i < function.input_size(); ++i) {
    const Binding *binding = i < node.input_size() && !node.input(i).empty()
                                 ? lookup(node.input(i))
                                 : nullptr;
    body.bind(function.input(i), binding ? *binding : Binding::absent());
  }
  Nodes nodes = function.node();
  for (::onnx::NodeProto &inner : nodes)
    resolveReferences(inner, values);
  ++model.depth;
  body.importNodes(nodes);
  --model.depth;
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty())
      continue;
    const Binding *binding = body.lookup(function.output(i));
    if (!binding)
      return emitError(loc)
             << "output '" << function.output(i) << "' of the function '"
             << function.name() << "' is not defined";
    if (binding->kind == Binding::Failed)
      return failure();
    bind(node.output(i), *binding);
  }
  return success();
}
