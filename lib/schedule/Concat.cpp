//===- Concat.cpp - Concatenations that nobody makes ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where the dimensions in front of the axis are 1, each input of a
// concatenation is a dense piece of the result. A kernel that computes such an
// input then writes it where it belongs, and the concatenation is no launch any
// more; inputs that cannot be written there are copied.
//
// The result lives from the first of these writes on, which may be long before
// the others: an input is written in place only if no more bytes live at the
// fullest time than without. Sizes count as they are, unknown dimensions as
// 128.
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/KernelScope.h"
#include "lib/dispatch/HostExprs.h"
#include "lib/schedule/Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace narae;
using namespace narae::schedule;

/// Of a dynamic dimension while lifetimes are weighed.
static constexpr int64_t kNominal = 128;

/// The value that has the memory of a chain of views.
static Value strip(Value value) {
  while (auto view = value.getDefiningOp<rt::ViewOp>())
    value = view.getInput();
  return value;
}

/// The concatenation that a kernel is, and nothing else; the arguments are its
/// inputs.
static fm::ConcatOp concatOf(rt::KernelOp kernel) {
  Block &block = kernel.block();
  auto concat = dyn_cast<fm::ConcatOp>(block.front());
  if (!concat || concat->getNextNode() != block.getTerminator() ||
      block.getTerminator()->getNumOperands() != 1)
    return {};
  // An argument that is there twice has no one place.
  llvm::SmallPtrSet<void *, 8> seen;
  for (Value input : concat.getInputs())
    if (!isa<BlockArgument>(input) ||
        !seen.insert(input.getAsOpaquePointer()).second)
      return {};
  return concat;
}

/// Whether an index value of the function is known before anything runs.
static bool isEarly(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    auto arg = dyn_cast<BlockArgument>(dim.getSource());
    return arg && isa<func::FuncOp>(arg.getOwner()->getParentOp());
  }
  return (isa<rt::EvalOp>(op) || isa<arith::ArithDialect>(op->getDialect())) &&
         llvm::all_of(op->getOperands(), isEarly);
}

static int64_t nominalBytes(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (int64_t size : type.getShape())
    shape.push_back(ShapedType::isDynamic(size) ? kNominal : size);
  return fm::storageBytes(RankedTensorType::get(shape, type.getElementType()));
}

namespace {
/// Bytes that live at each position.
class Profile {
public:
  explicit Profile(int64_t end) : live(end + 2) {}

  void add(int64_t first, int64_t last, int64_t bytes) {
    last = std::min<int64_t>(last, live.size());
    for (int64_t i = first; i < last; ++i)
      live[i] += bytes;
  }
  int64_t most() const { return *llvm::max_element(live); }

private:
  std::vector<int64_t> live;
};
} // namespace

/// Where an operand of a concatenation is computed, if it may be computed in
/// place: by a dispatch of the same block that writes fresh memory of a size
/// known before anything runs.
Value Scheduler::pieceOf(rt::DispatchOp concat, Value operand) {
  Value value = strip(operand);
  auto producer = value.getDefiningOp<rt::DispatchOp>();
  if (!producer || producer->getBlock() != concat->getBlock() ||
      pieces.count(value) || isReturned(value) ||
      !llvm::all_of(producer.getParams(), isEarly))
    return {};
  int64_t times = 0;
  for (Value input : concat.getInputs())
    times += strip(input) == value;
  return times == 1 ? value : Value();
}

