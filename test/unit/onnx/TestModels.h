//===- TestModels.h - Tiny ONNX models for tests ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_ONNX_TESTMODELS_H
#define NARAE_TEST_UNIT_ONNX_TESTMODELS_H

#include "dialects/fm/FmDialect.h"
#include "lib/frontend/onnx/OnnxImporter.h"
#include "lib/frontend/onnx/Proto.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"

namespace narae::test {

using ::onnx::AttributeProto;
using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;

/// A dimension: a size or a name.
struct Dim {
  Dim(int64_t size) : size(size) {}
  Dim(int size) : size(size) {}
  Dim(const char *name) : name(name) {}
  int64_t size = -1;
  std::string name;
};

inline void addValue(::onnx::ValueInfoProto &info, const std::string &name,
                     std::vector<Dim> dims, int type) {
  info.set_name(name);
  auto *tensor = info.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape();
  for (const Dim &dim : dims) {
    auto *proto = tensor->mutable_shape()->add_dim();
    if (dim.name.empty())
      proto->set_dim_value(dim.size);
    else
      proto->set_dim_param(dim.name);
  }
}

/// Builds graphs node by node.
struct Graph {
  explicit Graph(GraphProto &proto) : proto(proto) {}
  GraphProto &proto;

  void input(const std::string &name, std::vector<Dim> dims,
             int type = TensorProto::FLOAT) {
    addValue(*proto.add_input(), name, std::move(dims), type);
  }
  void output(const std::string &name) { proto.add_output()->set_name(name); }
  NodeProto &node(const std::string &op, std::vector<std::string> inputs,
                  std::vector<std::string> outputs) {
    NodeProto &node = *proto.add_node();
    node.set_op_type(op);
    for (auto &name : inputs)
      node.add_input(name);
    for (auto &name : outputs)
      node.add_output(name);
    return node;
  }
  TensorProto &ints(const std::string &name, std::vector<int64_t> values,
                    bool scalar = false) {
    TensorProto &tensor = *proto.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(TensorProto::INT64);
    if (!scalar)
      tensor.add_dims(values.size());
    for (int64_t value : values)
      tensor.add_int64_data(value);
    return tensor;
  }
  TensorProto &floats(const std::string &name, std::vector<int64_t> shape) {
    TensorProto &tensor = *proto.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(TensorProto::FLOAT);
    int64_t count = 1;
    for (int64_t size : shape) {
      tensor.add_dims(size);
      count *= size;
    }
    for (int64_t i = 0; i < count; ++i)
      tensor.add_float_data(i);
    return tensor;
  }
};

inline void setInt(NodeProto &node, const char *name, int64_t value) {
  AttributeProto &attr = *node.add_attribute();
  attr.set_name(name);
  attr.set_type(AttributeProto::INT);
  attr.set_i(value);
}
inline void setInts(NodeProto &node, const char *name,
                    std::vector<int64_t> values) {
  AttributeProto &attr = *node.add_attribute();
  attr.set_name(name);
  attr.set_type(AttributeProto::INTS);
  for (int64_t value : values)
    attr.add_ints(value);
}
inline GraphProto &setGraph(NodeProto &node, const char *name) {
  AttributeProto &attr = *node.add_attribute();
  attr.set_name(name);
  attr.set_type(AttributeProto::GRAPH);
  return *attr.mutable_g();
}

/// A model with an empty graph, and its import.
struct Model {
  explicit Model(int64_t opset = 20) : graph(*proto.mutable_graph()) {
    proto.set_ir_version(9);
    proto.add_opset_import()->set_version(opset);
    context.disableMultithreading();
    context.printOpOnDiagnostic(false);
  }

  /// Imports; messages are in `messages`, a line each.
  bool import(const onnx::ImportOptions &options = {}) {
    return importBytes(proto.SerializeAsString(), options);
  }
  bool importBytes(const std::string &bytes,
                   const onnx::ImportOptions &options = {}) {
    mlir::ScopedDiagnosticHandler handler(
        &context, [&](mlir::Diagnostic &diagnostic) {
          llvm::raw_string_ostream os(messages);
          os << diagnostic.getLocation() << ": " << diagnostic << "\n";
          for (auto &note : diagnostic.getNotes())
            os << note.getLocation() << ": " << note << "\n";
          return mlir::success();
        });
    module = onnx::importOnnxBytes(bytes, "test.onnx", directory, context,
                                   weights, options);
    return module && succeeded(mlir::verify(*module));
  }
  mlir::func::FuncOp main() {
    return module->lookupSymbol<mlir::func::FuncOp>("main");
  }
  mlir::RankedTensorType resultType(unsigned i = 0) {
    return mlir::cast<mlir::RankedTensorType>(
        main().getFunctionType().getResult(i));
  }
  /// How many ops of a class there are.
  template <typename OpTy>
  unsigned count() {
    unsigned count = 0;
    module->walk([&](OpTy) { ++count; });
    return count;
  }

  ModelProto proto;
  Graph graph;
  mlir::MLIRContext context;
  WeightStore weights;
  std::string messages, directory;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace narae::test

#endif // NARAE_TEST_UNIT_ONNX_TESTMODELS_H
