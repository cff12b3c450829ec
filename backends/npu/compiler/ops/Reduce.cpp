//===- Reduce.cpp - Reductions and scans ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

/// The operand's elements that a reduction's result at `access` needs: the
/// reduced dimensions on axes of their own, all of them at once.
static Access reducedAccess(TileBuilder &b, Value input, ArrayRef<int64_t> axes,
                            bool keepDims, const Access &access,
                            SmallVectorImpl<AxisId> &reduced) {
  Access inner;
  size_t at = 0;
  SmallVector<Expr> dims(b.dims(input));
  for (size_t i = 0; i < dims.size(); ++i) {
    if (!llvm::is_contained(axes, int64_t(i))) {
      inner.push_back(access[at++]);
      continue;
    }
    at += keepDims;
    if (fm::constantOf(dims[i]) == 1) {
      inner.push_back(b.fixed(b.scalars.constant(0)));
      continue;
    }
    reduced.push_back(b.addWholeAxis(dims[i]));
    inner.push_back(b.along(reduced.back()));
  }
  return inner;
}

static Expr reducedSize(TileBuilder &b, Value input, ArrayRef<int64_t> axes) {
  Expr size = b.scope.cst(1);
  for (int64_t axis : axes)
    size = b.scope.mul(size, b.dims(input)[size_t(axis)]);
  return size;
}

static FailureOr<Tile> reduce(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto reduce = cast<fm::ReduceOp>(op);
  Value input = reduce.getInput();
  StringRef kind = reduce.getKind();
  SmallVector<AxisId> reduced;
  Access inner = reducedAccess(b, input, reduce.getAxes(), reduce.getKeepDims(),
                               access, reduced);
  FailureOr<Tile> tile = b.evaluate(input, inner);
  if (failed(tile))
    return failure();
  Tile x = b.inMemory(*tile);
  ElementType result = typeOf(op->getResult(0));
  bool floats = isFloat(input);
  ElementType work = floats ? ElementType::F32 : ElementType::I32;
  bool isSum = kind == "sum" || kind == "mean" || kind == "sum_square";
  Opcode opcode = kind == "max" || kind == "any"   ? Opcode::VRowMax
                  : kind == "min" || kind == "all" ? Opcode::VRowMin
                                                   : Opcode::VSum;
  if (!isSum && !floats && !elementOf(input).isInteger(1))
    b.require(b.scope.cst(1), reducedSize(b, input, reduce.getAxes()),
              "a " + kind.str() +
                  " over no elements is not computed on the "
                  "NPU");
  bool isFirst = true;
  if (reduced.empty() && kind == "sum_square")
    x = b.vector(Opcode::VMul, work, {x, x});
  for (AxisId axis : llvm::reverse(reduced)) {
    // What does not depend on the axis repeats along it.
    bool repeats = !llvm::is_contained(b.axesOf(x), axis);
    if (repeats)
      x = b.vector(Opcode::VConvert, work, {x},
                   TileBuilder::unite({b.axesOf(x), TileAxes{axis}}));
    bool squares = isFirst && kind == "sum_square";
    x = b.reduce(squares ? Opcode::VSumSq : opcode, x, axis, work);
    isFirst = false;
  }
  if (kind == "mean") {
    Tile count =
        b.integer(b.scalars.host(reducedSize(b, input, reduce.getAxes())));
    x = b.vector(Opcode::VDiv, work, {x, count});
  }
  return floats ? b.convert(x, result)
                : wrap(b, b.convert(x, work), elementOf(op->getResult(0)));
}

static void reduceWish(TileBuilder &b, Operation *op, TileWish &wish) {
  auto reduce = cast<fm::ReduceOp>(op);
  wish.inner = b.scope.mul(wish.inner,
                           reducedSize(b, reduce.getInput(), reduce.getAxes()));
}

static std::string checkReduce(Operation *op, const Machine &) {
  auto reduce = cast<fm::ReduceOp>(op);
  if (reduce.getKind() == "prod")
    return "products of elements are not reduced; sum their logarithms";
  if (reduce.getKind() == "mean" && !isFloat(reduce.getInput()))
    return "means of integers are not computed; cast to f32";
  if (reduce.getAxes().size() > 4)
    return "at most four dimensions are reduced at once; reduce some first";
  return "";
}

