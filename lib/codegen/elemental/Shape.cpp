//===- Shape.cpp - Elements of ops that move elements ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"
#include "lib/codegen/elemental/Values.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

//===----------------------------------------------------------------------===//
// Reshape
//===----------------------------------------------------------------------===//

/// Maps indices of a result to those of an operand with the same elements.
/// Both shapes are cut into the smallest pairs of runs with equal products;
/// only runs of several dimensions need divisions.
static Indices regroup(KernelContext &k, ArrayRef<Expr> from, ArrayRef<Expr> to,
                       ValueRange indices) {
  Indices operand(to.size(), k.index(0));
  auto isOne = [](Expr e) { return fm::constantOf(e) == 1; };
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    if (i < from.size() && isOne(from[i])) {
      ++i;
      continue;
    }
    if (j < to.size() && isOne(to[j])) {
      ++j;
      continue;
    }
    // The shortest runs from here whose products are equal, or all the rest.
    size_t endI = from.size(), endJ = to.size();
    size_t best = endI - i + endJ - j;
    for (size_t a = i + 1; a <= from.size(); ++a)
      for (size_t c = j + 1; c <= to.size(); ++c)
        if (a - i + c - j < best && k.scope.product(from.slice(i, a - i)) ==
                                        k.scope.product(to.slice(j, c - j))) {
          best = a - i + c - j;
          endI = a;
          endJ = c;
        }
    Value offset =
        k.linear(from.slice(i, endI - i), indices.slice(i, endI - i));
    Indices part = k.delinear(to.slice(j, endJ - j), offset);
    llvm::copy(part, operand.begin() + j);
    i = endI;
    j = endJ;
  }
  return operand;
}

static Value reshape(KernelContext &k, Operation *op, unsigned,
                     ValueRange indices) {
  Value input = op->getOperand(0);
  ArrayRef<Expr> from = k.dims(op->getResult(0)), to = k.dims(input);
  if (k.isFlat(input))
    return k.element(input, k.flatIndices(to, k.linear(from, indices)));
  return k.element(input, regroup(k, from, to, indices));
}

static Value transpose(KernelContext &k, Operation *op, unsigned,
                       ValueRange indices) {
  Indices operand(indices.begin(), indices.end());
  for (auto [i, p] : llvm::enumerate(cast<fm::TransposeOp>(op).getPerm()))
    operand[p] = indices[i];
  return k.element(op->getOperand(0), operand);
}

static Value broadcast(KernelContext &k, Operation *op, unsigned,
                       ValueRange indices) {
  return k.broadcastElement(op->getOperand(0), k.dims(op->getResult(0)),
                            indices);
}

static Value tile(KernelContext &k, Operation *op, unsigned,
                  ValueRange indices) {
  Value input = op->getOperand(0);
  ArrayRef<Expr> own = k.dims(input), result = k.dims(op->getResult(0));
  Indices operand;
  for (auto [i, dim] : llvm::enumerate(own)) {
    if (dim == result[i])
      operand.push_back(indices[i]);
    else
      operand.push_back(k.remI(indices[i], k.maxI(k.expr(dim), k.index(1))));
  }
  return k.element(input, operand);
}

//===----------------------------------------------------------------------===//
// Concat, slice, pad
//===----------------------------------------------------------------------===//

