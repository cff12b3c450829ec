//===- Cache.h - Slots of caches --------------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the kernels of fm.cache_update and fm.cached_attention agree on: which
// positions a query sees, and where a position lies. Positions and lengths
// come from callers: nothing outside of the cache is ever touched.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_ELEMENTAL_CACHE_H
#define NARAE_LIB_CODEGEN_ELEMENTAL_CACHE_H

#include "lib/codegen/KernelContext.h"

namespace narae::codegen {

/// Positions [begin, end), 0 <= begin <= end, of a cache of `slots` slots.
/// Without a ring end <= slots.
struct CacheRange {
  Value begin, end, slots;
  bool ring;
  /// The slot of a position of the range.
  Value slot(KernelContext &k, Value position) const;
};

/// The positions that some query of tokens [first, last] of a sequence sees,
/// first <= last.
CacheRange visibleRange(KernelContext &k, fm::CachedAttentionOp attention,
                        Value batch, Value first, Value last);

/// start[batch], an index of any sign.
Value cacheStart(KernelContext &k, Value start, Value batch);
/// lengths[batch] within [0, tokens].
Value cacheLength(KernelContext &k, Value lengths, Value batch, Value tokens);

/// An element of a cache that is a block argument, as f32.
Value cacheElement(KernelContext &k, Value cache, ValueRange indices);
/// The address of row (batch, group, slot), and bytes of a row.
Value cacheRow(KernelContext &k, Value cache, Value batch, Value group,
               Value slot);
fm::Expr cacheRowBytes(fm::SymbolicScope &scope, Value cache);

/// A q8_0 block: an f16 scale, then 32 signed bytes.
constexpr int64_t kQ8Elements = 32, kQ8Bytes = 34;

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_ELEMENTAL_CACHE_H
