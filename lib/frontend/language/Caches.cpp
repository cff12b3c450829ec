//===- Caches.cpp - What a language model remembers -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Caches.h"

#include "dialects/fm/FmDialect.h"
#include "dialects/fm/Storage.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

static Type cacheElement(const std::string &kvType, MLIRContext *context) {
  if (kvType == "bf16")
    return BFloat16Type::get(context);
  if (kvType == "f16")
    return Float16Type::get(context);
  if (kvType == "q8_0")
    return fm::BlockType::get(context, fm::BlockFormat::Q8_0);
  return Float32Type::get(context);
}

int64_t Cache::slotBytes() const {
  fm::StorageUnit unit = fm::storageUnit(type.getElementType());
  return type.getDimSize(1) * unit.bytes *
         llvm::divideCeil(type.getDimSize(3), unit.elements);
}

std::vector<LayerCaches> language::planCaches(const LanguageModel &model,
                                              const BuildOptions &options,
                                              MLIRContext *context) {
  Type element = cacheElement(options.kvType, context);
  std::vector<LayerCaches> all;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const Layer &layer = model.layers[i];
    auto make = [&](const char *what, int64_t window, int64_t heads,
                    int64_t size) {
      int64_t ring = window + options.prefillChunk - 1;
      bool isRing = window > 0 && ring < options.context;
      Cache cache;
      cache.name = "layers." + std::to_string(i) + "." + what;
      cache.window = window;
      cache.ring = isRing;
      cache.type = RankedTensorType::get(
          {options.batch, heads, isRing ? ring : options.context, size},
          element);
      all.back().push_back(cache);
    };
    all.emplace_back();
    if (const auto &a = layer.attention) {
      make("key", a->window, a->kvHeads, a->headDim);
      make("value", a->window, a->kvHeads, a->headDim);
    } else {
      const LatentAttention &b = *layer.latent;
      make("latent", b.window, 1, b.rank + b.ropeDim);
    }
  }
  return all;
}
