//===- Registry.h - Emitters of ops ---------------------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One entry an op, one file a family in ops/. See "How to add an op" in
// backends/npu/README.md.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_REGISTRY_H
#define NARAE_BACKENDS_NPU_COMPILER_REGISTRY_H

#include "backends/npu/compiler/Tiles.h"

#include "llvm/ADT/StringMap.h"

namespace narae::npu {

/// What an op wants of the tiles of the kernel that it is in, when it is the
/// one that its result's dimensions are cut by (its result has the dimensions
/// of the kernel's).
struct TileWish {
  llvm::SmallVector<bool> whole;  ///< by dimension: not cut
  llvm::SmallVector<bool> single; ///< by dimension: one element at a time
  /// By dimension: elements of a tile at most (0: as many as fit).
  llvm::SmallVector<int64_t> most;
  /// Elements of a tile below which cores are not given less (0: a default).
  int64_t least = 0;
  /// Elements that a tile has for each element of the result.
  Expr inner;
};

struct OpEntry {
  /// Emits the elements of result `result` at `access`; fails after a
  /// diagnostic.
  llvm::FailureOr<Tile> (*evaluate)(TileBuilder &b, mlir::Operation *op,
                                    unsigned result,
                                    const Access &access) = nullptr;
  /// Null: any tiles do.
  void (*wish)(TileBuilder &b, mlir::Operation *op, TileWish &wish) = nullptr;
  /// What of the op is not covered, with a way out; "" when all is. Types that
  /// scratchpads do not hold are refused before.
  std::string (*check)(mlir::Operation *op, const Machine &machine) = nullptr;
  /// Writes the whole kernel instead, where ops do not work on tiles of their
  /// result: the other functions but `check` are not used.
  llvm::LogicalResult (*kernel)(TileBuilder &b, mlir::Operation *op) = nullptr;
};

/// The entry of an op's name ("fm.add"); empty where there is none.
OpEntry findOp(llvm::StringRef name);

/// Opens the loop over the tiles of a tensor with these dimensions, which all
/// cores share out, and says what each tile has.
Access openTiles(TileBuilder &b, llvm::ArrayRef<Expr> dims,
                 const TileWish &wish);

using OpTable = llvm::StringMap<OpEntry>;
void registerElementwiseOps(OpTable &table);
void registerMathOps(OpTable &table);
void registerMovementOps(OpTable &table);
void registerReduceOps(OpTable &table);
void registerNormOps(OpTable &table);
void registerGatherOps(OpTable &table);
void registerMatmulOps(OpTable &table);
void registerAttentionOps(OpTable &table);
void registerWindowOps(OpTable &table);
void registerLanguageOps(OpTable &table);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_REGISTRY_H
