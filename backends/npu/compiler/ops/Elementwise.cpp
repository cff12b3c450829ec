//===- Elementwise.cpp - Arithmetic, comparisons, conversions -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Floats are computed as the vector engine does: in f32, rounded to the
// result's type after each op. Integers are computed in 32 bits, also those of
// 64 in the model (indices, masks, counts), and narrower ones wrap as in their
// own width.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Helpers.h"

#include <cmath>

using namespace mlir;
using namespace narae;
using namespace narae::npu;

FailureOr<SmallVector<Tile, 3>>
narae::npu::operandTiles(TileBuilder &b, Operation *op, const Access &access) {
  SmallVector<Tile, 3> tiles;
  SmallVector<Expr> dims(b.dims(op->getResult(0)));
  for (Value operand : op->getOperands()) {
    FailureOr<Tile> tile = b.evaluateBroadcast(operand, dims, access);
    if (failed(tile))
      return failure();
    tiles.push_back(*tile);
  }
  return tiles;
}

Tile narae::npu::wrap(TileBuilder &b, const Tile &tile, Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer || integer.getWidth() >= 32 || integer.getWidth() == 1)
    return tile;
  ElementType type = *scratchpadType(element);
  if (integer.isUnsigned())
    return b.convert(
        b.vector(Opcode::VAnd, ElementType::I32, {tile, b.number(255)}), type);
  double shift = 32 - integer.getWidth();
  Tile high = b.vector(Opcode::VShl, ElementType::I32, {tile, b.number(shift)});
  return b.convert(
      b.vector(Opcode::VShr, ElementType::I32, {high, b.number(shift)}), type);
}

/// Type in which arithmetic on a value's elements is done.
static ElementType workType(Value value) {
  if (isFloat(value) || elementOf(value).isInteger(1))
    return typeOf(value);
  return ElementType::I32;
}

template <Opcode opcode>
static FailureOr<Tile> unary(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Value result = op->getResult(0);
  return wrap(b, b.vector(opcode, workType(result), *tiles), elementOf(result));
}

static bool isCommutative(Opcode opcode) {
  return opcode == Opcode::VAdd || opcode == Opcode::VMul ||
         opcode == Opcode::VMin || opcode == Opcode::VMax ||
         opcode == Opcode::VAnd || opcode == Opcode::VOr ||
         opcode == Opcode::VXor;
}

template <Opcode opcode>
static FailureOr<Tile> binary(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  auto &list = *tiles;
  if (list[0].isNumber() && !list[1].isNumber() && isCommutative(opcode))
    std::swap(list[0], list[1]);
  Value result = op->getResult(0);
  return wrap(b, b.vector(opcode, workType(result), list), elementOf(result));
}

/// Products and sums of booleans are conjunctions and disjunctions.
static FailureOr<Tile> multiply(TileBuilder &b, Operation *op, unsigned result,
                                const Access &access) {
  if (elementOf(op->getResult(0)).isInteger(1))
    return binary<Opcode::VAnd>(b, op, result, access);
  return binary<Opcode::VMul>(b, op, result, access);
}

/// Integers truncate, and x / 0 is 0.
static FailureOr<Tile> divide(TileBuilder &b, Operation *op, unsigned result,
                              const Access &access) {
  if (isFloat(op->getResult(0)))
    return binary<Opcode::VDiv>(b, op, result, access);
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  const ElementType i32 = ElementType::I32;
  Tile x = b.convert(b.inMemory((*tiles)[0]), i32);
  Tile y = b.convert(b.inMemory((*tiles)[1]), i32);
  Tile isZero = b.vector(Opcode::VEq, i32, {y, b.number(0)});
  Tile safe = b.vector(Opcode::VAdd, i32, {y, isZero});
  Tile whole = b.vector(
      Opcode::VDiv, i32,
      {b.vector(Opcode::VAbs, i32, {x}), b.vector(Opcode::VAbs, i32, {safe})});
  Tile negative = b.vector(
      Opcode::VLt, i32, {b.vector(Opcode::VXor, i32, {x, safe}), b.number(0)});
  Tile quotient =
      b.vector(Opcode::VSelect, i32,
               {negative, b.vector(Opcode::VNeg, i32, {whole}), whole});
  Tile value = b.vector(Opcode::VSelect, i32, {isZero, b.number(0), quotient});
  return wrap(b, value, elementOf(op->getResult(0)));
}

