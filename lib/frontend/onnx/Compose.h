//===- Compose.h - Helpers to compose fm ops --------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the importers of composed ops share: shapes that are put together from
// numbers and run-time dimensions, wider floats, checks of inputs. As Node's
// own helpers do, all of these return null after a diagnostic and accept null
// operands, so that a chain of them needs one check at its end.
//
// A "dimension" here is an i64 tensor of shape [1]. Arithmetic on dimensions
// that are known folds at once; on others it becomes fm ops, which the scope
// follows, so that it costs nothing at run time.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_COMPOSE_H
#define NARAE_LIB_FRONTEND_ONNX_COMPOSE_H

#include "lib/frontend/onnx/NodeImporter.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace narae::onnx {

using Values = llvm::SmallVector<mlir::Value, 4>;

/// An operand that may be absent. A null mlir::Value means "failed before" to
/// Node::make, so absent ones travel in this.
struct Maybe {
  mlir::Value value;
  operator mlir::Value() const { return value; }
};
/// Input i of the node, or nothing.
inline Maybe maybeInput(const Node &n, unsigned i) { return {n.input(i)}; }

/// Fails with a message unless the first `count` inputs are there and all
/// inputs are tensors.
llvm::LogicalResult checkInputs(const Node &n, unsigned count);
/// An importer that runs after checkInputs.
template <NodeImporterFn fn, unsigned count>
llvm::LogicalResult checked(Node &n) {
  if (failed(checkInputs(n, count)))
    return llvm::failure();
  return fn(n);
}
/// Fails unless the input's rank is in [low, high].
llvm::LogicalResult checkRank(const Node &n, unsigned input, int64_t low,
                              int64_t high = INT64_MAX);

// Types.
mlir::RankedTensorType tensorType(mlir::Value value);
mlir::Type elementOf(mlir::Value value);
int64_t rankOf(mlir::Value value);
/// The static size of a dimension, or -1.
int64_t staticDim(mlir::Value value, int64_t axis);
/// f32 for floats narrower than that, otherwise the type itself.
mlir::Type wideType(mlir::Type type);
/// The value in wideType.
mlir::Value widen(const Node &n, mlir::Value value);
/// The element type of an ONNX data type; null after a diagnostic.
mlir::Type onnxType(const Node &n, int64_t dataType);

// Dimensions and shapes.
mlir::Value dimOf(const Node &n, mlir::Value value, int64_t axis);
/// Dimensions [start, end) as a 1-D i64 tensor.
mlir::Value dimsOf(const Node &n, mlir::Value value, int64_t start,
                   int64_t end);
mlir::Value constDim(const Node &n, int64_t value);
enum class DimOp { Add, Sub, Mul, Div, Max, Min };
/// Arithmetic on 1-D i64 tensors; Div is of non-negative numbers.
mlir::Value dimArith(const Node &n, DimOp op, mlir::Value a, mlir::Value b);
mlir::Value dimArith(const Node &n, DimOp op, mlir::Value a, int64_t b);
/// The product of dimensions [start, end); 1 when there are none.
mlir::Value dimProduct(const Node &n, mlir::Value value, int64_t start,
                       int64_t end);
/// 1-D i64 tensors one after the other.
mlir::Value shapeOfDims(const Node &n, llvm::ArrayRef<mlir::Value> dims);
mlir::Value reshapeTo(const Node &n, mlir::Value value,
                      llvm::ArrayRef<mlir::Value> dims);
/// The value in the shape of another value.
mlir::Value reshapeLike(const Node &n, mlir::Value value, mlir::Value like);
/// A scalar integer tensor (or one of shape [1]) as a dimension.
mlir::Value asDim(const Node &n, mlir::Value scalar);
/// A tensor of one element, of any rank, as a scalar.
mlir::Value asScalar(const Node &n, mlir::Value value);
/// A 1-D tensor [C] as [1, .., C, .., 1] of the rank, C at the axis.
mlir::Value alongAxis(const Node &n, mlir::Value vector, int64_t axis,
                      int64_t rank);
bool sameDim(const Node &n, mlir::Value a, int64_t i, mlir::Value b, int64_t j);

// Ops.
mlir::Value concat(const Node &n, llvm::ArrayRef<mlir::Value> values,
                   int64_t axis);
/// The window [start, end) of an axis, both dimensions.
mlir::Value sliceDims(const Node &n, mlir::Value value, int64_t axis,
                      mlir::Value start, mlir::Value end);
/// Elements start, start + step, ... of an axis.
mlir::Value sliceStep(const Node &n, mlir::Value value, int64_t axis,
                      int64_t start, int64_t step);
/// Zero-filled (or cropped, where negative) by dimensions on both sides.
mlir::Value padAxis(const Node &n, mlir::Value value, int64_t axis,
                    mlir::Value before, mlir::Value after, double filler = 0.0);
mlir::Value iota(const Node &n, llvm::ArrayRef<mlir::Value> dims, int64_t axis,
                 mlir::Type type);
mlir::Value filled(const Node &n, llvm::ArrayRef<mlir::Value> dims,
                   double value, mlir::Type type);
mlir::Value broadcastTo(const Node &n, mlir::Value value,
                        llvm::ArrayRef<mlir::Value> dims);
mlir::Value compare(const Node &n, mlir::Value a, llvm::StringRef predicate,
                    mlir::Value b);
mlir::Value compare(const Node &n, mlir::Value a, llvm::StringRef predicate,
                    double b);
mlir::Value select(const Node &n, mlir::Value condition, mlir::Value a,
                   mlir::Value b);
/// A scalar constant of the value's element type.
mlir::Value scalarLike(const Node &n, double constant, mlir::Value like);
mlir::Value addConst(const Node &n, mlir::Value value, double constant);
mlir::Value mulConst(const Node &n, mlir::Value value, double constant);
mlir::Value clamp(const Node &n, mlir::Value value, double low, double high);
/// 0, 1, .., rank - 1 without the first `from`.
llvm::SmallVector<int64_t> axesFrom(int64_t from, int64_t rank);
/// Matrix product without bias; see fm.matmul.
mlir::Value matmul(const Node &n, mlir::Value a, mlir::Value b,
                   bool transposeA = false, bool transposeB = false,
                   mlir::Type acc = {});

// Parts of families that have files of their own.
void addEinsum(ImporterTable &table);
void addDet(ImporterTable &table);
void addPools(ImporterTable &table);
void addColumns(ImporterTable &table); // Col2Im, DeformConv, MaxRoiPool
void addLayerNorms(ImporterTable &table);
void addSoftmax(ImporterTable &table);
void addResize(ImporterTable &table);
void addQuantizedOps(ImporterTable &table); // *Integer, QLinear*
void addRotary(ImporterTable &table);
void addFlexAttention(ImporterTable &table);
void addGroupQueryAttention(ImporterTable &table);
void addFourier(ImporterTable &table); // DFT, STFT
void addMl(ImporterTable &table);      // ai.onnx.ml

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_COMPOSE_H
