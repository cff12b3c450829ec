//===- RecurrentEmitter.cpp - LSTM, GRU and RNN over time -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sequence of one direction is one item of the static partition; steps are
// computed one after the other. With f32 in memory, all gates of a step are
// dot products with the rows of W and R, several at once; other types take
// the same loops element by element. Equations are those of ONNX.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/Recurrence.h"
#include "dialects/rt/KernelScope.h"
#include "lib/codegen/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

namespace {

/// Scratch memory in elements of 8 bytes at most: the sums of all gates, the
/// products that a GRU keeps apart, the state and the cell.
struct RecurrentPlan {
  Expr row, sums, apart, state, cell, total;

  RecurrentPlan(fm::SymbolicScope &s, const Recurrence &r) {
    row = s.mul(s.ceilDiv(r.hidden, s.cst(16)), s.cst(16));
    // Behind the last row there is room for a whole vector.
    auto after = [&](Expr at, Expr floats) {
      return s.add(at, s.add(s.mul(floats, s.cst(8)), s.cst(128)));
    };
    sums = s.cst(0);
    apart = after(sums, s.mul(row, s.cst(r.gates)));
    state = after(apart, row);
    cell = after(state, row);
    total = after(cell, row);
  }
};

class RecurrentBody {
public:
  RecurrentBody(KernelContext &k, const MachineModel &machine,
                const Recurrence &r)
      : k(k), v(k.b, k.loc, machine), r(r), op(r.op), plan(k.scope, r),
        element(k.elementType(r.op.getInput())),
        type(element.isF64() ? element : k.b.getF32Type()),
        hidden(k.expr(r.hidden)), sums(k.scratchAt(k.expr(plan.sums))),
        apart(k.scratchAt(k.expr(plan.apart))),
        state(k.scratchAt(k.expr(plan.state))),
        cell(k.scratchAt(k.expr(plan.cell))) {}

  void emit();

private:
  void emitSequence(int64_t d, Value n);
  void emitStep(int64_t d, Value n, Value t);
  void stepLstm(int64_t d);
  void stepGru(int64_t d, Value n, Value t);
  void stepRnn(int64_t d);

  /// out[i] = W[first + i] . x + R[first + i] . h, for `rows` rows of gates.
  void products(int64_t d, Value n, Value t, int64_t firstGate, int64_t gates,
                bool withInput, bool withState, Value out);
  void productsByElement(int64_t d, Value n, Value t, Value first, Value rows,
                         bool withInput, bool withState, Value out);
  void overHidden(function_ref<void(Value)> body) {
    k.forLoop(k.index(0), hidden, k.index(1), body);
  }

  /// An element in the type of computation.
  Value read(Value tensor, ValueRange indices) {
    Value value = k.element(tensor, indices);
    return value ? codegen::convert(k, value, k.elementType(tensor), type)
                 : k.zero(type);
  }
  Value bias(int64_t d, int64_t gate, Value i, bool ofState);
  Value peephole(int64_t d, int64_t gate, Value i, Value cellValue);
  Value sumOf(int64_t gate, Value i);
  Value clipped(Value x);
  Value gate(int64_t d, int64_t activation, Value x) {
    return activate(k, r, d, activation, clipped(x));
  }
  void initialise(Value room, Value initial, int64_t d, Value n);
  void yieldElement(Value result, ValueRange indices, Value value);

  Value at(Value room, Value i) { return k.load(room, type, i); }
  void set(Value room, Value i, Value x) { k.store(x, room, type, i); }
  Value add(Value x, Value y) { return k.b.create<arith::AddFOp>(k.loc, x, y); }
  Value mul(Value x, Value y) { return k.b.create<arith::MulFOp>(k.loc, x, y); }
  Value sub(Value x, Value y) { return k.b.create<arith::SubFOp>(k.loc, x, y); }

  KernelContext &k;
  VectorBuilder v;
  const Recurrence &r;
  fm::RecurrentOp op;
  RecurrentPlan plan;
  Type element, type; ///< of tensors, and of computation
  Value hidden, sums, apart, state, cell;
};

} // namespace

//===----------------------------------------------------------------------===//
// Parts of gates
//===----------------------------------------------------------------------===//

Value RecurrentBody::bias(int64_t d, int64_t gate, Value i, bool ofState) {
  Value at = k.addI(k.mulI(k.index(gate + (ofState ? r.gates : 0)), hidden), i);
  return read(op.getBias(), {k.index(d), at});
}

/// x + peephole . cell, where there are peepholes.
Value RecurrentBody::peephole(int64_t d, int64_t gate, Value i,
                              Value cellValue) {
  Value at = k.addI(k.mulI(k.index(gate), hidden), i);
  return mul(read(op.getPeepholes(), {k.index(d), at}), cellValue);
}

Value RecurrentBody::sumOf(int64_t gate, Value i) {
  return at(sums, k.addI(k.mulI(k.index(gate), hidden), i));
}

