//===- Storage.cpp - Bytes of stored weights ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Storage.h"

#include "dialects/fm/FmDialect.h"
#include "dialects/fm/Storage.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

Type language::elementType(Storage storage, MLIRContext *context) {
  if (auto format = blockFormat(storage))
    return fm::BlockType::get(context, *format);
  switch (storage) {
  case Storage::F16:
    return Float16Type::get(context);
  case Storage::BF16:
    return BFloat16Type::get(context);
  case Storage::F8E4M3:
    return Float8E4M3FNType::get(context);
  default:
    return Float32Type::get(context);
  }
}

std::optional<int64_t>
language::elementCount(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    if (size < 0 || llvm::MulOverflow(count, size, count))
      return std::nullopt;
  return count;
}

int64_t language::storageBytes(const Weight &weight) {
  StorageBlock block = storageBlock(weight.storage);
  int64_t count = elementCount(weight.shape).value_or(0);
  return count / block.elements * block.bytes;
}
