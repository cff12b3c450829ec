//===- GraphImporter.h - ONNX graphs and functions --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A GraphImporter binds the names of one graph to values and imports its nodes
// in an order in which every name is bound before it is used. Nested graphs
// see the names of the graphs around them; bodies of model-local functions are
// imported in place of the nodes that call them.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_GRAPHIMPORTER_H
#define NARAE_LIB_FRONTEND_ONNX_GRAPHIMPORTER_H

#include "lib/frontend/onnx/NodeImporter.h"
#include "lib/frontend/onnx/Proto.h"
#include "lib/frontend/onnx/Tensors.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringSet.h"

namespace narae::onnx {

/// What a name in a graph stands for.
struct Binding {
  enum Kind {
    Tensor,
    List,   ///< a sequence of tensors, known while importing
    Absent, ///< an optional without a value
    Failed  ///< the output of a node that could not be imported
  };
  Kind kind = Failed;
  mlir::Value value;
  llvm::SmallVector<mlir::Value> list;

  static Binding tensor(mlir::Value value) { return {Tensor, value, {}}; }
  static Binding sequence(llvm::SmallVector<mlir::Value> list) {
    return {List, {}, std::move(list)};
  }
  static Binding absent() { return {Absent, {}, {}}; }
  static Binding failed() { return {Failed, {}, {}}; }
};

/// Versions of operator sets by domain; "ai.onnx" is "".
using Opsets = llvm::StringMap<int64_t>;
Opsets readOpsets(
    const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto> &list);
llvm::StringRef domainOf(const ::onnx::NodeProto &node);

/// What the graphs of one model share.
struct ModelState {
  ModelState(mlir::MLIRContext &context, mlir::ModuleOp module,
             WeightStore &weights)
      : module(module), symbols(module), weights(weights), builder(&context),
        scope(&context) {}

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  WeightStore &weights;
  mlir::OpBuilder builder;
  fm::SymbolicScope scope;
  /// The model's folder, and that of the file behind a symbolic link.
  std::string directory, realDirectory;
  bool withoutWeights = false; ///< large tensors are types only
  /// By "domain:name:overload".
  llvm::StringMap<const ::onnx::FunctionProto *> functions;
  /// Weights that exist, by tensor and by content.
  llvm::DenseMap<const ::onnx::TensorProto *, mlir::StringAttr> weightOf;
  llvm::DenseMap<uint64_t, mlir::StringAttr> weightByHash;
  /// The strings of the model: number i + 1 is strings[i], 0 is empty.
  llvm::StringMap<int64_t> stringNumbers;
  llvm::SmallVector<mlir::Attribute> strings;
  unsigned errors = 0;
  int64_t nodes = 0;  ///< imported, so that malice ends
  unsigned depth = 0; ///< of nested graphs and functions
};

/// The number of a string in `ModelState::strings`, which it joins.
int64_t numberOf(ModelState &model, llvm::StringRef text);
std::string functionKey(const ::onnx::FunctionProto &function);
std::string functionKey(const ::onnx::NodeProto &call);

class GraphImporter {
public:
  using Nodes = google::protobuf::RepeatedPtrField<::onnx::NodeProto>;

  /// The graph of a model or, `copied`, the body of a function.
  GraphImporter(ModelState &model, const Opsets &opsets, bool copied = false,
                std::string prefix = "")
      : model(model), opsets(opsets), copied(copied),
        prefix(std::move(prefix)) {}
  /// A graph nested in another.
  explicit GraphImporter(const GraphImporter *parent)
      : model(parent->model), opsets(parent->opsets), copied(parent->copied),
        prefix(parent->prefix), parent(parent) {}

  /// The binding of a name here or around; null when there is none.
  const Binding *lookup(llvm::StringRef name) const;
  void bind(llvm::StringRef name, Binding binding);
  /// The same for tensors, folding what is known now into a constant.
  void bindTensor(llvm::StringRef name, mlir::Value value);

  /// Binds initializers that nodes or outputs use.
  void importInitializers(const ::onnx::GraphProto &graph);
  /// Imports nodes; what fails is reported and its outputs are Failed.
  void importNodes(const Nodes &nodes);
  /// Imports a nested graph at the builder's place. Returns its outputs;
  /// fails when one of them could not be computed.
  llvm::FailureOr<llvm::SmallVector<Binding>>
  importNested(const ::onnx::GraphProto &graph, llvm::ArrayRef<Binding> inputs,
               mlir::Location loc) const;

  /// A tensor as fm.constant or fm.weight; null after a diagnostic.
  mlir::Value tensorValue(const ::onnx::TensorProto &proto,
                          llvm::StringRef name, mlir::Location loc);
  mlir::Value tensorValue(TensorData data, llvm::StringRef name,
                          const ::onnx::TensorProto *proto, mlir::Location loc);
  mlir::Location location(const ::onnx::NodeProto &node, int64_t index) const;

  ModelState &model;
  const Opsets &opsets;

private:
  void importNode(const ::onnx::NodeProto &node, mlir::Location loc,
                  llvm::ArrayRef<llvm::StringRef> uses);
  llvm::LogicalResult importCall(const ::onnx::NodeProto &node,
                                 const ::onnx::FunctionProto &function,
                                 mlir::Location loc);
  mlir::Value weight(TensorData data, llvm::StringRef name,
                     const ::onnx::TensorProto *proto, mlir::Location loc);
  mlir::Value weightOp(mlir::StringAttr symbol, mlir::Location loc);

  /// The messages live only as long as this importer.
  bool copied;
  std::string prefix;
  const GraphImporter *parent = nullptr;
  llvm::StringMap<Binding> bindings;
};

/// Names a node uses: its inputs and what its nested graphs capture.
llvm::SmallVector<llvm::StringRef> usedNames(const ::onnx::NodeProto &node);
/// Indices of the nodes in an order in which definitions come first; fails
/// after naming the nodes of a cycle. `location` locates a node.
llvm::FailureOr<std::vector<int>>
sortNodes(const GraphImporter::Nodes &nodes,
          llvm::ArrayRef<llvm::SmallVector<llvm::StringRef>> uses,
          llvm::function_ref<mlir::Location(int)> location);

/// Reports every op of the graph (with nested graphs and called functions)
/// that has no importer, one diagnostic an op.
void reportUnsupportedOps(const ::onnx::ModelProto &model,
                          const ModelState &state);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_GRAPHIMPORTER_H
