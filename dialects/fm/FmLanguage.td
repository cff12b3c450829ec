//===- FmLanguage.td - What language models are made of ----*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rotary positions, routers and experts, and attention over a cache. Sizes:
// B sequences, T new tokens of each, H heads in G groups of the same keys,
// D a head's size, C slots of a cache, N tokens, E experts, k chosen ones.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_LANGUAGE
#define NARAE_FM_LANGUAGE

include "dialects/fm/FmBase.td"

def Fm_RopeTableOp : Fm_PureOp<"rope_table"> {
  let summary = "cosines and sines of rotary positions";
  let description = [{
    `positions` [B, T] i64 and n `inverse_frequencies` give [B, T, 2n] f32:
    n cosines, then n sines, of f32(position) * f32(frequency), a product in
    f32, all multiplied by `factor`.
  }];
  let arguments = (ins Fm_Tensor:$positions,
                       DenseF64ArrayAttr:$inverse_frequencies,
                       DefaultValuedAttr<F64Attr, "1.0">:$factor);
  let results = (outs Fm_Tensor:$result);
}

def Fm_RopeOp : Fm_PureOp<"rope"> {
  let summary = "rotates pairs of elements of each head";
  let description = [{
    `input` [B, T, H, D], `table` [B, T, 2n] (fm.rope_table), 2n <= D. Elements
    offset + i and offset + n + i (i < n) of a head are the two parts of pair
    i; with `pairs` they are offset + 2i and offset + 2i + 1. The pair (x, y)
    becomes (x cos - y sin, y cos + x sin); other elements stay.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$table, UnitAttr:$pairs,
                       DefaultValuedAttr<I64Attr, "0">:$offset);
  let results = (outs Fm_Tensor:$result);
}

def Fm_RouteOp : Fm_PureOp<"route"> {
  let summary = "chooses experts for tokens, and their weights";
  let description = [{
    `logits` [N, E] f32 give scores s: sigmoids, or the softmax over all E. The
    choice is by c = s + `bias` [E]. With `groups` of E / groups experts, the
    `chosen_groups` groups stay whose two largest c have the largest sum; c of
    the others counts as -inf, with `dropped_zero` as 0. The `chosen` = k experts with the largest c are
    taken, largest first, the lower index first among equals. Their weights
    [N, k] f32 are s, with `normalise` divided by (their sum + 1e-20), times
    `scaling`; their indices [N, k] are i32.
  }];
  let arguments = (ins Fm_Tensor:$logits, Optional<Fm_Tensor>:$bias,
                       StrAttr:$scoring, I64Attr:$chosen,
                       DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<I64Attr, "1">:$chosen_groups,
                       UnitAttr:$normalise,
                       DefaultValuedAttr<F64Attr, "1.0">:$scaling,
                       UnitAttr:$dropped_zero);
  let results = (outs Fm_Tensor:$weights, Fm_Tensor:$indices);
}

def Fm_ExpertMatmulOp : Fm_PureOp<"expert_matmul"> {
  let summary = "each token times the matrices of its experts";
  let description = [{
    `input` [N, H] or [N, k, H], `experts` [E, F, H], `indices` [N, k] i32:
    row (n, j) of the result [N, k, F] is input row n (or (n, j)) times the
    transpose of matrix indices(n, j). Only chosen matrices are read. An index
    outside of [0, E) counts as the nearest one.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$experts,
                       Fm_Tensor:$indices);
  let results = (outs Fm_Tensor:$result);
}

def Fm_CacheUpdateOp
    : Fm_PureOp<"cache_update",
                [DeclareOpInterfaceMethods<InPlaceOpInterface>]> {
  let summary = "a cache with new entries";
  let description = [{
    `cache` [B, G, C, D] of f32, f16, bf16 or !fm.block<q8_0>, `update`
    [B, T, G, D] f32. For t < lengths[b] slot start[b] + t, modulo C with
    `ring`, of sequence b takes update[b, t], converted to the cache's element
    type. Other slots stay; entries for slots behind the end are dropped.
    With `ring` T is at most C. `start` and `lengths` [B] are i64.
  }];
  let arguments = (ins Fm_Tensor:$cache, Fm_Tensor:$update, Fm_Tensor:$start,
                       Fm_Tensor:$lengths, UnitAttr:$ring);
  let results = (outs Fm_Tensor:$result);
}

def Fm_CachedAttentionOp : Fm_PureOp<"cached_attention"> {
  let summary = "attention of new tokens over a cache";
  let description = [{
    `query` [B, T, H, D] f32, `key` [B, G, C, D], `value` [B, G, C, V] with G
    dividing H: result [B, T, H, V] f32. Without `value` it is the first
    `value_dim` elements of each key. Query t of sequence b has the position
    p = start[b] + t and sees position j where 0 <= j <= p, and j > p - window
    if `window` > 0. Position j is in slot j, or j mod C with `ring`; the cache
    holds the new tokens already. Result: softmax(scale * q k^T) v, in f32.
    Rows t >= lengths[b] are some finite numbers.
  }];
  let arguments = (ins Fm_Tensor:$query, Fm_Tensor:$key,
                       Optional<Fm_Tensor>:$value, Fm_Tensor:$start,
                       Fm_Tensor:$lengths, F64Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$window,
                       UnitAttr:$ring,
                       DefaultValuedAttr<I64Attr, "0">:$value_dim);
  let results = (outs Fm_Tensor:$result);
}

#endif // NARAE_FM_LANGUAGE