static FailureOr<Tile> argReduce(TileBuilder &b, Operation *op, unsigned,
                                 const Access &access) {
  auto arg = cast<fm::ArgReduceOp>(op);
  Value input = arg.getInput();
  SmallVector<AxisId> reduced;
  Access inner = reducedAccess(b, input, {int64_t(arg.getAxis())},
                               arg.getKeepDims(), access, reduced);
  b.require(b.scope.cst(1), reducedSize(b, input, {int64_t(arg.getAxis())}),
            "the place of a maximum among no elements is not computed");
  FailureOr<Tile> tile = b.evaluate(input, inner);
  if (failed(tile))
    return failure();
  Tile x = b.inMemory(*tile);
  if (reduced.empty())
    return b.integer(b.scalars.constant(0));
  AxisId axis = reduced.front();
  Scalar last = b.scalars.sub(b.axes[axis].size, b.scalars.constant(1));
  if (!llvm::is_contained(b.axesOf(x), axis))
    return b.integer(arg.getLast() ? last : b.scalars.constant(0));
  if (arg.getLast()) // backwards, the last of equals comes first
    for (auto &[own, stride] : x.strides)
      if (own == axis) {
        x.offset = b.scalars.add(x.offset, b.scalars.mul(last, stride));
        stride = b.scalars.sub(b.scalars.constant(0), stride);
      }
  Opcode opcode = arg.getKind() == "max" ? Opcode::VArgMax : Opcode::VArgMin;
  Tile place = b.reduce(opcode, x, axis, ElementType::I32);
  if (arg.getLast())
    place = b.vector(Opcode::VRsub, ElementType::I32, {place, b.integer(last)});
  return place;
}

static void argWish(TileBuilder &b, Operation *op, TileWish &wish) {
  auto arg = cast<fm::ArgReduceOp>(op);
  wish.inner = b.scope.mul(
      wish.inner, reducedSize(b, arg.getInput(), {int64_t(arg.getAxis())}));
}

static FailureOr<Tile> cumulative(TileBuilder &b, Operation *op, unsigned,
                                  const Access &access) {
  auto scan = cast<fm::CumulativeOp>(op);
  size_t dim = size_t(scan.getAxis());
  FailureOr<Tile> tile = b.evaluate(scan.getInput(), access);
  if (failed(tile))
    return failure();
  Tile x = b.inMemory(*tile);
  ElementType work =
      isFloat(scan.getInput()) ? ElementType::F32 : ElementType::I32;
  auto done = [&](Tile result) {
    return wrap(b,
                b.convert(b.inMemory(result), isFloat(scan.getInput())
                                                  ? typeOf(op->getResult(0))
                                                  : ElementType::I32),
                elementOf(op->getResult(0)));
  };
  std::optional<AxisId> axis = b.plainAxis(access[dim]);
  if (fm::constantOf(b.dims(scan.getInput())[dim]) == 1)
    return scan.getExclusive() ? done(b.number(0)) : done(x);
  if (!axis || !b.axes[*axis].isWhole)
    return op->emitError("a running sum under another movement is not covered "
                         "on the NPU; compile for cpu");
  TileAxes list = TileBuilder::unite({b.axesOf(x), TileAxes{*axis}});
  llvm::erase(list, *axis);
  list.push_back(*axis);
  Tile sum = b.newTile(work, list);
  Tile from = x, to = sum;
  if (scan.getReverse()) {
    Scalar last = b.scalars.sub(b.axes[*axis].size, b.scalars.constant(1));
    for (Tile *side : {&from, &to})
      for (auto &[own, stride] : side->strides)
        if (own == *axis) {
          side->offset =
              b.scalars.add(side->offset, b.scalars.mul(last, stride));
          stride = b.scalars.sub(b.scalars.constant(0), stride);
        }
  }
  b.vectorInto(to, Opcode::VScan, {from}, list);
  if (scan.getExclusive())
    sum = b.vector(Opcode::VSub, work, {sum, x});
  return done(sum);
}

static void scanWish(TileBuilder &, Operation *op, TileWish &wish) {
  wish.whole[size_t(cast<fm::CumulativeOp>(op).getAxis())] = true;
}

static std::string checkScan(Operation *op, const Machine &) {
  return cast<fm::CumulativeOp>(op).getKind() == "prod"
             ? "running products are not computed; sum the logarithms"
             : "";
}

void narae::npu::registerReduceOps(OpTable &t) {
  t["fm.reduce"] = {reduce, reduceWish, checkReduce};
  t["fm.arg_reduce"] = {argReduce, argWish};
  t["fm.cumulative"] = {cumulative, scanWish, checkScan};
}