static FailureOr<Tile> modulo(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Value result = op->getResult(0);
  bool isC = cast<fm::ModOp>(op).getFmod(), floats = isFloat(result);
  ElementType type = floats ? ElementType::F32 : ElementType::I32;
  Tile x = b.inMemory((*tiles)[0]), y = b.inMemory((*tiles)[1]);
  Tile isZero = b.vector(Opcode::VEq, type, {y, b.number(0)});
  Tile safe = floats ? y : b.vector(Opcode::VAdd, type, {y, isZero});
  // Of magnitudes first, as C does.
  Tile a = b.vector(Opcode::VAbs, type, {x});
  Tile m = b.vector(Opcode::VAbs, type, {safe});
  Tile rest;
  if (floats) {
    Tile n =
        b.vector(Opcode::VFloor, type, {b.vector(Opcode::VDiv, type, {a, m})});
    rest =
        b.vector(Opcode::VFma, type, {b.vector(Opcode::VNeg, type, {n}), m, a});
    // The quotient may have been rounded up to the next whole number.
    Tile isBelow = b.vector(Opcode::VLt, type, {rest, b.number(0)});
    rest = b.vector(Opcode::VSelect, type,
                    {isBelow, b.vector(Opcode::VAdd, type, {rest, m}), rest});
    // Nothing is divided by infinity.
    Tile isFar =
        b.vector(Opcode::VEq, ElementType::U8, {m, b.number(INFINITY)});
    Tile isFinite = b.vector(Opcode::VLt, ElementType::U8, {a, m});
    isFar = b.vector(Opcode::VAnd, ElementType::U8, {isFar, isFinite});
    rest = b.vector(Opcode::VSelect, type, {isFar, a, rest});
  } else {
    rest = b.vector(Opcode::VRem, type, {a, m});
  }
  Tile isNegative = b.vector(Opcode::VLt, type, {x, b.number(0)});
  Tile value =
      b.vector(Opcode::VSelect, type,
               {isNegative, b.vector(Opcode::VNeg, type, {rest}), rest});
  if (!isC) {
    // With the divisor's sign: one divisor more where the signs differ.
    auto below = [&](const Tile &of) {
      return b.vector(Opcode::VLt, type, {of, b.number(0)});
    };
    Tile some = b.vector(Opcode::VNe, type, {value, b.number(0)});
    Tile differ = b.vector(Opcode::VNe, type, {below(value), below(y)});
    differ = b.vector(Opcode::VMul, type, {differ, some});
    value = b.vector(Opcode::VSelect, type,
                     {differ, b.vector(Opcode::VAdd, type, {value, y}), value});
  }
  if (!floats)
    value = b.vector(Opcode::VSelect, type, {isZero, b.number(0), value});
  else
    value = b.convert(value, typeOf(result));
  return wrap(b, value, elementOf(result));
}

static FailureOr<Tile> compare(TileBuilder &b, Operation *op, unsigned,
                               const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  auto opcode = llvm::StringSwitch<Opcode>(cast<fm::CmpOp>(op).getPredicate())
                    .Case("eq", Opcode::VEq)
                    .Case("ne", Opcode::VNe)
                    .Case("lt", Opcode::VLt)
                    .Case("le", Opcode::VLe)
                    .Case("gt", Opcode::VGt)
                    .Default(Opcode::VGe);
  return b.vector(opcode, ElementType::U8, *tiles);
}

