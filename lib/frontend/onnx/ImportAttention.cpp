//===- ImportAttention.cpp - ai.onnx Attention ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// What fm.attention can say becomes that op: heads in groups, causal masks,
// softcap, and every other mask as an additive one. Where the scores
// themselves are wanted, or a softmax in another precision, the op is spelled
// out in matrix products.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/AttentionParts.h"

#include <cmath>

using namespace mlir;
using llvm::APFloat;

namespace narae::onnx {

namespace {
class Attention {
public:
  explicit Attention(Node &n) : n(n) {}
  LogicalResult run();

private:
  LogicalResult readOperands();
  LogicalResult appendPast();
  LogicalResult readMask();
  Value givenMask();
  Value fused();
  Value spelledOut();
  LogicalResult setScores(int64_t mode, Value scores);
  void addToMask(Value part) {
    mask = mask ? n.make<fm::AddOp>(mask, part) : part;
  }
  /// The dimension of tokens of query or key.
  Value queries() { return dimOf(n, q, flatQ ? 1 : 2); }
  Value keys() { return dimOf(n, k, flatKv ? 1 : 2); }

  Node &n;
  Value q, k, v;
  /// Whether query, or key and value, are [B, S, H, D], not [B, H, S, D].
  bool flatQ = false, flatKv = false;
  bool threeDims = false;
  Value mask; ///< added to the scores, in f32 at least; may be null
  bool causal = false, causalEnd = false;
  double scale = 1, softcap = 0;
};
} // namespace

LogicalResult Attention::readOperands() {
  for (unsigned i = 0; i < 3; ++i)
    if (failed(checkRank(n, i, 3, 4)))
      return failure();
  if (n.rank(0) != n.rank(1) || n.rank(1) != n.rank(2))
    return n.error() << "Q, K and V must have the same rank";
  q = n.input(0), k = n.input(1), v = n.input(2);
  threeDims = flatQ = flatKv = n.rank(0) == 3;
  if (threeDims) {
    int64_t kvHeads = n.intAttr("kv_num_heads", 0);
    q = splitHeads(n, q, n.intAttr("q_num_heads", 0), "Q");
    k = splitHeads(n, k, kvHeads, "K");
    v = splitHeads(n, v, kvHeads, "V");
  }
  if (!q || !k || !v)
    return failure();
  int64_t heads = staticDim(q, threeDims ? 2 : 1);
  int64_t groups = staticDim(k, threeDims ? 2 : 1);
  if (heads >= 0 && groups > 0 && heads % groups)
    return n.error() << heads << " heads of the query are not a multiple of "
                     << groups << " heads of the key";
  // A scale that is given may be 0; that of the head is never.
  scale = n.floatAttr("scale", 0);
  if (!n.has("scale"))
    scale = headScale(n, q, 0);
  softcap = n.floatAttr("softcap", 0);
  return success(bool(q));
}

/// Puts the past before keys and values and sets the present outputs.
LogicalResult Attention::appendPast() {
  if (n.hasInput(4) != n.hasInput(5))
    return n.error() << "past_key and past_value must be given together";
  bool past = n.hasInput(4);
  if (past || n.hasOutput(1) || n.hasOutput(2)) {
    if (flatKv) {
      k = n.transpose(k, {0, 2, 1, 3});
      v = n.transpose(v, {0, 2, 1, 3});
      flatKv = false;
    }
  }
  if (past) {
    if (failed(checkRank(n, 4, 4, 4)) || failed(checkRank(n, 5, 4, 4)))
      return failure();
    if (n.hasInput(6))
      return n.error() << "nonpad_kv_seqlen cannot be used with past_key";
    // Tokens that follow the past are at its end when all keys are new.
    causalEnd = sameDim(n, q, flatQ ? 1 : 2, k, 2);
    k = concat(n, {n.input(4), k}, 2);
    v = concat(n, {n.input(5), v}, 2);
  }
  if (!k || !v)
    return failure();
  if (n.hasOutput(1) && failed(n.setOutput(1, k)))
    return failure();
  return n.hasOutput(2) ? n.setOutput(2, v) : success();
}

/// Input 3 as an additive mask, filled up to all keys.
Value Attention::givenMask() {
  Value given = n.input(3);
  Type type = wideType(elementOf(q));
  int64_t last = rankOf(given) - 1;
  bool isBool = elementOf(given).isInteger(1);
  if (n.scope.dim(given, last) != n.scope.dim(k, flatKv ? 1 : 2)) {
    Value missing = dimArith(n, DimOp::Sub, keys(), dimOf(n, given, last));
    given = padAxis(n, given, last, constDim(n, 0), missing,
                    isBool ? 0 : -INFINITY);
  }
  if (!given)
    return {};
  return isBool ? additive(n, given, type) : n.cast(given, type);
}

LogicalResult Attention::readMask() {
  Type type = wideType(elementOf(q));
  if (n.hasInput(3)) {
    if (failed(checkRank(n, 3, 1, 4)))
      return failure();
    addToMask(givenMask());
    if (!mask)
      return failure();
  }
  Positions p;
  p.queries = queries();
  p.keys = keys();
  p.left = n.intAttr("left_window_size", -1);
  p.right = n.intAttr("right_window_size", -1);
  bool isCausal = n.intAttr("is_causal", 0);
  Value lengths;
  if (n.hasInput(6)) {
    if (failed(checkRank(n, 6, 1, 1)))
      return failure();
    lengths = n.reshape(n.cast(n.input(6), n.b.getI64Type()), {-1, 1, 1, 1});
    p.offset = n.make<fm::SubOp>(lengths, p.queries);
  } else if (n.hasInput(4)) {
    p.offset = dimOf(n, n.input(4), 2);
  } else {
    p.offset = constDim(n, 0);
  }
  // fm.attention's own causal masks: aligned at the start or at the end.
  bool own = isCausal && !lengths && (!n.hasInput(4) || causalEnd);
  causal = own;
  causalEnd &= own;
  p.causal = isCausal && !own;
  if (Maybe seen = visible(n, p); seen.value)
    addToMask(additive(n, seen, type));
  if (lengths) {
    Value one = constDim(n, 1);
    Value key = iota(n, {one, one, one, p.keys}, 3, n.b.getI64Type());
    addToMask(additive(n, compare(n, key, "lt", lengths), type));
  }
  return success();
}

Value Attention::fused() {
  Value y = n.make<fm::AttentionOp>(q, k, v, Maybe{mask}, APFloat(scale),
                                    causal, causalEnd, APFloat(softcap), flatQ,
                                    flatKv, /*out_bshd=*/threeDims);
  return threeDims ? mergeHeads(n, y) : y;
}

LogicalResult Attention::setScores(int64_t mode, Value scores) {
  if (!n.hasOutput(3) || n.intAttr("qk_matmul_output_mode", 0) != mode)
    return success();
  return n.setOutput(3, scores ? n.cast(scores, n.elem(0)) : Value());
}

Value Attention::spelledOut() {
  if (flatQ)
    q = n.transpose(q, {0, 2, 1, 3});
  if (flatKv) {
    k = n.transpose(k, {0, 2, 1, 3});
    v = n.transpose(v, {0, 2, 1, 3});
  }
  flatQ = flatKv = false;
  // The op's own causal mask, spelled out.
  if (causal) {
    Positions p;
    p.queries = queries();
    p.keys = keys();
    p.causal = true;
    p.offset =
        causalEnd ? dimArith(n, DimOp::Sub, p.keys, p.queries) : constDim(n, 0);
    addToMask(additive(n, visible(n, p), wideType(elementOf(q))));
  }
  k = repeatHeads(n, k, q);
  v = repeatHeads(n, v, q);
  Value scores =
      mulConst(n, matmul(n, widen(n, q), widen(n, k), false, true), scale);
  if (failed(setScores(0, scores)))
    return {};
  if (softcap > 0)
    scores = mulConst(n, n.make<fm::TanhOp>(mulConst(n, scores, 1 / softcap)),
                      softcap);
  if (failed(setScores(1, scores)))
    return {};
  if (mask)
    scores = n.make<fm::AddOp>(scores, mask);
  if (failed(setScores(2, scores)) || !scores)
    return {};
  Type precision = elementOf(scores);
  if (n.intAttr("softmax_precision", 1) == 11) // DOUBLE
    precision = n.b.getF64Type();
  Value weights = n.make<fm::SoftmaxOp>(n.cast(scores, precision), uint64_t(3),
                                        /*log=*/false);
  if (mask) {
    // Rows without any key that may be seen are 0, not NaN.
    Value best = n.reduce("max", mask, {rankOf(mask) - 1}, /*keepDims=*/true);
    weights = select(n, compare(n, best, "eq", -INFINITY),
                     scalarLike(n, 0, weights), weights);
  }
  if (failed(setScores(3, weights)) || !weights)
    return {};
  Value y = matmul(n, n.cast(weights, wideType(elementOf(q))), widen(n, v));
  if (threeDims)
    y = mergeHeads(n, n.transpose(y, {0, 2, 1, 3}));
  return y ? n.cast(y, n.elem(0)) : Value();
}

LogicalResult Attention::run() {
  if (failed(readOperands()) || failed(appendPast()) || failed(readMask()))
    return failure();
  int64_t mode = n.intAttr("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3)
    return n.error() << "qk_matmul_output_mode is " << mode
                     << "; it must be 0, 1, 2 or 3";
  // fm.attention's softmax is in f32; kernels for f64 are not worth having.
  bool wider = n.intAttr("softmax_precision", 1) == 11 || elementOf(q).isF64();
  Value y = n.hasOutput(3) || wider ? spelledOut() : fused();
  return n.setOutput(0, y);
}

static LogicalResult attention(Node &n) { return Attention(n).run(); }

void registerAttention(ImporterTable &table) {
  table.add("Attention", checked<attention, 3>);
  addRotary(table);
  addFlexAttention(table);
  addGroupQueryAttention(table);
}

} // namespace narae::onnx
