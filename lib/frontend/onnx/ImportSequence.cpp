//===- ImportSequence.cpp - LinearAttention, CausalConvWithState ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/AttentionParts.h"
#include "lib/frontend/onnx/LoopBuilder.h"

using namespace mlir;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

//===----------------------------------------------------------------------===//
// LinearAttention
//===----------------------------------------------------------------------===//
//
// A recurrence over tokens whose state is a matrix S for each head:
//
//   S = exp(decay) * S                       (gated rules)
//   v = beta * (v - S^T k)                   (delta rules)
//   S = S + k v^T,   output = scale * S^T q
//
// in f32. Tensors have the token first and a row or column for the products:
// query [T, B, G, R, dk], key and value [T, B, G, 1, d], where each of G heads
// of the key serves R of the query.

namespace {
/// Sequences up to this length are unrolled; longer ones become fm.loop.
constexpr int64_t kUnrolledTokens = 16;

class LinearAttention {
public:
  explicit LinearAttention(Node &n) : n(n), f32(n.b.getF32Type()) {}
  LogicalResult run();

private:
  LogicalResult read();
  /// [B, T, ...] reshaped to [B, T, dims...] as [T, B, dims...], in f32.
  Value tokenFirst(unsigned input, llvm::ArrayRef<Value> dims);
  /// One token: updates the state and returns [B, G, R, dv].
  Value step(llvm::function_ref<Value(Value)> token, Value &state);
  LogicalResult unroll(int64_t tokens);
  LogicalResult loop();

  Node &n;
  Type f32;
  Value q, k, v, decay, beta; ///< decay [T, B, G, dk or 1, 1]
  Value state;                ///< [B, G, dk, dv]
  Value output;               ///< [T, B, G, R, dv]
};
} // namespace

Value LinearAttention::tokenFirst(unsigned input, llvm::ArrayRef<Value> dims) {
  Values shape{dimsOf(n, n.input(input), 0, 2)};
  shape.append(dims.begin(), dims.end());
  Value split = n.cast(reshapeTo(n, n.input(input), shape), f32);
  if (!split)
    return {};
  SmallVector<int64_t> perm = axesFrom(0, rankOf(split));
  std::swap(perm[0], perm[1]);
  return n.transpose(split, perm);
}

LogicalResult LinearAttention::read() {
  for (unsigned i = 0; i < 3; ++i)
    if (failed(checkRank(n, i, 3, 3)))
      return failure();
  int64_t heads = n.intAttr("q_num_heads", 0);
  int64_t groups = n.intAttr("kv_num_heads", 0);
  if (heads < 1 || groups < 1 || heads % groups)
    return n.error() << "q_num_heads must be given and a multiple of "
                        "kv_num_heads";
  std::string rule = n.strAttr("update_rule", "gated_delta");
  bool gated = rule == "gated" || rule == "gated_delta";
  bool delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear")
    return n.error() << "update_rule is '" << rule
                     << "'; it must be linear, gated, delta or gated_delta";
  if (gated != n.hasInput(4) || delta != n.hasInput(5))
    return n.error() << "the rule '" << rule << "' "
                     << (gated ? "needs" : "has no") << " input decay and "
                     << (delta ? "needs" : "has no") << " input beta";

  auto size = [&](unsigned input, int64_t count) {
    return dimArith(n, DimOp::Div, dimOf(n, n.input(input), 2), count);
  };
  Value g = constDim(n, groups), one = constDim(n, 1);
  Value dk = size(0, heads), dv = size(2, groups);
  q = tokenFirst(0, {g, constDim(n, heads / groups), dk});
  k = tokenFirst(1, {g, one, dk});
  v = tokenFirst(2, {g, one, dv});
  if (gated) {
    if (failed(checkRank(n, 4, 3, 3)))
      return failure();
    decay = tokenFirst(4, {g, size(4, groups), one});
    decay = n.make<fm::ExpOp>(decay);
  }
  if (delta) {
    if (failed(checkRank(n, 5, 3, 3)))
      return failure();
    beta = tokenFirst(5, {dimOf(n, n.input(5), 2), one, one});
  }
  if (!q || !k || !v)
    return failure();
  // The scale of the outputs goes into the query.
  q = scaleByHead(n, q, dk, n.floatAttr("scale", 0));
  state = n.hasInput(3)
              ? n.cast(n.input(3), f32)
              : filled(n, {dimOf(n, n.input(0), 0), g, dk, dv}, 0, f32);
  return success(bool(state));
}