static FailureOr<Tile> select(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  return b.vector(Opcode::VSelect, typeOf(op->getResult(0)), *tiles);
}

/// Floats towards zero.
static Tile truncate(TileBuilder &b, const Tile &x) {
  Tile isNegative = b.vector(Opcode::VLt, ElementType::U8, {x, b.number(0)});
  return b.vector(Opcode::VSelect, ElementType::F32,
                  {isNegative, b.vector(Opcode::VCeil, ElementType::F32, {x}),
                   b.vector(Opcode::VFloor, ElementType::F32, {x})});
}

static FailureOr<Tile> trunc(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Value result = op->getResult(0);
  return isFloat(result)
             ? b.convert(truncate(b, b.inMemory((*tiles)[0])), typeOf(result))
             : (*tiles)[0];
}

static FailureOr<Tile> castTo(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Value from = op->getOperand(0), to = op->getResult(0);
  Tile x = b.inMemory((*tiles)[0]);
  if (elementOf(to).isInteger(1))
    return elementOf(from).isInteger(1)
               ? x
               : b.vector(Opcode::VNe, ElementType::U8, {x, b.number(0)});
  if (isFloat(to))
    return b.convert(x, typeOf(to));
  if (isFloat(from))
    x = b.convert(truncate(b, x), ElementType::I32);
  return wrap(b, b.convert(x, ElementType::I32), elementOf(to));
}

static FailureOr<Tile> logicalNot(TileBuilder &b, Operation *op, unsigned,
                                  const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Tile x = b.inMemory((*tiles)[0]);
  Value result = op->getResult(0);
  if (elementOf(result).isInteger(1))
    return b.vector(Opcode::VEq, ElementType::U8, {x, b.number(0)});
  return wrap(b, b.vector(Opcode::VXor, ElementType::I32, {x, b.number(-1)}),
              elementOf(result));
}

template <Opcode opcode>
static FailureOr<Tile> shift(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  // By the width and more gives 0; the engine takes five bits of the distance.
  Value result = op->getResult(0);
  double width = elementOf(result).getIntOrFloatBitWidth();
  Tile x = b.inMemory((*tiles)[0]), by = b.inMemory((*tiles)[1]);
  Tile shifted = b.vector(opcode, ElementType::I32, {x, by});
  Tile fits = b.vector(Opcode::VLt, ElementType::U8, {by, b.number(width)});
  return wrap(
      b,
      b.vector(Opcode::VSelect, ElementType::I32, {fits, shifted, b.number(0)}),
      elementOf(result));
}

static FailureOr<Tile> sign(TileBuilder &b, Operation *op, unsigned,
                            const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Tile x = b.inMemory((*tiles)[0]);
  Value result = op->getResult(0);
  ElementType type = workType(result);
  Tile above = b.vector(Opcode::VGt, type, {x, b.number(0)});
  Tile below = b.vector(Opcode::VLt, type, {x, b.number(0)});
  Tile value = b.vector(Opcode::VSub, type, {above, below});
  if (isFloat(result)) { // NaN stays
    Tile same = b.vector(Opcode::VEq, ElementType::U8, {x, x});
    return b.vector(Opcode::VSelect, type, {same, value, x});
  }
  return wrap(b, value, elementOf(result));
}

static FailureOr<Tile> isNan(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Tile x = b.inMemory((*tiles)[0]);
  return b.vector(Opcode::VNe, ElementType::U8, {x, x});
}

static FailureOr<Tile> isInf(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  auto test = cast<fm::IsInfOp>(op);
  Tile x = b.inMemory((*tiles)[0]);
  auto is = [&](double value) {
    return b.vector(Opcode::VEq, ElementType::U8, {x, b.number(value)});
  };
  if (test.getPositive() && test.getNegative())
    return b.vector(Opcode::VOr, ElementType::U8,
                    {is(INFINITY), is(-INFINITY)});
  if (test.getPositive())
    return is(INFINITY);
  if (test.getNegative())
    return is(-INFINITY);
  return b.vector(Opcode::VAnd, ElementType::U8, {is(0), b.number(0)});
}

