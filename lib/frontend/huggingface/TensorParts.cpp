//===- TensorParts.cpp - Rows cut out of weights, weights stacked ---------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Tensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace narae;
using namespace narae::huggingface;
using language::Piece;
using language::Weight;
using Ranges = std::vector<std::pair<int64_t, int64_t>>;

/// Bytes [begin, begin + length) of a weight's pieces, appended to `to`;
/// pieces that follow each other in a file become one.
static void appendPieces(std::vector<Piece> &to, const std::vector<Piece> &from,
                         uint64_t begin, uint64_t length) {
  for (const Piece &piece : from) {
    if (begin < piece.length && length > 0) {
      uint64_t part = std::min(length, piece.length - begin);
      uint64_t offset = piece.offset + begin;
      if (!to.empty() && to.back().file == piece.file &&
          to.back().offset + to.back().length == offset)
        to.back().length += part;
      else
        to.push_back({piece.file, offset, part});
      length -= part;
      begin = 0;
    } else {
      begin -= std::min(begin, piece.length);
    }
  }
}

static uint64_t bytesOfRow(const Weight &weight) {
  unsigned size = weight.storage == language::Storage::F32      ? 4
                  : weight.storage == language::Storage::F8E4M3 ? 1
                                                                : 2;
  return size * uint64_t(weight.shape.back());
}

/// Rows over all dimensions but the last.
static int64_t rowsOf(const Weight &weight) {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < weight.shape.size(); ++i)
    rows *= weight.shape[i];
  return rows;
}

Weight Tensors::rows(const Weight &from, const Ranges &ranges,
                     const Shape &shape) {
  Weight part;
  part.name = from.name;
  part.shape = shape;
  part.storage = from.storage;
  part.scaleRows = from.scaleRows;
  part.scaleColumns = from.scaleColumns;
  uint64_t row = bytesOfRow(from);
  if (from.bytes) {
    auto bytes = std::make_shared<std::vector<char>>();
    for (auto [begin, count] : ranges)
      bytes->insert(bytes->end(), from.bytes->begin() + begin * row,
                    from.bytes->begin() + (begin + count) * row);
    part.bytes = std::move(bytes);
  } else {
    for (auto [begin, count] : ranges)
      appendPieces(part.pieces, from.pieces, begin * row, count * row);
  }
  if (from.scale)
    cutScale(part, from, ranges);
  return part;
}

/// Scales of the rows that were cut out. Where a cut is not on the border of a
/// block of scales, every row gets its own.
void Tensors::cutScale(Weight &weight, const Weight &from,
                       const Ranges &ranges) {
  const Weight &scale = *from.scale;
  int64_t block = from.scaleRows;
  // Scales are laid out by the matrix: a stack of matrices whose rows do not
  // fill their last block has borders elsewhere.
  int64_t matrixRows = from.shape[from.shape.size() - 2];
  int64_t blocksOfMatrix = llvm::divideCeil(matrixRows, block);
  bool onBorders = llvm::all_of(ranges, [&](const auto &range) {
    return range.first % matrixRows % block == 0 && range.second % block == 0 &&
           weight.shape[weight.shape.size() - 2] % block == 0;
  });
  auto blockOf = [&](int64_t row) {
    return row / matrixRows * blocksOfMatrix + row % matrixRows / block;
  };
  Ranges blocks;
  for (auto [begin, count] : ranges) {
    if (onBorders) {
      blocks.push_back({blockOf(begin), count / block});
      continue;
    }
    for (int64_t row = begin; row < begin + count; ++row)
      blocks.push_back({blockOf(row), 1});
  }
  Shape shape = weight.shape;
  shape.back() = scale.shape.back();
  if (onBorders)
    shape[shape.size() - 2] /= block;
  else
    weight.scaleRows = 1;
  // Rows of their own are repeated, which pieces of a file would do one by
  // one: hold them in memory.
  Weight source = scale;
  if (!onBorders && !source.bytes && !withoutFiles) {
    std::optional<std::vector<char>> bytes = bytesOf(source);
    source.bytes = std::make_shared<std::vector<char>>(
        bytes ? std::move(*bytes)
              : std::vector<char>(bytesOfRow(scale) *
                                  (blockOf(rowsOf(from) - 1) + 1)));
  }
  weight.scale = std::make_shared<Weight>(rows(source, blocks, shape));
}

Weight Tensors::stack(const std::string &name,
                      const std::vector<Weight> &parts) {
  Weight stacked = parts.front();
  stacked.name = name;
  stacked.shape.insert(stacked.shape.begin(), int64_t(parts.size()));
  bool inMemory = stacked.bytes != nullptr;
  auto bytes = std::make_shared<std::vector<char>>();
  std::vector<Piece> pieces;
  std::vector<Weight> scales;
  for (const Weight &part : parts) {
    if (part.pieces.empty() && !part.bytes && !withoutFiles)
      return stacked; // it is missing, which was said
    if (part.storage != stacked.storage ||
        (part.bytes != nullptr) != inMemory ||
        (part.scale != nullptr) != (stacked.scale != nullptr)) {
      problems.push_back({part.name, "is stored otherwise than '" +
                                         parts.front().name +
                                         "', with which it is stacked"});
      return stacked;
    }
    if (inMemory)
      bytes->insert(bytes->end(), part.bytes->begin(), part.bytes->end());
    for (const Piece &piece : part.pieces)
      appendPieces(pieces, {piece}, 0, piece.length);
    if (part.scale)
      scales.push_back(*part.scale);
  }
  stacked.pieces = std::move(pieces);
  if (inMemory)
    stacked.bytes = std::move(bytes);
  if (!scales.empty())
    stacked.scale =
        std::make_shared<Weight>(stack(name + "_scale_inv", scales));
  return stacked;
}