void Scheduler::planConcats() {
  Block &block = func.getBody().front();
  Profile profile(endPosition[block.getTerminator()]);
  auto interval = [&](Value value, int64_t bytes) {
    rt::DispatchOp op = value.getDefiningOp<rt::DispatchOp>();
    int64_t first = position[op];
    auto found = concats.find(op);
    if (found != concats.end())
      first = std::min(first, found->second.first);
    profile.add(first, std::max(lastUse(value), first + 1), bytes);
  };
  SmallVector<rt::DispatchOp> candidates;
  func.walk([&](rt::DispatchOp op) {
    for (Value result : op.getResults())
      if (!isReturned(result))
        interval(result, nominalBytes(result));
    auto kernel = symbols.lookup<rt::KernelOp>(op.getKernel());
    fm::ConcatOp concat = concatOf(kernel);
    auto type = cast<RankedTensorType>(op.getResult(0).getType());
    if (!concat || op->getBlock() != &block ||
        !llvm::all_of(op.getParams(), isEarly) ||
        !llvm::all_of(type.getShape().take_front(concat.getAxis()),
                      [](int64_t size) { return size == 1; }))
      return;
    candidates.push_back(op);
  });

  // The last ones first: what they are made of may be concatenations too.
  for (rt::DispatchOp op : llvm::reverse(candidates)) {
    SmallVector<Value> values;
    for (Value operand : op.getInputs())
      if (Value value = pieceOf(op, operand))
        values.push_back(value);
    // The last producer costs least.
    auto order = [&](Value value) {
      return std::make_pair(position[value.getDefiningOp()],
                            cast<OpResult>(value).getResultNumber());
    };
    llvm::sort(values, [&](Value a, Value b) { return order(a) > order(b); });
    // Who has the memory, in the end.
    SmallVector<rt::DispatchOp> outer{op};
    while (rt::DispatchOp next = pieces.lookup(outer.back().getResult(0)))
      outer.push_back(next);
    Value root = outer.back().getResult(0);
    auto weigh = [&](int64_t sign) {
      if (!isReturned(root))
        interval(root, sign * nominalBytes(root));
    };
    for (Value value : values) {
      int64_t before = profile.most();
      weigh(-1);
      interval(value, -nominalBytes(value));
      auto kept = concats;
      concats.insert({op, Concat()});
      for (rt::DispatchOp at : outer) {
        int64_t &first = concats.find(at)->second.first;
        first = std::min(first ? first : position[at],
                         position[value.getDefiningOp()]);
      }
      concats.find(op)->second.pieces.push_back(value);
      weigh(1);
      if (profile.most() <= before) {
        pieces[value] = op;
        continue;
      }
      weigh(-1);
      concats = std::move(kept);
      weigh(1);
      interval(value, nominalBytes(value));
    }
  }
}

/// The result of a concatenation, made when the first piece is.
Scheduler::Concat &Scheduler::concatResult(rt::DispatchOp op) {
  Concat &concat = concats.find(op)->second;
  if (concat.tensor.buffer)
    return concat;
  auto kernel = symbols.lookup<rt::KernelOp>(op.getKernel());
  Location loc = op.getLoc();
  SmallVector<Value> params;
  for (Value param : op.getParams())
    params.push_back(index(param));
  SmallVector<Value> values =
      dispatch::symbolValues(b, loc, kernel.getSymbols(), params);
  auto dimsOf = [&](Attribute map) {
    SmallVector<Value> dims;
    for (fm::Expr e : cast<AffineMapAttr>(map).getValue().getResults())
      dims.push_back(dispatch::evalExpr(b, loc, e, values));
    return dims;
  };
  Value result = op.getResult(0);
  concat.tensor.dims = dimsOf(kernel.getResultDims()[0]);
  // A nested one is itself a piece.
  placeResult(op, result, nameOf(op), concat.tensor, concat.first);
  Value offset = constant(0);
  for (Value input : concatOf(kernel).getInputs()) {
    unsigned argument = cast<BlockArgument>(input).getArgNumber();
    auto type = cast<RankedTensorType>(op.getInputs()[argument].getType());
    SmallVector<Value> dims = dimsOf(kernel.getArgDims()[argument]);
    concat.offsets[argument] = offset;
    offset = b.createOrFold<arith::AddIOp>(
        loc, offset, dispatch::bytesOf(b, loc, type, dims));
  }
  tensors[result] = concat.tensor;
  return concat;
}

/// The memory of a value that is computed where a concatenation has it.
Value Scheduler::pieceBuffer(Value value, ArrayRef<Value> dims) {
  rt::DispatchOp op = pieces.lookup(value);
  Concat &concat = concatResult(op);
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    if (strip(input) == value)
      return alias(value.getLoc(), concat.tensor.buffer,
                   cast<RankedTensorType>(value.getType()), dims,
                   concat.offsets[i]);
  llvm_unreachable("a piece is an input");
}

/// What is left of a concatenation: copies of inputs that lie elsewhere.
void Scheduler::finishConcat(rt::DispatchOp op) {
  Concat &concat = concatResult(op);
  auto kernel = symbols.lookup<rt::KernelOp>(op.getKernel());
  for (Value input : concatOf(kernel).getInputs()) {
    unsigned i = cast<BlockArgument>(input).getArgNumber();
    Value value = op.getInputs()[i];
    if (pieces.lookup(strip(value)) == op)
      continue;
    auto type = cast<RankedTensorType>(value.getType());
    Tensor from = tensorOf(value), to = from;
    to.buffer = alias(op.getLoc(), concat.tensor.buffer, type, from.dims,
                      concat.offsets[i]);
    copy(op.getLoc(), from, to, type);
  }
}