static Value concat(KernelContext &k, Operation *op, unsigned,
                    ValueRange indices) {
  auto concat = cast<fm::ConcatOp>(op);
  int64_t axis = concat.getAxis();
  Type element = elementOf(concat.getResult());
  SmallVector<std::pair<Value, Expr>> pieces; // operand, where it begins
  Expr offset = k.scope.cst(0);
  std::optional<unsigned> chosen = k.chosenOperand(op, indices[axis]);
  for (auto [i, input] : llvm::enumerate(concat.getInputs())) {
    Expr size = k.scope.dim(input, axis);
    if (chosen ? *chosen == i : fm::constantOf(size) != 0)
      pieces.push_back({input, offset});
    offset = k.scope.add(offset, size);
  }
  std::function<Value(size_t)> pick = [&](size_t i) -> Value {
    auto elementAt = [&]() {
      Indices operand(indices.begin(), indices.end());
      operand[axis] = k.subI(operand[axis], k.expr(pieces[i].second));
      return k.element(pieces[i].first, operand);
    };
    if (i + 1 == pieces.size())
      return elementAt();
    bool failed = false;
    auto checked = [&](Value v) -> SmallVector<Value> {
      failed |= !v;
      return {v ? v : k.zero(element)};
    };
    Value isHere = k.lessI(indices[axis], k.expr(pieces[i + 1].second));
    auto results = k.ifElse(
        isHere, {KernelContext::registerType(element)},
        [&] { return checked(elementAt()); },
        [&] { return checked(pick(i + 1)); });
    return failed ? Value() : results[0];
  };
  return pieces.empty() ? k.zero(element) : pick(0);
}

static Value slice(KernelContext &k, Operation *op, unsigned,
                   ValueRange indices) {
  auto slice = cast<fm::SliceOp>(op);
  fm::SymbolicScope &s = k.scope;
  Exprs starts = listOf(k, op, slice.getStarts());
  if (starts.size() != slice.getAxes().size())
    return {};
  Indices operand(indices.begin(), indices.end());
  for (auto [i, axis] : llvm::enumerate(slice.getAxes())) {
    int64_t step = slice.getSteps()[i];
    Expr dim = s.dim(slice.getInput(), axis);
    // No dimension is larger than 32 bits; arithmetic on bounds that are would
    // overflow.
    if (auto start = fm::constantOf(starts[i]))
      starts[i] = s.cst(std::clamp<int64_t>(*start, INT32_MIN, INT32_MAX));
    Expr zero = s.cst(0);
    Expr start = s.select(s.less(starts[i], zero),
                          s.add(s.min(starts[i], zero), dim), starts[i]);
    Expr last = step > 0 ? dim : s.sub(dim, s.cst(1));
    start = s.max(s.min(start, last), s.cst(0));
    operand[axis] = k.addI(k.mulI(indices[axis], k.index(step)), k.expr(start));
  }
  return k.element(slice.getInput(), operand);
}

/// x mod m with m > 0; the result is in [0, m).
static Value floorMod(KernelContext &k, Value x, Value m) {
  Value r = k.b.create<arith::RemSIOp>(k.loc, x, m);
  return k.selectV(k.lessI(r, k.index(0)), k.addI(r, m), r);
}

static Value pad(KernelContext &k, Operation *op, unsigned,
                 ValueRange indices) {
  auto pad = cast<fm::PadOp>(op);
  Value input = pad.getInput();
  Exprs pads = listOf(k, op, pad.getPads());
  ArrayRef<int64_t> axes = pad.getAxes();
  if (pads.size() != 2 * axes.size())
    return {};
  Type element = elementOf(input);
  Indices operand(indices.begin(), indices.end());
  Value inside;
  Expr nonEmpty = k.scope.cst(1);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (fm::constantOf(pads[i]) == 0 &&
        fm::constantOf(pads[i + axes.size()]) == 0)
      continue;
    Expr dim = k.scope.dim(input, axis);
    Value size = k.expr(dim), at = k.subI(indices[axis], k.expr(pads[i]));
    nonEmpty = k.scope.mul(nonEmpty, dim);
    Value last = k.subI(size, k.index(1));
    if (pad.getMode() == "constant") {
      Value here = inBounds(k, at, size);
      inside =
          inside ? Value(k.b.create<arith::AndIOp>(k.loc, inside, here)) : here;
    } else if (pad.getMode() == "edge") {
      at = k.maxI(k.minI(at, last), k.index(0));
    } else if (pad.getMode() == "reflect") {
      Value period = k.maxI(k.mulI(last, k.index(2)), k.index(1));
      Value m = floorMod(k, at, period);
      at = k.minI(m, k.subI(period, m));
      // A single element has no neighbour to reflect.
      at = k.minI(at, k.maxI(last, k.index(0)));
    } else {
      at = floorMod(k, at, k.maxI(size, k.index(1)));
    }
    operand[axis] = at;
  }
  auto read = [&] { return k.element(input, operand); };
  if (pad.getMode() != "constant")
    return unlessEmpty(k, nonEmpty, element, read);
  if (!inside)
    return read();
  Value outside = scalarElement(k, pad.getValue());
  bool failed = !outside;
  auto results = k.ifElse(
      inside, {KernelContext::registerType(element)},
      [&]() -> SmallVector<Value> {
        Value v = read();
        failed |= !v;
        return {v ? v : k.zero(element)};
      },
      [&]() -> SmallVector<Value> {
        return {outside ? outside : k.zero(element)};
      });
  return failed ? Value() : results[0];
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