Value LinearAttention::step(llvm::function_ref<Value(Value)> token, Value &s) {
  if (decay)
    s = n.make<fm::MulOp>(s, token(decay));
  Value key = token(k), value = token(v);
  if (beta) {
    Value error = n.make<fm::SubOp>(value, matmul(n, key, s));
    value = n.make<fm::MulOp>(token(beta), error);
  }
  Value column = n.transpose(key, {0, 1, 3, 2});
  s = n.make<fm::AddOp>(s, n.make<fm::MulOp>(column, value));
  return matmul(n, token(q), s);
}

LogicalResult LinearAttention::unroll(int64_t tokens) {
  Values outputs;
  for (int64_t t = 0; t < tokens; ++t) {
    auto token = [&](Value all) {
      return n.squeeze(n.slice(all, 0, t, t + 1), {0});
    };
    outputs.push_back(n.unsqueeze(step(token, state), {0}));
    if (!outputs.back())
      return failure();
  }
  output = concat(n, outputs, 0);
  return success(bool(output));
}

LogicalResult LinearAttention::loop() {
  Value tokens = dimOf(n, q, 0);
  Value buffer = filled(n, {dimsOf(n, q, 0, 4), dimOf(n, v, 4)}, 0, f32);
  if (!buffer)
    return failure();
  auto body = [&](Value index,
                  llvm::ArrayRef<Value> carried) -> FailureOr<Iteration> {
    auto token = [&](Value all) {
      return n.make<fm::GatherOp>(all, index, uint64_t(0));
    };
    Value next = carried[0];
    Value result = step(token, next);
    Value filledBuffer =
        n.make<fm::ScatterNdOp>(carried[1], n.unsqueeze(index, {0, 1}),
                                n.unsqueeze(result, {0}), StringRef("none"));
    // Of the carried state's shape, also where that is dynamic.
    next = next ? reshapeLike(n, next, carried[0]) : Value();
    if (!next || !filledBuffer)
      return failure();
    return Iteration{{}, {next, filledBuffer}, {}};
  };
  auto results =
      emitLoop(n, asScalar(n, tokens), {}, {state, buffer}, {}, body);
  if (failed(results))
    return failure();
  state = (*results)[0];
  output = (*results)[1];
  return success();
}

LogicalResult LinearAttention::run() {
  if (failed(read()))
    return failure();
  int64_t tokens = staticDim(q, 0);
  bool small = tokens >= 1 && tokens <= kUnrolledTokens;
  if (failed(small ? unroll(tokens) : loop()))
    return failure();
  Value y = n.transpose(output, {1, 0, 2, 3, 4});
  if (!y)
    return failure();
  y = reshapeTo(n, y, {dimsOf(n, y, 0, 2), dimProduct(n, y, 2, 5)});
  if (failed(n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value())))
    return failure();
  Type stateType = n.hasInput(3) ? n.elem(3) : n.elem(0);
  return n.setOutput(1, n.cast(state, stateType));
}

static LogicalResult linearAttention(Node &n) {
  return LinearAttention(n).run();
}

//===----------------------------------------------------------------------===//
// CausalConvWithState
//===----------------------------------------------------------------------===//

/// A depthwise convolution over [B, C, L] that sees k - 1 earlier elements:
/// the past state or zeros. Its last k - 1 elements are the next state.
static LogicalResult causalConv(Node &n) {
  if (failed(checkRank(n, 0, 3, 3)) || failed(checkRank(n, 1, 3, 3)))
    return failure();
  Value x = n.input(0), w = n.input(1);
  int64_t channels = staticDim(w, 0), kernel = staticDim(w, 2);
  if (channels < 1 || kernel < 1)
    return n.error() << "the shape of the weight must be known";
  std::string activation = n.strAttr("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish")
    return n.error() << "activation is '" << activation
                     << "'; it must be none, silu or swish";
  Value padded;
  if (n.hasInput(3))
    padded = concat(n, {n.input(3), x}, 2);
  else
    padded = padAxis(n, x, 2, constDim(n, kernel - 1), constDim(n, 0));
  Value y =
      n.make<fm::ConvOp>(padded, w, maybeInput(n, 2), SmallVector<int64_t>{1},
                         SmallVector<int64_t>{0, 0}, SmallVector<int64_t>{1},
                         StringRef("explicit"), uint64_t(channels));
  if (activation != "none")
    y = n.make<fm::SiluOp>(y);
  if (failed(n.setOutput(0, y)))
    return failure();
  // The padded length is L + k - 1, so the last k - 1 elements start at L.
  return n.hasOutput(1) ? n.setOutput(1, sliceDims(n, padded, 2, dimOf(n, x, 2),
                                                   constDim(n, INT64_MAX)))
                        : success();
}

void registerSequence(ImporterTable &table) {
  table.add("LinearAttention", checked<linearAttention, 3>);
  table.add("CausalConvWithState", checked<causalConv, 2>);
}

} // namespace narae::onnx