Value RecurrentBody::clipped(Value x) {
  double clip = op.getClip().convertToDouble();
  if (clip == 0)
    return x;
  Value low = k.constant(type, -clip), high = k.constant(type, clip);
  auto less = [&](Value p, Value q) -> Value {
    return k.b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::OLT, p, q);
  };
  x = k.selectV(less(x, low), low, x);
  return k.selectV(less(high, x), high, x);
}

void RecurrentBody::products(int64_t d, Value n, Value t, int64_t firstGate,
                             int64_t gates, bool withInput, bool withState,
                             Value out) {
  Value first = k.mulI(k.index(firstGate), hidden);
  Value rows = k.mulI(k.index(gates), hidden);
  Value input = k.pointerOf(op.getInput()), w = k.pointerOf(op.getW());
  Value recur = k.pointerOf(op.getR());
  if (!element.isF32() || !input || !w || !recur)
    return productsByElement(d, n, t, first, rows, withInput, withState, out);
  Value width = k.expr(r.inputs);
  Value start = k.addI(k.mulI(k.index(d * r.gates), hidden), first);
  SmallVector<MatrixVector, 2> terms;
  if (withInput) {
    Value x = k.addI(k.mulI(t, k.expr(r.batch)), n);
    terms.push_back(
        {v.at(w, k.mulI(start, width)), v.at(input, k.mulI(x, width)), width});
  }
  if (withState)
    terms.push_back({v.at(recur, k.mulI(start, hidden)), state, hidden});
  emitDots(k, v, terms, rows, out);
}

void RecurrentBody::productsByElement(int64_t d, Value n, Value t, Value first,
                                      Value rows, bool withInput,
                                      bool withState, Value out) {
  Value zero = k.index(0), one = k.index(1), direction = k.index(d);
  k.forLoop(zero, rows, one, [&](Value i) {
    Value row = k.addI(first, i);
    auto dot = [&](Value size, Value sum,
                   function_ref<Value(Value)> product) -> Value {
      return k.forLoop(zero, size, one, sum,
                       [&](Value j, ValueRange acc) -> SmallVector<Value> {
                         return {add(acc[0], product(j))};
                       })[0];
    };
    Value sum = k.zero(type);
    if (withInput)
      sum = dot(k.expr(r.inputs), sum, [&](Value j) {
        return mul(read(op.getW(), {direction, row, j}),
                   read(op.getInput(), {t, n, j}));
      });
    if (withState)
      sum = dot(hidden, sum, [&](Value j) {
        return mul(read(op.getR(), {direction, row, j}), at(state, j));
      });
    set(out, i, sum);
  });
}

//===----------------------------------------------------------------------===//
// Cells
//===----------------------------------------------------------------------===//

/// Gates i, o, f, c; peepholes i, o, f.
void RecurrentBody::stepLstm(int64_t d) {
  overHidden([&](Value i) {
    auto sum = [&](int64_t gate) {
      Value x = sumOf(gate, i);
      if (op.getBias())
        x = add(x, add(bias(d, gate, i, false), bias(d, gate, i, true)));
      return x;
    };
    auto peep = [&](int64_t gate, Value x, Value c) {
      return op.getPeepholes() ? add(x, peephole(d, gate, i, c)) : x;
    };
    Value before = at(cell, i);
    Value in = gate(d, 0, peep(0, sum(0), before));
    Value forget = op.getInputForget() ? sub(k.constant(type, 1), in)
                                       : gate(d, 0, peep(2, sum(2), before));
    Value fresh = gate(d, 1, sum(3));
    Value now = add(mul(forget, before), mul(in, fresh));
    Value open = gate(d, 0, peep(1, sum(1), now));
    set(cell, i, now);
    set(state, i, mul(open, activate(k, r, d, 2, now)));
  });
}

/// Gates z, r, h.
void RecurrentBody::stepGru(int64_t d, Value n, Value t) {
  auto sum = [&](int64_t gate, Value i) {
    Value x = sumOf(gate, i);
    if (op.getBias())
      x = add(x, add(bias(d, gate, i, false), bias(d, gate, i, true)));
    return x;
  };
  auto fresh = [&](Value i, Value recurrent) {
    Value x = add(sumOf(2, i), recurrent);
    if (op.getBias())
      x = add(x, bias(d, 2, i, false));
    return gate(d, 1, x);
  };
  // h = (1 - z) fresh + z h
  auto mix = [&](Value z, Value candidate, Value before) {
    return add(mul(sub(k.constant(type, 1), z), candidate), mul(z, before));
  };
  products(d, n, t, 0, 2, true, true, sums);
  // The third gate's sums begin where the first two end, perhaps within a
  // vector: its room is computed after them.
  Value third = k.address(sums, type, k.mulI(k.index(2), hidden));
  products(d, n, t, 2, 1, true, false, third);
  if (op.getLinearBeforeReset()) {
    products(d, n, t, 2, 1, false, true, apart);
    overHidden([&](Value i) {
      Value linear = at(apart, i);
      if (op.getBias())
        linear = add(linear, bias(d, 2, i, true));
      Value z = gate(d, 0, sum(0, i)), reset = gate(d, 0, sum(1, i));
      set(state, i, mix(z, fresh(i, mul(reset, linear)), at(state, i)));
    });
    return;
  }
  // The state waits in the cell's room while the reset state is multiplied.
  overHidden([&](Value i) {
    Value before = at(state, i);
    set(cell, i, before);
    set(state, i, mul(gate(d, 0, sum(1, i)), before));
  });
  products(d, n, t, 2, 1, false, true, apart);
  overHidden([&](Value i) {
    Value linear = at(apart, i);
    if (op.getBias())
      linear = add(linear, bias(d, 2, i, true));
    Value z = gate(d, 0, sum(0, i));
    set(state, i, mix(z, fresh(i, linear), at(cell, i)));
  });
}