static FailureOr<Tile> gelu(TileBuilder &b, Operation *op, unsigned result,
                            const Access &access) {
  return cast<fm::GeluOp>(op).getTanh()
             ? unary<Opcode::VGeluTanh>(b, op, result, access)
             : unary<Opcode::VGelu>(b, op, result, access);
}

static std::string checkShift(Operation *op, const Machine &) {
  Type type = elementOf(op->getResult(0));
  if (type.isUnsignedInteger(8))
    return "";
  return "shifts are computed of ui8 only; cast the operands";
}

static std::string checkCompare(Operation *op, const Machine &) {
  return fm::isString(elementOf(op->getOperand(0)))
             ? "strings are not compared on the NPU; compile for cpu"
             : "";
}

/// Saturating and other conversions of narrow floats round as the engine does.
static std::string checkCast(Operation *op, const Machine &) {
  auto cast = llvm::cast<fm::CastOp>(op);
  if (elementOf(cast.getResult()).isFloat8E5M2() && !cast.getSaturate())
    return "casts to f8E5M2 saturate on the NPU; set saturate";
  if (elementOf(cast.getResult()).isFloat8E4M3FN() && !cast.getSaturate())
    return "casts to f8E4M3FN saturate on the NPU; set saturate";
  return "";
}

void narae::npu::registerElementwiseOps(OpTable &t) {
  t["fm.abs"] = {unary<Opcode::VAbs>};
  t["fm.neg"] = {unary<Opcode::VNeg>};
  t["fm.exp"] = {unary<Opcode::VExp>};
  t["fm.log"] = {unary<Opcode::VLog>};
  t["fm.sqrt"] = {unary<Opcode::VSqrt>};
  t["fm.rsqrt"] = {unary<Opcode::VRsqrt>};
  t["fm.reciprocal"] = {unary<Opcode::VRecip>};
  t["fm.sin"] = {unary<Opcode::VSin>};
  t["fm.cos"] = {unary<Opcode::VCos>};
  t["fm.tanh"] = {unary<Opcode::VTanh>};
  t["fm.erf"] = {unary<Opcode::VErf>};
  t["fm.floor"] = {unary<Opcode::VFloor>};
  t["fm.ceil"] = {unary<Opcode::VCeil>};
  t["fm.round"] = {unary<Opcode::VRound>};
  t["fm.sigmoid"] = {unary<Opcode::VSigmoid>};
  t["fm.relu"] = {unary<Opcode::VRelu>};
  t["fm.silu"] = {unary<Opcode::VSilu>};
  t["fm.gelu"] = {gelu};
  t["fm.trunc"] = {trunc};
  t["fm.sign"] = {sign};
  t["fm.not"] = {logicalNot};
  t["fm.is_nan"] = {isNan};
  t["fm.is_inf"] = {isInf};
  t["fm.add"] = {binary<Opcode::VAdd>};
  t["fm.sub"] = {binary<Opcode::VSub>};
  t["fm.mul"] = {multiply};
  t["fm.div"] = {divide};
  t["fm.mod"] = {modulo};
  t["fm.min"] = {binary<Opcode::VMin>};
  t["fm.max"] = {binary<Opcode::VMax>};
  t["fm.and"] = {binary<Opcode::VAnd>};
  t["fm.or"] = {binary<Opcode::VOr>};
  t["fm.xor"] = {binary<Opcode::VXor>};
  t["fm.shl"] = {shift<Opcode::VShl>, nullptr, checkShift};
  t["fm.shr"] = {shift<Opcode::VShr>, nullptr, checkShift};
  t["fm.cmp"] = {compare, nullptr, checkCompare};
  t["fm.select"] = {select};
  t["fm.cast"] = {castTo, nullptr, checkCast};
}
