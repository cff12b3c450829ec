//===- Storage.cpp - How elements lie in memory ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/FmDialect.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae;
using namespace narae::fm;

ArrayRef<BlockInfo> fm::blockFormats() { return blockInfos; }

int64_t fm::panelBlockBytes(BlockFormat format) {
  switch (format) {
  // Scales of four and six bits take a byte.
  case BlockFormat::Q2_K:
    return 1600;
  case BlockFormat::Q3_K:
    return 1824;
  case BlockFormat::Q4_K:
    return 2368;
  case BlockFormat::Q5_K:
    return 2880;
  default:
    return 16 * blockInfo(format).bytes;
  }
}

std::optional<BlockFormat> fm::findBlockFormat(StringRef name) {
  for (const BlockInfo &info : blockInfos)
    if (name == info.name)
      return info.format;
  return std::nullopt;
}

std::optional<BlockFormat> fm::blockFormatOf(Type element) {
  if (auto block = dyn_cast<BlockType>(element))
    return block.getFormat();
  return std::nullopt;
}

bool fm::isString(Type element) { return isa<StringType>(element); }

bool fm::isCarriedFloat(Type element) {
  return isa<F4E2M1Type, F8E8M0Type>(element);
}

StorageUnit fm::storageUnit(Type element) {
  if (isString(element))
    return {1, 8};
  if (isCarriedFloat(element))
    return {1, 1};
  if (auto format = blockFormatOf(element))
    return {blockInfo(*format).elements, blockInfo(*format).bytes};
  unsigned bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  return {1, std::max<int64_t>(1, bits / 8)};
}

int64_t fm::storageBytes(RankedTensorType type) {
  auto [elements, bytes] = storageUnit(type.getElementType());
  bool overflow = false;
  for (auto [i, dim] : llvm::enumerate(type.getShape())) {
    bool isLast = int64_t(i) + 1 == type.getRank();
    int64_t units = isLast ? llvm::divideCeil(dim, elements) : dim;
    if (dim == 0)
      return 0;
    overflow |= llvm::MulOverflow(bytes, units, bytes);
  }
  return overflow ? INT64_MAX : bytes;
}

//===----------------------------------------------------------------------===//
// !fm.block
//===----------------------------------------------------------------------===//

Type BlockType::parse(AsmParser &parser) {
  StringRef name;
  SMLoc loc;
  if (parser.parseLess())
    return {};
  loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&name) || parser.parseGreater())
    return {};
  auto format = findBlockFormat(name);
  if (!format) {
    auto error = parser.emitError(loc, "unknown block format '")
                 << name << "'; known are ";
    llvm::interleaveComma(blockInfos, error,
                          [&](const BlockInfo &info) { error << info.name; });
    return {};
  }
  return get(parser.getContext(), *format);
}

void BlockType::print(AsmPrinter &printer) const {
  printer << "<" << blockInfo(getFormat()).name << ">";
}
