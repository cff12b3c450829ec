//===- NodeImporter.h - What one ONNX op's importer sees --------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An op's importer is a function of a Node: it reads inputs and attributes,
// emits fm ops through the Node's builder and sets the outputs. Importers are
// registered in tables, one a family of ops (registerElementwise, ...).
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_NODEIMPORTER_H
#define NARAE_LIB_FRONTEND_ONNX_NODEIMPORTER_H

#include "dialects/fm/FmDialect.h"
#include "lib/frontend/onnx/OnnxImporter.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

namespace onnx {
class AttributeProto;
class GraphProto;
class NodeProto;
class TensorProto;
} // namespace onnx

namespace narae::onnx {

class GraphImporter;
struct Binding;

/// One node while it is imported.
class Node {
public:
  Node(GraphImporter &graph, const ::onnx::NodeProto &proto, mlir::Location loc,
       int64_t opset);

  GraphImporter &graph;
  const ::onnx::NodeProto &proto;
  mlir::Location loc;
  int64_t opset; ///< version of the node's domain
  mlir::OpBuilder &b;
  fm::SymbolicScope &scope;

  llvm::StringRef opType() const;
  /// Inputs; an absent optional one ("" or beyond the last) is null.
  unsigned numInputs() const;
  unsigned numOutputs() const;
  mlir::Value input(unsigned i) const;
  bool hasInput(unsigned i) const { return bool(input(i)); }
  bool hasOutput(unsigned i) const; ///< false for "" and beyond the last
  /// The type of input i. A missing input is reported, and passes for a
  /// scalar so that importers need no check of their own.
  mlir::RankedTensorType type(unsigned i) const;
  int64_t rank(unsigned i) const;
  mlir::Type elem(unsigned i) const;
  llvm::LogicalResult setOutput(unsigned i, mlir::Value value);

  /// Inputs and outputs that may be sequences, which exist while importing
  /// only, or absent optionals.
  const Binding *binding(unsigned i) const;
  llvm::LogicalResult setBinding(unsigned i, Binding binding);

  // Attributes, with ONNX's defaults.
  bool has(llvm::StringRef name) const;
  int64_t intAttr(llvm::StringRef name, int64_t otherwise) const;
  double floatAttr(llvm::StringRef name, double otherwise) const;
  std::string strAttr(llvm::StringRef name, llvm::StringRef otherwise) const;
  llvm::SmallVector<int64_t> intsAttr(llvm::StringRef name) const;
  llvm::SmallVector<double> floatsAttr(llvm::StringRef name) const;
  llvm::SmallVector<std::string> strsAttr(llvm::StringRef name) const;
  const ::onnx::AttributeProto *attr(llvm::StringRef name) const;

  /// Reports at this node and returns failure: `return n.error() << "...";`.
  mlir::InFlightDiagnostic error() const;

  /// An axis in [0, rank), or failure after a diagnostic.
  llvm::FailureOr<int64_t> axis(int64_t value, int64_t rank) const;
  /// Integer elements that are known now (constants), or none.
  std::optional<llvm::SmallVector<int64_t>> constantInts(unsigned i) const;
  std::optional<llvm::SmallVector<double>> constantFloats(unsigned i) const;

  // Shorthand for emitting ops; all return null after a diagnostic and accept
  // null operands (then they return null), so that chains need one check.
  template <typename OpTy, typename... Args>
  mlir::Value make(Args &&...args) const {
    if ((isNullValue(args) || ...))
      return {};
    auto op = fm::createOp<OpTy>(b, loc, scope, std::forward<Args>(args)...);
    return op ? op->getResult(0) : mlir::Value();
  }
  mlir::Value constInts(llvm::ArrayRef<int64_t> values) const; ///< 1-D i64
  mlir::Value constInt(int64_t value) const;                   ///< scalar i64
  /// A scalar of a float or integer type.
  mlir::Value constScalar(double value, mlir::Type type) const;
  /// The same value in another element type (no-op when it is that already).
  mlir::Value cast(mlir::Value value, mlir::Type type) const;
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape) const;
  /// 1-D i64 tensor of the value's dimensions.
  mlir::Value shapeOf(mlir::Value value) const;
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> perm) const;
  mlir::Value unsqueeze(mlir::Value value, llvm::ArrayRef<int64_t> axes) const;
  mlir::Value squeeze(mlir::Value value, llvm::ArrayRef<int64_t> axes) const;
  mlir::Value reduce(llvm::StringRef kind, mlir::Value value,
                     llvm::ArrayRef<int64_t> axes, bool keepDims) const;
  mlir::Value slice(mlir::Value value, int64_t axis, int64_t start,
                    int64_t end) const;

private:
  template <typename T>
  static bool isNullValue(const T &arg) {
    if constexpr (std::is_same_v<std::decay_t<T>, mlir::Value>)
      return !arg;
    return false;
  }
};

/// Emits the node's ops; failure only after a diagnostic.
using NodeImporterFn = llvm::LogicalResult (*)(Node &node);

/// Reports inputs and attributes that the op does not have in the model's
/// operator set, and attributes that it must have. Ops that are none of the
/// standard's pass.
llvm::LogicalResult checkSignature(const Node &node, llvm::StringRef domain);

/// All importers by "domain:OpType" ("" is the default domain: ":Add").
class ImporterTable {
public:
  static const ImporterTable &get();
  NodeImporterFn find(llvm::StringRef domain, llvm::StringRef opType) const;
  void add(llvm::StringRef opType, NodeImporterFn fn,
           llvm::StringRef domain = "");
  /// Sorted names, for messages ("did you mean") and the op table.
  std::vector<std::string> names() const;

private:
  ImporterTable();
  llvm::StringMap<NodeImporterFn> functions;
};

// The families; each in a file of its own name.
void registerElementwise(ImporterTable &table); // arithmetic, logic, casts
void registerActivations(ImporterTable &table); // Relu ... Mish, SwiGLU
void registerShape(ImporterTable &table);       // Shape, Reshape, Expand ...
void registerIndexing(ImporterTable &table);    // Gather, Scatter, Slice ...
void registerReduce(ImporterTable &table);      // Reduce*, ArgMax, CumSum ...
void registerMatmul(ImporterTable &table);      // MatMul, Gemm, Einsum, Det
void registerConv(ImporterTable &table);        // Conv, pools, ConvTranspose
void registerNorm(ImporterTable &table);        // norms, Softmax family, LRN
void registerRecurrent(ImporterTable &table);   // LSTM, GRU, RNN
void registerImage(ImporterTable &table);       // Resize, GridSample, RoiAlign
void registerQuantize(ImporterTable &table);    // Quantize*, *Integer, QLinear*
void registerAttention(ImporterTable &table);   // Attention, rotary, contrib
void registerSequence(ImporterTable &table);    // linear attention, conv state
void registerLoss(ImporterTable &table);        // NLL, SoftmaxCrossEntropy
void registerSignal(ImporterTable &table);      // windows, DFT, STFT
void registerControl(ImporterTable &table);     // If, Loop, Scan
void registerLists(ImporterTable &table);       // sequences and optionals
void registerSorting(ImporterTable &table);     // TopK, Unique, NonZero, NMS
void registerText(ImporterTable &table);        // String*, RegexFullMatch ...
void registerTraining(ImporterTable &table);    // preview.training, ai.onnx.ml

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_NODEIMPORTER_H
