//===- ExternalFiles.cpp - Whether files of weights are there -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/ExternalFiles.h"

#include "lib/frontend/onnx/Proto.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

namespace {
/// Collects the external tensors of a model by their files.
class Walk {
public:
  void addModel(const ::onnx::ModelProto &model) {
    addGraph(model.graph());
    for (const ::onnx::FunctionProto &function : model.functions())
      for (const ::onnx::NodeProto &node : function.node())
        addNode(node);
    for (const ::onnx::TensorProto *tensor : initializers)
      if (used.contains(tensor->name()))
        addTensor(*tensor, tensor->name());
  }

  llvm::MapVector<StringRef, SmallVector<StringRef>> tensors; ///< by file

private:
  void addGraph(const ::onnx::GraphProto &graph) {
    for (const ::onnx::TensorProto &tensor : graph.initializer())
      initializers.push_back(&tensor);
    for (const ::onnx::ValueInfoProto &output : graph.output())
      used.insert(output.name());
    for (const ::onnx::NodeProto &node : graph.node())
      addNode(node);
  }

  void addNode(const ::onnx::NodeProto &node) {
    for (const std::string &input : node.input())
      used.insert(input);
    StringRef name = node.name();
    if (name.empty() && node.output_size())
      name = node.output(0);
    for (const ::onnx::AttributeProto &attr : node.attribute()) {
      if (attr.has_t())
        addTensor(attr.t(), attr.t().name().empty() ? name : attr.t().name());
      if (attr.has_g())
        addGraph(attr.g());
    }
  }

  void addTensor(const ::onnx::TensorProto &tensor, StringRef name) {
    if (tensor.data_location() != ::onnx::TensorProto::EXTERNAL)
      return;
    for (const ::onnx::StringStringEntryProto &entry : tensor.external_data())
      if (entry.key() == "location")
        tensors[entry.value()].push_back(name);
  }

  llvm::StringSet<> used;
  std::vector<const ::onnx::TensorProto *> initializers;
};
} // namespace

/// Why a file cannot be read; none when it can or must not be looked for.
static std::error_code problemOf(StringRef file, StringRef directory) {
  namespace path = llvm::sys::path;
  bool leadsOut =
      file.empty() || path::is_absolute(file) || file.contains('\0') ||
      llvm::is_contained(llvm::make_range(path::begin(file), path::end(file)),
                         "..");
  if (leadsOut)
    return {};
  SmallString<256> full(directory);
  path::append(full, file);
  uint64_t size = 0;
  return llvm::sys::fs::file_size(full, size);
}

LogicalResult narae::onnx::checkExternalFiles(const ::onnx::ModelProto &model,
                                              StringRef directory,
                                              EmitError emitError) {
  static constexpr size_t kMaxNames = 3;
  Walk walk;
  walk.addModel(model);
  LogicalResult result = success();
  for (const auto &[file, tensors] : walk.tensors) {
    std::error_code error = problemOf(file, directory);
    if (!error)
      continue;
    SmallVector<std::string> names;
    for (StringRef name : ArrayRef(tensors).take_front(kMaxNames))
      names.push_back("'" + name.str() + "'");
    if (tensors.size() > kMaxNames)
      names.push_back("...");
    emitError() << "cannot read the file '" << file << "' with the data of "
                << tensors.size()
                << (tensors.size() == 1 ? " tensor (" : " tensors (")
                << llvm::join(names, ", ") << "): " << error.message()
                << "; put it into the model's folder";
    result = failure();
  }
  return result;
}
