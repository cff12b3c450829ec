//===- Tiles.h - Ops on tiles ---------------------------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel's result is computed tile by tile, and a tile by asking backwards
// from it: `evaluate(value, access)` gives the elements of a value that a tile
// needs. An access says, for each dimension of the value, which index it has at
// each place of the tile: an offset and multiples of the tile's axes. Movements
// (transposes, slices, broadcasts) change the access and move nothing; where an
// argument of the kernel is reached, what the access names is loaded; other ops
// have an emitter each (see Registry.h).
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_TILES_H
#define NARAE_BACKENDS_NPU_COMPILER_TILES_H

#include "backends/npu/compiler/StreamWriter.h"

namespace narae::npu {

using AxisId = unsigned;

/// An axis of the tiles that are computed together.
struct Axis {
  Scalar start; ///< index of the tile's first element
  Scalar size;  ///< elements of this tile
  Expr extent;  ///< elements in all
  Expr tile;    ///< elements of a full tile, by which buffers are laid out
  int64_t most; ///< elements at most
  /// Axes of group 0 have together at most `TileBuilder::budget` elements.
  unsigned group = 0;
  /// Whether every tile has all of the axis.
  bool isWhole = false;
};

/// The index of one dimension of a value: offset + sum of factor * place on the
/// axis within the tile.
struct Index {
  Scalar offset = 0;
  llvm::SmallVector<std::pair<AxisId, Expr>, 2> terms;
};
using Access = llvm::SmallVector<Index, 5>;

/// Elements in a core's memory, or one number.
struct Tile {
  ElementType type = ElementType::F32;
  BufferId buffer = 0;
  Scalar offset = 0; ///< elements
  /// Elements from one place to the next on an axis; on others it repeats.
  llvm::SmallVector<std::pair<AxisId, Scalar>, 5> strides;
  /// A number instead of a buffer: a float, or an integer.
  std::optional<double> number;
  std::optional<Scalar> integer;
  bool isNumber() const { return number || integer; }
};
using TileAxes = llvm::SmallVector<AxisId, 6>;

/// How an element type of the model is held in a scratchpad; none where the
/// vector engine has nothing that holds it.
std::optional<ElementType> scratchpadType(mlir::Type element);
/// Bytes of an element in the buffers of a launch.
int64_t storedBytes(mlir::Type element);

class TileBuilder {
public:
  TileBuilder(rt::KernelOp kernel, const Machine &machine, int64_t budget);

  rt::KernelOp kernel;
  const Machine &machine;
  /// Elements of the largest tiles.
  const int64_t budget;
  fm::SymbolicScope scope;
  LaunchNumbers numbers;
  Scalars scalars;
  Schedule schedule;
  std::vector<Axis> axes;
  std::vector<Requirement> requirements;
  std::vector<uint8_t> constants;

  //--- Axes -----------------------------------------------------------------
  AxisId addAxis(Axis axis);
  /// A new axis of all of an extent, counted against the budget of group 0.
  AxisId addWholeAxis(Expr extent);
  /// Offset 0 and the axis as it is.
  Index along(AxisId axis);
  Index fixed(Scalar offset) { return {offset, {}}; }
  /// The axes that an access depends on, in order.
  TileAxes axesOf(const Access &access) const;
  static TileAxes unite(llvm::ArrayRef<TileAxes> lists);
  TileAxes axesOf(const Tile &tile) const;
  /// The axis that alone gives the index, with offset `start` of it (or 0 where
  /// it is whole) and factor 1; none where it is otherwise.
  std::optional<AxisId> plainAxis(const Index &index) const;
  /// Elements of tiles over axes, at most.
  int64_t mostElements(llvm::ArrayRef<AxisId> axes) const;

  //--- Values ---------------------------------------------------------------
  /// The elements of a value at an access. Fails after a diagnostic.
  llvm::FailureOr<Tile> evaluate(mlir::Value value, const Access &access);
  /// From now on, in the open loop, the elements of a value at an access are
  /// these.
  void remember(mlir::Value value, const Access &access, Tile tile);
  /// What an operand that broadcasts to a result with these dimensions is asked
  /// for.
  Access broadcast(mlir::Value operand, llvm::ArrayRef<Expr> resultDims,
                   const Access &access);
  /// The same of one dimension.
  Index broadcast(Expr own, Expr outer, Index index);
  llvm::FailureOr<Tile> evaluateBroadcast(mlir::Value operand,
                                          llvm::ArrayRef<Expr> resultDims,
                                          const Access &access) {
    return evaluate(operand, broadcast(operand, resultDims, access));
  }
  /// The elements of a list operand (a shape, axes); none where they are not
  /// known when the kernel is launched.
  std::optional<fm::Exprs> list(mlir::Value value);
  std::optional<double> scalarConstant(mlir::Value value);
  /// `evaluate` with all of dimension `dim` on an axis of its own, which is
  /// returned in `axis`. Fails where its extent is not static.
  llvm::FailureOr<Tile> evaluateWhole(mlir::Value value, Access access,
                                      size_t dim, AxisId &axis);
  /// A tile over all of an axis, seen at an index along it.
  Tile at(Tile tile, AxisId axis, const Index &index);
  /// The part [begin, end) of an index's places as an axis of its own, and how
  /// many places lie before it; none where the index is not one axis with
  /// factor 1.
  struct Part {
    AxisId from, axis;
    Scalar skipped; ///< places of `from` before the part
    Scalar first;   ///< the index of its first place
  };
  std::optional<Part> part(const Index &index, Expr begin, Expr end);
  /// A tile seen through the part of an axis: what is written there lies there.
  Tile throughPart(Tile tile, const Part &part);
  /// Writes a tile to the part of another.
  void vectorIntoPart(const Tile &dst, const Part &part, const Tile &tile);
  llvm::ArrayRef<Expr> dims(mlir::Value value) { return scope.dims(value); }

