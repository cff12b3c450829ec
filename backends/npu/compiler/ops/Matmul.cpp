//===- Matmul.cpp - Matrix products ---------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tile [m, n] stays in the accumulators while chunks of k pass by, each
// loaded while the one before is multiplied; then it is drained, with the bias,
// to the scratchpad, where the epilogue goes on.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Matmul.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

/// Elements of k that are multiplied at once.
static constexpr int64_t kDepth = 512;

Value narae::npu::stripWidening(Value value) {
  while (auto cast = value.getDefiningOp<fm::CastOp>()) {
    Type from = elementOf(cast.getInput());
    if (!elementOf(cast.getResult()).isF32() ||
        !(from.isF16() || from.isBF16()))
      break;
    value = cast.getInput();
  }
  return value;
}

std::optional<ElementType> narae::npu::productType(Type a, Type b,
                                                   const TensorUnit &unit,
                                                   std::string &problem) {
  auto either = [&](auto is) { return is(a) || is(b); };
  if (a.isSignlessInteger(8) && b.isSignlessInteger(8)) {
    if (unit.int8 > 0)
      return ElementType::I8;
    problem = "the array has no int8 (npu.tensor.rate.int8)";
    return std::nullopt;
  }
  if (!isa<FloatType>(a) || !isa<FloatType>(b)) {
    problem = "products of these integers are not covered; cast to f32";
    return std::nullopt;
  }
  if (either([](Type t) { return t.isF16(); }) && unit.f16 > 0)
    return ElementType::F16;
  if (either([](Type t) { return t.isBF16(); }) && unit.bf16 > 0)
    return ElementType::BF16;
  if (unit.f32 > 0)
    return ElementType::F32;
  problem = "the array of this machine has no f32 (npu.tensor.rate.f32); "
            "compile with --precision=f16";
  return std::nullopt;
}

void narae::npu::emitProduct(StreamWriter &out, const Window &acc,
                             const Window &a, const Window &b,
                             std::optional<Scalar> round) {
  SmallVector<StreamWriter::Argument, 8> arguments = {
      out.operand(OperandName::Acc, acc),
      out.operand(OperandName::A, a),
      out.operand(OperandName::B, b),
      {OperandName::Mode, int64_t(MatmulMode::Plain)},
      {OperandName::Dataflow, int64_t(Dataflow::Output)}};
  auto emit = [&](bool accumulate) {
    arguments.push_back({OperandName::Accumulate, accumulate});
    out.emit(Opcode::Matmul, arguments);
    arguments.pop_back();
  };
  if (!round)
    return emit(false);
  // The first round of a tile begins its sums.
  uint8_t reg = out.reg(*round);
  out.beginIf(Condition::Eq, reg, 0);
  emit(false);
  out.end();
  out.beginIf(Condition::Ne, reg, 0);
  emit(true);
  out.end();
}

/// The one axis of an index, or none.
static std::optional<AxisId> axisOf(const Index &index) {
  if (index.terms.empty())
    return std::nullopt;
  return index.terms.front().first;
}

