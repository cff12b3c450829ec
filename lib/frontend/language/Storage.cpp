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

/// The block format; none for plain types.
static std::optional<fm::BlockFormat> blockFormat(Storage storage) {
  switch (storage) {
  case Storage::Q4_0:
    return fm::BlockFormat::Q4_0;
  case Storage::Q4_1:
    return fm::BlockFormat::Q4_1;
  case Storage::Q5_0:
    return fm::BlockFormat::Q5_0;
  case Storage::Q5_1:
    return fm::BlockFormat::Q5_1;
  case Storage::Q8_0:
    return fm::BlockFormat::Q8_0;
  case Storage::Q2_K:
    return fm::BlockFormat::Q2_K;
  case Storage::Q3_K:
    return fm::BlockFormat::Q3_K;
  case Storage::Q4_K:
    return fm::BlockFormat::Q4_K;
  case Storage::Q5_K:
    return fm::BlockFormat::Q5_K;
  case Storage::Q6_K:
    return fm::BlockFormat::Q6_K;
  case Storage::IQ4_NL:
    return fm::BlockFormat::IQ4_NL;
  default:
    return std::nullopt;
  }
}

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

const char *language::storageName(Storage storage) {
  if (auto format = blockFormat(storage))
    return fm::blockInfo(*format).name.data();
  switch (storage) {
  case Storage::F16:
    return "f16";
  case Storage::BF16:
    return "bf16";
  case Storage::F8E4M3:
    return "fp8";
  default:
    return "f32";
  }
}

StorageBlock language::storageBlock(Storage storage) {
  if (auto format = blockFormat(storage)) {
    const fm::BlockInfo &info = fm::blockInfo(*format);
    return {info.elements, info.bytes};
  }
  switch (storage) {
  case Storage::F32:
    return {1, 4};
  case Storage::F8E4M3:
    return {1, 1};
  default:
    return {1, 2};
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
