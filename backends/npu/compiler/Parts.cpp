//===- Parts.cpp - Whole axes and parts of axes ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/Tiles.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

FailureOr<Tile> TileBuilder::evaluateWhole(Value value, Access access,
                                           size_t dim, AxisId &axis) {
  Expr extent = dims(value)[dim];
  if (!fm::constantOf(extent))
    return emitError(kernel.getLoc())
           << "an op needs all of a dimension at once that has no static "
              "size; fix it with --dim, or compile for cpu";
  axis = addWholeAxis(extent);
  axes[axis].group = 1000 + axis; // beside what the tiles are limited to
  axes[axis].most = *fm::constantOf(extent);
  access[dim] = along(axis);
  return evaluate(value, access);
}

Tile TileBuilder::at(Tile tile, AxisId axis, const Index &index) {
  Scalar stride = 0;
  bool found = false;
  for (size_t i = 0; i < tile.strides.size(); ++i)
    if (tile.strides[i].first == axis) {
      stride = tile.strides[i].second;
      tile.strides.erase(tile.strides.begin() + i);
      found = true;
      break;
    }
  if (!found)
    return tile;
  tile.offset = scalars.add(tile.offset, scalars.mul(index.offset, stride));
  for (auto [other, factor] : index.terms)
    tile.strides.push_back({other, scalars.mul(stride, scalars.host(factor))});
  return tile;
}

std::optional<TileBuilder::Part> TileBuilder::part(const Index &index,
                                                   Expr begin, Expr end) {
  if (index.terms.size() > 1 ||
      (index.terms.size() == 1 && fm::constantOf(index.terms[0].second) != 1))
    return std::nullopt;
  Part part;
  Axis axis;
  if (index.terms.empty()) {
    axis.extent = axis.tile = scope.cst(1);
    axis.size = scalars.constant(1);
    axis.most = 1;
    part.from = ~0u;
  } else {
    part.from = index.terms[0].first;
    axis = axes[part.from];
  }
  Scalar from = scalars.host(begin), to = scalars.host(end);
  Scalar size = axis.size, zero = scalars.constant(0);
  Scalar low = scalars.max(index.offset, from);
  Scalar high = scalars.min(scalars.add(index.offset, size), to);
  axis.size = scalars.max(scalars.sub(high, low), zero);
  axis.isWhole = false;
  // Empty parts must not point outside either.
  part.skipped = scalars.min(scalars.sub(low, index.offset), size);
  part.first = scalars.min(
      scalars.sub(low, from),
      scalars.max(scalars.sub(scalars.sub(to, from), scalars.constant(1)),
                  zero));
  axis.start = part.first;
  // A single element may be there or not: then its axis has a size to look at.
  if (fm::constantOf(axis.tile) == 1)
    axis.tile = scope.cst(2), axis.most = 2;
  part.axis = addAxis(axis);
  return part;
}

Tile TileBuilder::throughPart(Tile tile, const Part &part) {
  for (auto &[axis, step] : tile.strides)
    if (axis == part.from) {
      axis = part.axis;
      tile.offset = scalars.add(tile.offset, scalars.mul(part.skipped, step));
    }
  // A dimension of one element: the part has it or is empty.
  if (part.from == ~0u)
    tile.strides.push_back({part.axis, scalars.constant(1)});
  return tile;
}

void TileBuilder::vectorIntoPart(const Tile &dst, const Part &part,
                                 const Tile &tile) {
  Tile target = throughPart(dst, part);
  vectorInto(target, Opcode::VConvert, {tile}, axesOf(target));
}
