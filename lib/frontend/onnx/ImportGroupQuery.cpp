//===- ImportGroupQuery.cpp - com.microsoft attention ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// GroupQueryAttention and MultiHeadAttention, as ONNX Runtime's exporter of
// language models writes them. All sequences of a batch have the same number
// of tokens in the cache here, so that new keys follow the past ones; with
// sequences padded on the right that holds for the prompt and for a batch of
// one.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/AttentionParts.h"

using namespace mlir;
using llvm::APFloat;

namespace narae::onnx {

/// Query, key and value [B, S, H, D] from three inputs or one packed one.
static LogicalResult unpack(const Node &n, int64_t heads, int64_t groups,
                            Value &q, Value &k, Value &v) {
  if (n.hasInput(1) != n.hasInput(2))
    return n.error() << "key and value must be given together";
  for (unsigned i = 0; i < 3; ++i)
    if (n.hasInput(i) && failed(checkRank(n, i, 3, 3)))
      return failure();
  if (n.hasInput(1)) {
    q = splitHeads(n, n.input(0), heads, "the query");
    k = splitHeads(n, n.input(1), groups, "the key");
    v = splitHeads(n, n.input(2), groups, "the value");
    return success(q && k && v);
  }
  Value packed =
      splitHeads(n, n.input(0), heads + 2 * groups, "the packed query");
  q = n.slice(packed, 2, 0, heads);
  k = n.slice(packed, 2, heads, heads + groups);
  v = n.slice(packed, 2, heads + groups, heads + 2 * groups);
  return success(q && k && v);
}

/// Rotates query and key by the positions of the new tokens: the last ones of
/// each sequence, whose length is seqlens_k + 1.
static LogicalResult rotateNew(const Node &n, Value &q, Value &k) {
  if (!n.hasInput(7) || !n.hasInput(8))
    return n.error() << "do_rotary needs the inputs cos_cache and sin_cache";
  if (failed(checkRank(n, 7, 2, 2)) || failed(checkRank(n, 8, 2, 2)))
    return failure();
  Type i64 = n.b.getI64Type();
  Value positions;
  if (n.hasInput(9)) {
    positions = n.cast(n.input(9), i64);
  } else {
    Value tokens = dimOf(n, q, 1);
    Value last = n.reshape(n.cast(n.input(5), i64), {-1, 1});
    Value first = addConst(n, n.make<fm::SubOp>(last, tokens), 1);
    positions =
        n.make<fm::AddOp>(iota(n, {constDim(n, 1), tokens}, 1, i64), first);
    // Padding of short prompts would stand before position 0.
    positions = n.make<fm::MaxOp>(positions, scalarLike(n, 0, positions));
  }
  auto angles = [&](unsigned input) {
    return n.unsqueeze(
        n.make<fm::GatherOp>(n.input(input), positions, uint64_t(0)), {2});
  };
  Value cosines = angles(7), sines = angles(8);
  bool interleaved = n.intAttr("rotary_interleaved", 0);
  Maybe part; // nothing when whole heads are rotated
  int64_t half = staticDim(n.input(7), 1);
  if (half < 0 || staticDim(q, 3) != 2 * half)
    part.value = dimArith(n, DimOp::Mul, dimOf(n, n.input(7), 1), 2);
  q = rotate(n, q, cosines, sines, part, interleaved);
  k = rotate(n, k, cosines, sines, part, interleaved);
  return success(q && k);
}

/// Inputs: query, key, value, past_key, past_value, seqlens_k,
/// total_sequence_length, cos_cache, sin_cache, position_ids, attention_bias.
static LogicalResult groupQuery(Node &n) {
  int64_t heads = n.intAttr("num_heads", 0);
  int64_t groups = n.intAttr("kv_num_heads", 0);
  if (heads < 1 || groups < 1 || heads % groups)
    return n.error() << "num_heads must be a multiple of kv_num_heads";
  if (n.hasInput(11) || n.intAttr("smooth_softmax", 0) > 0)
    return n.error() << "smooth_softmax and head_sink are not supported";
  Value q, k, v;
  if (failed(unpack(n, heads, groups, q, k, v)))
    return failure();
  if (n.intAttr("do_rotary", 0) && failed(rotateNew(n, q, k)))
    return failure();
  double scale = headScale(n, q, n.floatAttr("scale", 0));
  k = n.transpose(k, {0, 2, 1, 3});
  v = n.transpose(v, {0, 2, 1, 3});
  if (n.hasInput(3) && n.hasInput(4)) {
    k = concat(n, {n.input(3), k}, 2);
    v = concat(n, {n.input(4), v}, 2);
  }
  if (!k || !v || (n.hasOutput(1) && failed(n.setOutput(1, k))) ||
      (n.hasOutput(2) && failed(n.setOutput(2, v))))
    return failure();

  Type type = wideType(elementOf(q));
  Maybe mask;
  if (n.hasInput(10))
    mask.value = n.cast(n.input(10), type);
  if (int64_t window = n.intAttr("local_window_size", -1); window > 0) {
    Positions p;
    p.queries = dimOf(n, q, 1);
    p.keys = dimOf(n, k, 2);
    p.offset = dimArith(n, DimOp::Sub, p.keys, p.queries);
    p.left = window - 1; // the window counts the token itself
    Value near = additive(n, visible(n, p), type);
    mask.value = mask.value ? n.make<fm::AddOp>(mask.value, near) : near;
  }
  Value y = n.make<fm::AttentionOp>(
      q, k, v, mask, APFloat(scale), /*causal=*/true, /*causal_end=*/true,
      APFloat(double(n.floatAttr("softcap", 0))), /*q_bshd=*/true,
      /*kv_bshd=*/false, /*out_bshd=*/true);
  return n.setOutput(0, mergeHeads(n, y));
}

/// Inputs: query, key, value, bias, key_padding_mask, attention_bias,
/// past_key, past_value.
static LogicalResult multiHead(Node &n) {
  int64_t heads = n.intAttr("num_heads", 0);
  if (n.hasInput(3))
    return n.error() << "the input bias is not supported; add it to the "
                        "projections before the node";
  if (n.hasInput(1) && n.hasInput(2) &&
      (n.rank(1) != 3 || n.rank(2) != 3 || n.rank(0) != 3))
    return n.error() << "query, key and value must be [batch, tokens, hidden]";
  if (!n.hasInput(1))
    return n.error() << "a packed query is not supported; give key and value";
  Value q, k, v;
  if (failed(unpack(n, heads, heads, q, k, v)))
    return failure();
  double scale = headScale(n, q, n.floatAttr("scale", 0));
  k = n.transpose(k, {0, 2, 1, 3});
  v = n.transpose(v, {0, 2, 1, 3});
  if (n.hasInput(6) && n.hasInput(7)) {
    k = concat(n, {n.input(6), k}, 2);
    v = concat(n, {n.input(7), v}, 2);
  }
  if (!k || !v || (n.hasOutput(1) && failed(n.setOutput(1, k))) ||
      (n.hasOutput(2) && failed(n.setOutput(2, v))))
    return failure();
  Type type = wideType(elementOf(q));
  Maybe mask;
  if (n.hasInput(5))
    mask.value = n.cast(n.input(5), type);
  if (n.hasInput(4)) {
    if (failed(checkRank(n, 4, 2, 2))) // [B, T], 0 for padding
      return failure();
    Value seen = n.unsqueeze(compare(n, n.input(4), "ne", 0.0), {1, 2});
    Value hidden = additive(n, seen, type);
    mask.value = mask.value ? n.make<fm::AddOp>(mask.value, hidden) : hidden;
  }
  Value y = n.make<fm::AttentionOp>(
      q, k, v, mask, APFloat(scale), bool(n.intAttr("unidirectional", 0)),
      /*causal_end=*/true, APFloat(0.0), /*q_bshd=*/true, /*kv_bshd=*/false,
      /*out_bshd=*/true);
  return n.setOutput(0, mergeHeads(n, y));
}

void addGroupQueryAttention(ImporterTable &table) {
  table.add("GroupQueryAttention", checked<groupQuery, 1>, "com.microsoft");
  table.add("MultiHeadAttention", checked<multiHead, 1>, "com.microsoft");
}

} // namespace narae::onnx