void RecurrentBody::stepRnn(int64_t d) {
  overHidden([&](Value i) {
    Value x = sumOf(0, i);
    if (op.getBias())
      x = add(x, add(bias(d, 0, i, false), bias(d, 0, i, true)));
    set(state, i, gate(d, 0, x));
  });
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

void RecurrentBody::emitStep(int64_t d, Value n, Value t) {
  if (r.kind == CellKind::Gru) {
    stepGru(d, n, t);
  } else {
    products(d, n, t, 0, r.gates, true, true, sums);
    r.kind == CellKind::Lstm ? stepLstm(d) : stepRnn(d);
  }
  overHidden([&](Value i) {
    yieldElement(op.getY(), {t, k.index(d), n, i}, at(state, i));
  });
}

void RecurrentBody::initialise(Value room, Value initial, int64_t d, Value n) {
  overHidden([&](Value i) {
    set(room, i, initial ? read(initial, {k.index(d), n, i}) : k.zero(type));
  });
}

/// Stores an element of a result wherever the kernel yields it.
void RecurrentBody::yieldElement(Value result, ValueRange indices,
                                 Value value) {
  for (auto [i, yielded] : llvm::enumerate(k.kernel.yield()->getOperands()))
    if (yielded == result)
      k.storeResult(i, indices,
                    codegen::convert(k, value, type, k.elementType(result)));
}

void RecurrentBody::emitSequence(int64_t d, Value n) {
  Value zero = k.index(0), one = k.index(1), steps = k.expr(r.steps);
  initialise(state, op.getH0(), d, n);
  initialise(cell, r.kind == CellKind::Lstm ? op.getC0() : Value(), d, n);
  Value length = steps;
  if (Value lengths = op.getLengths()) {
    Value given =
        codegen::toIndex(k, k.element(lengths, {n}), k.elementType(lengths));
    length = k.maxI(k.minI(given, steps), zero);
  }
  k.forLoop(zero, length, one, [&](Value s) {
    emitStep(d, n, r.isReverse(d) ? k.subI(k.subI(length, one), s) : s);
  });
  k.forLoop(length, steps, one, [&](Value t) {
    overHidden([&](Value i) {
      yieldElement(op.getY(), {t, k.index(d), n, i}, k.zero(type));
    });
  });
  overHidden([&](Value i) {
    yieldElement(op.getH(), {k.index(d), n, i}, at(state, i));
    Value last = r.kind == CellKind::Lstm ? at(cell, i) : k.zero(type);
    yieldElement(op.getC(), {k.index(d), n, i}, last);
  });
}

void RecurrentBody::emit() {
  Value batch = k.expr(r.batch), directions = k.index(r.directions);
  auto [begin, end] = k.share(k.mulI(batch, directions));
  k.forLoop(begin, end, k.index(1), [&](Value item) {
    // Directions differ in their code.
    Value n = k.divI(item, directions), which = k.remI(item, directions);
    if (r.directions == 1)
      return emitSequence(0, n);
    k.ifElse(
        k.lessI(which, k.index(1)), {},
        [&] {
          emitSequence(0, n);
          return SmallVector<Value>();
        },
        [&] {
          emitSequence(1, n);
          return SmallVector<Value>();
        });
  });
}

namespace {

class RecurrentEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "recurrent"; }

  bool matches(rt::KernelOp kernel, const MachineModel &machine) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto r = Recurrence::of(scope, codegen::anchorOf(kernel));
    return r && llvm::all_of(kernel.yield()->getOperands(), [&](Value value) {
             return value.getDefiningOp() == r->op;
           });
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    Recurrence r = *Recurrence::of(scope, codegen::anchorOf(kernel));
    scratch = RecurrentPlan(scope, r).total;
    return DictionaryAttr::get(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override {
    Recurrence r = *Recurrence::of(k.scope, codegen::anchorOf(k.kernel));
    RecurrentBody(k, machine, r).emit();
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createRecurrentEmitter() {
  return std::make_unique<RecurrentEmitter>();
}
