//===- Graph.h - One entry of a language model while it is built -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Between blocks, tokens are rows: activations are [N, width] f32 with
// N = B * T, so that a matrix is read once for all sequences. Attention splits
// rows into [B, T, heads, size]. As in the other front ends, helpers return
// null after a diagnostic and accept null operands, so that a chain of them
// needs one check at its end.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_GRAPH_H
#define NARAE_LIB_FRONTEND_LANGUAGE_GRAPH_H

#include "dialects/fm/FmDialect.h"
#include "lib/frontend/language/Caches.h"
#include "lib/frontend/language/Model.h"
#include "lib/frontend/language/Weights.h"

#include "mlir/IR/Builders.h"

namespace narae::language {

/// The model's name of what a weight belongs to: without ".weight".
std::string blockName(const Weight &weight);
/// The same without its last part: "model.layers.3.self_attn".
std::string parentName(const Weight &weight);

/// An operand that may be absent; a null mlir::Value means "failed before".
struct Maybe {
  mlir::Value value;
  operator mlir::Value() const { return value; }
};

/// Creates the ops of one entry.
class Graph {
public:
  Graph(mlir::OpBuilder &b, mlir::Location loc, Weights &weights)
      : b(b), scope(b.getContext()), loc(loc), weights(weights) {}

  mlir::OpBuilder &b;
  fm::SymbolicScope scope;
  mlir::Location loc; ///< of the ops to come; see At
  Weights &weights;

  // What the entry's arguments say; see Entries.cpp.
  mlir::Value start, lengths;
  mlir::Value positions; ///< [B, T] i64
  mlir::Value tokenDim;  ///< [T], and
  mlir::Value rowDim;    ///< [N] as i64 tensors of one element
  int64_t batch = 1;

  /// A location "NAME (KIND)" for the ops that are created while it lives.
  class At {
  public:
    At(Graph &g, const std::string &name, llvm::StringRef kind);
    ~At() { g.loc = before; }
    At(const At &) = delete;
    At &operator=(const At &) = delete;

  private:
    Graph &g;
    mlir::Location before;
  };

  template <typename OpTy, typename... Args>
  mlir::Value make(Args &&...args) {
    if ((isNullValue(args) || ...))
      return {};
    auto op = fm::createOp<OpTy>(b, loc, scope, std::forward<Args>(args)...);
    return op ? op->getResult(0) : mlir::Value();
  }
  mlir::Value ints(llvm::ArrayRef<int64_t> values); ///< 1-D i64
  mlir::Value scalar(double value);                 ///< f32
  mlir::Value cast(mlir::Value value, mlir::Type type);
  mlir::Value times(mlir::Value value, double factor);
  mlir::Value sum(mlir::Value a, mlir::Value b);
  mlir::Value product(mlir::Value a, mlir::Value b);
  mlir::Value slice(mlir::Value value, int64_t axis, int64_t start,
                    int64_t end);
  mlir::Value join(mlir::Value a, mlir::Value b, int64_t axis);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> perm);
  mlir::Value unsqueeze(mlir::Value value, int64_t axis);
  /// [N, ..] as [B, T, sizes..].
  mlir::Value split(mlir::Value rows, llvm::ArrayRef<int64_t> sizes);
  /// [B, T, ..] as [N, sizes..].
  mlir::Value merge(mlir::Value value, llvm::ArrayRef<int64_t> sizes);

  /// The weight as it is stored.
  mlir::Value raw(const Weight &weight);
  /// The weight in f32: an fm.cast or fm.dequantize of what is stored.
  mlir::Value weight(const Weight &weight);
  /// x [N, in] W^T + b: [N, out].
  mlir::Value linear(mlir::Value x, const Weight &weight,
                     const std::optional<Weight> &bias = {});
  mlir::Value linear(mlir::Value x, const Linear &linear) {
    return this->linear(x, linear.weight, linear.bias);
  }
  /// Cosines and sines of the entry's positions; one op for equal ones.
  mlir::Value ropeTable(const Rope &rope);

private:
  template <typename T>
  static bool isNullValue(const T &arg) {
    if constexpr (std::is_same_v<std::decay_t<T>, mlir::Value>)
      return !arg;
    return false;
  }
  mlir::Value reshape(mlir::Value value, mlir::Value dim,
                      llvm::ArrayRef<int64_t> before,
                      llvm::ArrayRef<int64_t> after);

  std::vector<std::pair<Rope, mlir::Value>> tables;
};

// The blocks, each [N, hidden] to [N, hidden] but the first.

/// An activation of each element.
mlir::Value buildActivation(Graph &g, Activation activation, mlir::Value x);

/// Normalises the last dimension, of any rank.
mlir::Value buildNorm(Graph &g, const Norm &norm, mlir::Value x);
mlir::Value buildAttention(Graph &g, const Attention &attention,
                           const LayerCaches &caches, mlir::Value x);
mlir::Value buildLatentAttention(Graph &g, const LatentAttention &attention,
                                 const LayerCaches &caches, mlir::Value x);
mlir::Value buildMlp(Graph &g, const Mlp &mlp, mlir::Value x);
mlir::Value buildExperts(Graph &g, const Experts &experts, mlir::Value x);
/// act(gate) * up, with limits; see Mlp.
mlir::Value buildGatedActivation(Graph &g, Activation activation, double limit,
                                 mlir::Value gate, mlir::Value up);
mlir::Value buildLayer(Graph &g, const Layer &layer, const LayerCaches &caches,
                       mlir::Value x);
/// The cache with the entry's new tokens [B, T, G, D] in it; its state is
/// written.
mlir::Value buildCacheUpdate(Graph &g, const Cache &cache, mlir::Value update);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_GRAPH_H