  //--- Steps ----------------------------------------------------------------
  Tile newTile(ElementType type, llvm::ArrayRef<AxisId> axes,
               Space space = Space::Scratchpad);
  /// The operand for a tile over axes, in this order; at most five of them have
  /// more than one element.
  Window window(const Tile &tile, llvm::ArrayRef<AxisId> axes);
  /// The operand for a matrix over two axes, of which each may be missing or of
  /// one element.
  Window matrix(const Tile &tile, std::optional<AxisId> rows,
                std::optional<AxisId> columns);
  /// The same for any number of axes.
  Window shaped(const Tile &tile, llvm::ArrayRef<std::optional<AxisId>> axes);
  /// A vector instruction of operands over the axes of all of them (or the
  /// given ones), into a new tile.
  Tile vector(Opcode opcode, ElementType type, llvm::ArrayRef<Tile> operands);
  Tile vector(Opcode opcode, ElementType type, llvm::ArrayRef<Tile> operands,
              TileAxes axes);
  /// The same into a tile that is there.
  void vectorInto(const Tile &dst, Opcode opcode, llvm::ArrayRef<Tile> operands,
                  llvm::ArrayRef<AxisId> axes);
  /// A tile in memory, of this type.
  Tile convert(const Tile &tile, ElementType type);
  Tile inMemory(const Tile &tile);
  /// A reduction (v.sum, v.rowmax, ...) over one axis.
  Tile reduce(Opcode opcode, const Tile &tile, AxisId axis, ElementType type);
  /// Constant numbers, at an index of their list.
  Tile constantNumbers(llvm::ArrayRef<float> numbers, const Index &index);
  /// i32 indices along an axis: start, start + 1, ...
  Tile iota(AxisId axis, Scalar start);
  static Tile number(double value) {
    Tile tile;
    tile.number = value;
    return tile;
  }
  static Tile integer(Scalar value) {
    Tile tile;
    tile.type = ElementType::I32;
    tile.integer = value;
    return tile;
  }
  /// Loads `access` of a tensor of the launch into a new tile; of a tensor
  /// that begins `shift` bytes behind the buffer's address.
  Tile loadBuffer(uint32_t buffer, mlir::Type element,
                  llvm::ArrayRef<Expr> dims, const Access &access,
                  int64_t shift = 0);
  /// The operand for `access` of a tensor of the launch over axes, in this
  /// order; those of one element have no dimension.
  Window argumentPlace(uint32_t buffer, mlir::Type element,
                       llvm::ArrayRef<Expr> dims, const Access &access,
                       llvm::ArrayRef<AxisId> axes, int64_t shift = 0);
  /// Stores a tile to result `buffer` of the launch.
  void storeBuffer(uint32_t buffer, mlir::Type element,
                   llvm::ArrayRef<Expr> dims, const Access &access, Tile tile);
  /// Fails the launch unless `least` <= `most`.
  void require(Expr least, Expr most, std::string message);

  /// Opens a loop within what is computed; tiles that are made inside are not
  /// seen outside.
  unsigned beginLoop(Scalar rounds, bool isSharedOut);
  void endLoop();

private:
  friend class KernelWriter;
  llvm::FailureOr<Tile> constantTile(mlir::Value value, const Access &access);
  /// Bytes from a tensor's beginning, and strides in bytes by axis.
  struct Bytes {
    Scalar offset;
    llvm::SmallVector<std::pair<AxisId, Scalar>, 5> strides;
  };
  Bytes bytesOf(int64_t elementBytes, llvm::ArrayRef<Expr> dims,
                const Access &access);
  using Key = std::vector<uint64_t>;
  static Key keyOf(mlir::Value value, const Access &access);
  /// What has been evaluated, by open loop.
  std::vector<std::map<Key, Tile>> known{1};
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_TILES_H