static Value trilu(KernelContext &k, Operation *op, unsigned,
                   ValueRange indices) {
  auto trilu = cast<fm::TriluOp>(op);
  size_t rank = indices.size();
  Value diagonal = scalarIndex(k, trilu.getK());
  Value x = diagonal ? k.element(trilu.getInput(), indices) : diagonal;
  if (!x)
    return {};
  Value distance = k.subI(indices[rank - 1], indices[rank - 2]);
  Value keep = trilu.getUpper()
                   ? k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::sge,
                                               distance, diagonal)
                   : k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::sle,
                                               distance, diagonal);
  return k.selectV(keep, x, k.zero(elementOf(trilu.getInput())));
}

static Value reverseSequence(KernelContext &k, Operation *op, unsigned,
                             ValueRange indices) {
  auto reverse = cast<fm::ReverseSequenceOp>(op);
  Value length =
      k.element(reverse.getLengths(), Indices{indices[reverse.getBatchAxis()]});
  if (!length)
    return {};
  int64_t axis = reverse.getTimeAxis();
  Value n = k.minI(toIndex(k, length, elementOf(reverse.getLengths())),
                   k.dim(reverse.getInput(), axis));
  Value t = indices[axis];
  Indices operand(indices.begin(), indices.end());
  operand[axis] = k.selectV(k.lessI(t, n), k.subI(k.subI(n, k.index(1)), t), t);
  return k.element(reverse.getInput(), operand);
}

static Value packPanels(KernelContext &k, Operation *op, unsigned,
                        ValueRange indices) {
  auto pack = cast<fm::PackPanelsOp>(op);
  Value input = pack.getInput();
  int64_t width = pack.getWidth();
  size_t rank = indices.size(), batch = rank - 3;
  Value column =
      k.addI(k.mulI(indices[batch], k.index(width)), indices[rank - 1]);
  Indices operand(indices.begin(), indices.begin() + batch);
  Value row = indices[rank - 2];
  bool transposed = pack.getTransposed();
  operand.push_back(transposed ? column : row);
  operand.push_back(transposed ? row : column);
  Expr n = k.scope.dim(input, transposed ? batch : batch + 1);
  if (auto size = fm::constantOf(n); size && *size % width == 0)
    return k.element(input, operand);
  return onlyIf(k, k.lessI(column, k.expr(n)), elementOf(input),
                [&] { return k.element(input, operand); });
}

void codegen::registerShapeElements(ElementTable &t) {
  auto free = [&](StringRef name, ElementFn fn) {
    t[name] = {fn, ElementCost::Free};
  };
  free("fm.reshape", reshape);
  free("fm.flatten", reshape);
  free("fm.squeeze", reshape);
  free("fm.unsqueeze", reshape);
  free("fm.transpose", transpose);
  free("fm.broadcast", broadcast);
  free("fm.tile", tile);
  free("fm.concat", concat);
  free("fm.slice", slice);
  free("fm.pad", pad);
  free("fm.trilu", trilu);
  free("fm.reverse_sequence", reverseSequence);
  free("fm.pack_panels", packPanels);
  registerValueElements(t);
}
