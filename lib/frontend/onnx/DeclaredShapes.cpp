//===- DeclaredShapes.cpp - Shapes that the model states ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/DeclaredShapes.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

std::string
narae::onnx::dimName(const ::onnx::TensorShapeProto::Dimension &dim) {
  std::string name = dim.has_dim_param() ? dim.dim_param() : "";
  return name == "?" || name == "-1" || name == "None" ? "" : name;
}

/// Some exporters write unknown sizes as negative ones.
static bool isFixed(const ::onnx::TensorShapeProto::Dimension &dim) {
  return dim.has_dim_value() && dim.dim_value() >= 0;
}

static bool contradicts(const ::onnx::TensorShapeProto &declared,
                        ArrayRef<int64_t> made) {
  if (declared.dim_size() != static_cast<int>(made.size()))
    return true;
  for (auto [dim, size] : llvm::zip(declared.dim(), made))
    if (isFixed(dim) && !ShapedType::isDynamic(size) && dim.dim_value() != size)
      return true;
  return false;
}

static std::string text(const ::onnx::TensorShapeProto &shape) {
  SmallVector<std::string> dims;
  for (const ::onnx::TensorShapeProto::Dimension &dim : shape.dim()) {
    std::string name = dimName(dim);
    dims.push_back(isFixed(dim)   ? std::to_string(dim.dim_value())
                   : name.empty() ? "?"
                                  : name);
  }
  return "[" + llvm::join(dims, ", ") + "]";
}

static std::string text(ArrayRef<int64_t> shape) {
  SmallVector<std::string> dims;
  for (int64_t size : shape)
    dims.push_back(ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  return "[" + llvm::join(dims, ", ") + "]";
}

/// What the declaration says and what the nodes make, where these disagree.
static std::optional<std::string>
contradiction(const GraphImporter &importer,
              const ::onnx::ValueInfoProto &info) {
  const Binding *binding = importer.lookup(info.name());
  if (!binding || binding->kind != Binding::Tensor ||
      !info.type().has_tensor_type() || !info.type().tensor_type().has_shape())
    return std::nullopt;
  const ::onnx::TensorShapeProto &declared = info.type().tensor_type().shape();
  ArrayRef<int64_t> made =
      cast<ShapedType>(binding->value.getType()).getShape();
  if (!contradicts(declared, made))
    return std::nullopt;
  return "declared with the shape " + text(declared) + ", but its nodes make " +
         text(made);
}

void narae::onnx::checkDeclaredShapes(const GraphImporter &importer,
                                      const ::onnx::GraphProto &graph) {
  Location loc = importer.model.module.getLoc();
  llvm::StringSet<> outputs;
  for (const ::onnx::ValueInfoProto &output : graph.output()) {
    if (!outputs.insert(output.name()).second)
      continue; // reported already
    if (auto found = contradiction(importer, output))
      emitError(loc) << "output '" << output.name() << "' is " << *found
                     << "; correct the output's declaration or export the "
                        "model again";
  }
  int64_t count = 0;
  std::string first;
  for (const ::onnx::ValueInfoProto &info : graph.value_info()) {
    if (outputs.contains(info.name()))
      continue;
    auto found = contradiction(importer, info);
    if (found && !count++)
      first = "'" + info.name() + "' is " + *found;
  }
  if (count == 1)
    emitWarning(loc) << "value " << first << ", which is used";
  else if (count)
    emitWarning(loc) << count
                     << " values are declared with other shapes than their "
                        "nodes make; the latter are used; the first: "
                     << first;
}