static FailureOr<Tile> matmul(TileBuilder &b, Operation *op, unsigned,
                              const Access &access) {
  auto product = cast<fm::MatmulOp>(op);
  Value lhs = stripWidening(product.getLhs());
  Value rhs = stripWidening(product.getRhs());
  std::string problem;
  auto type =
      productType(elementOf(lhs), elementOf(rhs), b.machine.tensor, problem);
  if (!type)
    return op->emitError() << problem;
  size_t rank = access.size();
  SmallVector<Expr> dims(b.dims(op->getResult(0)));
  for (size_t i = 0; i < rank; ++i) {
    bool isBatch = i + 2 < rank;
    for (auto [axis, factor] : access[i].terms)
      if (isBatch ? fm::constantOf(b.axes[axis].tile) != 1
                  : access[i].terms.size() > 1)
        return op->emitError("a product under another movement is not covered "
                             "on the NPU; compile for cpu");
  }
  std::optional<AxisId> m = axisOf(access[rank - 2]), n = axisOf(access.back());
  bool ta = product.getTransposeLhs(), tb = product.getTransposeRhs();
  SmallVector<Expr> left(b.dims(lhs)), right(b.dims(rhs));
  Expr depth = left[left.size() - (ta ? 2 : 1)];

  // The sums, outside of the loop over k.
  TileAxes sides;
  for (auto axis : {m, n})
    if (axis)
      sides.push_back(*axis);
  llvm::sort(sides);
  bool integers = *type == ElementType::I8;
  Tile sums = b.newTile(integers ? ElementType::I32 : ElementType::F32, sides,
                        Space::Accumulator);

  Axis chunk;
  chunk.extent = depth;
  chunk.tile = b.scope.min(depth, b.scope.cst(kDepth));
  chunk.most = kDepth;
  chunk.group = 500;
  auto constant = fm::constantOf(depth);
  std::optional<Scalar> round;
  if (constant && *constant <= kDepth) {
    chunk.most = std::max<int64_t>(1, *constant);
    chunk.start = b.scalars.constant(0);
    chunk.size = b.scalars.constant(*constant);
  } else {
    Expr rounds = b.scope.max(b.scope.ceilDiv(depth, b.scope.cst(kDepth)),
                              b.scope.cst(1));
    unsigned loop = b.beginLoop(b.scalars.host(rounds), false);
    round = b.scalars.pinned(loop, LoopValue::Index);
    chunk.start = b.scalars.mul(*round, b.scalars.constant(kDepth));
    chunk.size =
        b.scalars.min(b.scalars.constant(kDepth),
                      b.scalars.sub(b.scalars.host(depth), chunk.start));
  }
  AxisId k = b.addAxis(chunk);
  auto operand = [&](Value value, ArrayRef<Expr> own, const Index &outer,
                     bool isKFirst) {
    Access inner;
    size_t batch = own.size() - 2, skip = rank - own.size();
    for (size_t i = 0; i < batch; ++i)
      inner.push_back(b.broadcast(own[i], dims[skip + i], access[skip + i]));
    inner.push_back(isKFirst ? b.along(k) : outer);
    inner.push_back(isKFirst ? outer : b.along(k));
    return b.evaluate(value, inner);
  };
  FailureOr<Tile> x = operand(lhs, left, access[rank - 2], ta);
  FailureOr<Tile> y = operand(rhs, right, access.back(), !tb);
  if (failed(x) || failed(y)) {
    if (round)
      b.endLoop();
    return failure();
  }
  Tile a = b.convert(b.inMemory(*x), *type),
       c = b.convert(b.inMemory(*y), *type);
  Window acc = b.matrix(sums, m, n), aWindow = b.matrix(a, m, k),
         cWindow = b.matrix(c, k, n);
  b.schedule.step(Lane::Tensor,
                  {{sums.buffer, true}, {a.buffer, false}, {c.buffer, false}},
                  [=](StreamWriter &out) {
                    emitProduct(out, acc, aWindow, cWindow, round);
                  });
  if (round)
    b.endLoop();

  Tile result = b.newTile(typeOf(op->getResult(0)), sides);
  SmallVector<BufferUse, 4> uses = {{result.buffer, true},
                                    {sums.buffer, false}};
  std::optional<Window> bias;
  if (product.getBias()) {
    FailureOr<Tile> tile = b.evaluateBroadcast(product.getBias(), dims, access);
    if (failed(tile))
      return failure();
    Tile own = b.inMemory(*tile);
    bias = b.matrix(own, m, n);
    uses.push_back({own.buffer, false});
  }
  Window to = b.matrix(result, m, n);
  b.schedule.step(Lane::Tensor, uses, [=](StreamWriter &out) {
    SmallVector<StreamWriter::Argument, 6> arguments = {
        out.operand(OperandName::Dst, to),
        out.operand(OperandName::Acc, acc),
        {OperandName::Activation, int64_t(Activation::None)},
        {OperandName::Combine, int64_t(Combine::None)}};
    if (bias)
      arguments.push_back(out.operand(OperandName::Bias, *bias));
    out.emit(Opcode::Drain, arguments);
  });
  return result;
}

static void matmulWish(TileBuilder &b, Operation *op, TileWish &wish) {
  size_t rank = wish.single.size();
  for (size_t i = 0; i + 2 < rank; ++i)
    wish.single[i] = true;
  const TensorUnit &unit = b.machine.tensor;
  wish.most[rank - 1] = std::max<int64_t>(unit.columns, 256);
  wish.most[rank - 2] = std::clamp<int64_t>(
      unit.accumulatorBytes / 4 / wish.most[rank - 1] / 2, 1, 128);
  wish.least = 8 * unit.columns;
}

static std::string checkMatmul(Operation *op, const Machine &machine) {
  std::string problem;
  auto product = cast<fm::MatmulOp>(op);
  // Alone, an op does not tell whether f32 weights will be f16.
  Type a = elementOf(stripWidening(product.getLhs()));
  Type b = elementOf(stripWidening(product.getRhs()));
  if (isa<IntegerType>(a) &&
      !elementOf(product.getResult()).isSignlessInteger(32))
    return "products of i8 give i32; cast the operands";
  productType(a, b, machine.tensor, problem);
  return problem;
}

void narae::npu::registerMatmulOps(OpTable &t) {
  t["fm.matmul"] = {matmul, matmulWish, checkMatmul};
}
