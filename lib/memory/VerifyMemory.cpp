//===- VerifyMemory.cpp - The rung after memory ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Buffers that live at the same time must not overlap, whatever the sizes are.
// Places that are numbers are compared. Of the others the arithmetic itself is
// read: a buffer lies above another where its place is at least a sum that is
// that one's place and size. Nothing here knows how the places came about.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/BitVector.h"

namespace narae::memory {
#define GEN_PASS_DEF_VERIFYMEMORY
#include "lib/memory/Passes.h.inc"
} // namespace narae::memory

using namespace mlir;
using namespace narae;

/// Functions with more buffers of unknown size are not checked pair by pair:
/// the planner's own check at the planned sizes is all.
static constexpr size_t kMaxDynamic = 8192;

/// Bytes of a tensor at given sizes of its dynamic dimensions.
static int64_t bytesAt(RankedTensorType type, ArrayRef<int64_t> dims) {
  auto [elements, bytes] = fm::storageUnit(type.getElementType());
  unsigned next = 0;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    int64_t size = type.isDynamicDim(i) ? dims[next++] : type.getDimSize(i);
    if (i + 1 == type.getRank())
      size = (size + elements - 1) / elements;
    bytes *= size;
  }
  return bytes;
}

/// Whether an index value is the size of a buffer of dynamic dimensions: both
/// are polynomials of the same values, compared at a few points of primes.
static bool isSizeOf(Value size, hbm::BufferOp buffer) {
  auto eval = size.getDefiningOp<rt::EvalOp>();
  SmallVector<Value> symbols;
  if (eval)
    symbols.append(eval.getSymbols().begin(), eval.getSymbols().end());
  else
    symbols.push_back(size);
  static constexpr int64_t kPrimes[][4] = {
      {2, 3, 5, 7}, {61, 67, 71, 73}, {31, 97, 13, 64}, {128, 1, 37, 19}};
  auto type = cast<RankedTensorType>(buffer.getTensor());
  for (auto &point : kPrimes) {
    llvm::DenseMap<Value, int64_t> values;
    auto at = [&](Value v) {
      if (auto number = getConstantIntValue(v))
        return *number;
      return values.try_emplace(v, point[values.size() % 4]).first->second;
    };
    SmallVector<int64_t> dims;
    for (Value dim : buffer.getDims())
      dims.push_back(at(dim));
    size_t known = values.size();
    int64_t result = 0;
    if (eval) {
      SmallVector<Attribute> inputs, outputs;
      for (Value symbol : symbols)
        inputs.push_back(Builder(size.getContext()).getIndexAttr(at(symbol)));
      if (failed(eval.getMap().constantFold(inputs, outputs)))
        return false;
      result = cast<IntegerAttr>(outputs[0]).getInt();
    } else {
      result = at(size);
    }
    if (values.size() != known || result != bytesAt(type, dims))
      return false;
  }
  return true;
}

namespace {

/// The buffers of one function's arena, and who is above whom.
class Arena {
public:
  explicit Arena(func::FuncOp func);
  LogicalResult verify();

private:
  struct Place {
    hbm::BufferOp op;
    std::optional<int64_t> offset; ///< where it is a number
    std::optional<int64_t> bytes;  ///< where they are
    std::optional<int64_t> end() const {
      if (!offset || !bytes)
        return std::nullopt;
      return *offset + *bytes;
    }
  };
  void collectTerms(Value place, SmallVectorImpl<Value> &terms);
  bool isEnd(Value term, const Place &low);
  LogicalResult verifyNumbers();
  LogicalResult verifyOrder();
  LogicalResult overlap(const Place &a, const Place &b);

  std::vector<Place> places;
  bool isComplete = true, isStatic = true;
};

} // namespace

Arena::Arena(func::FuncOp func) {
  func.walk([&](hbm::BufferOp op) {
    if (op.getSpace() != "arena")
      return;
    Place place{op, std::nullopt, std::nullopt};
    if (op.getOffset())
      place.offset = *op.getOffset();
    else if (op.getPlace())
      place.offset = getConstantIntValue(op.getPlace());
    auto type = cast<RankedTensorType>(op.getTensor());
    if (type.hasStaticShape())
      place.bytes = fm::storageBytes(type);
    else if (llvm::is_contained(type.getShape(), 0))
      place.bytes = 0; // whatever the other dimensions are
    if (!op.getOffset() && !op.getPlace()) {
      op.emitOpError("has no place after memory");
      isComplete = false;
    }
    isStatic &= place.end().has_value();
    places.push_back(place);
  });
}

LogicalResult Arena::overlap(const Place &a, const Place &b) {
  hbm::BufferOp first = a.op, second = b.op;
  if (second->isBeforeInBlock(first))
    std::swap(first, second);
  return first.emitOpError("and '")
         << second.getName() << "' live at the same time and may overlap";
}

/// In ascending order of first command, with what lives by offset.
LogicalResult Arena::verifyNumbers() {
  std::vector<const Place *> order;
  for (const Place &place : places)
    if (*place.bytes > 0)
      order.push_back(&place);
  auto firstOf = [](const Place *place) {
    return hbm::BufferOp(place->op).getFirst();
  };
  llvm::sort(order, [&](const Place *a, const Place *b) {
    return std::make_pair(firstOf(a), a) < std::make_pair(firstOf(b), b);
  });
  std::multimap<int64_t, const Place *> live;
  std::multimap<uint64_t, std::multimap<int64_t, const Place *>::iterator> ends;
  for (const Place *place : order) {
    hbm::BufferOp op = place->op;
    while (!ends.empty() && ends.begin()->first <= op.getFirst()) {
      live.erase(ends.begin()->second);
      ends.erase(ends.begin());
    }
    auto next = live.lower_bound(*place->offset);
    if (next != live.end() && next->first < *place->end())
      return overlap(*place, *next->second);
    if (next != live.begin() &&
        *std::prev(next)->second->end() > *place->offset)
      return overlap(*place, *std::prev(next)->second);
    ends.emplace(op.getLast(), live.emplace(*place->offset, place));
  }
  return success();
}

/// Values that a place is at least as large as.
void Arena::collectTerms(Value place, SmallVectorImpl<Value> &terms) {
  llvm::SmallPtrSet<Operation *, 16> seen;
  SmallVector<Value> todo{place};
  while (!todo.empty()) {
    Value value = todo.pop_back_val();
    terms.push_back(value);
    Operation *op = value.getDefiningOp();
    if (isa_and_nonnull<hbm::AlignOp, arith::MaxSIOp>(op) &&
        seen.insert(op).second)
      todo.append(op->operand_begin(), op->operand_end());
  }
}

/// Whether a value is at least the end of a buffer.
bool Arena::isEnd(Value term, const Place &low) {
  hbm::BufferOp op = low.op;
  auto fits = [&](Value size) {
    auto number = getConstantIntValue(size);
    return low.bytes ? number && *number >= *low.bytes : isSizeOf(size, op);
  };
  if (low.offset == 0 && fits(term))
    return true;
  auto sum = term.getDefiningOp<arith::AddIOp>();
  if (!sum)
    return false;
  auto isPlace = [&](Value value) {
    return low.offset ? getConstantIntValue(value) == *low.offset
                      : value == op.getPlace();
  };
  return (isPlace(sum.getLhs()) && fits(sum.getRhs())) ||
         (isPlace(sum.getRhs()) && fits(sum.getLhs()));
}

LogicalResult Arena::verifyOrder() {
  // Directly above: through the terms of its place.
  size_t n = places.size();
  std::vector<llvm::BitVector> above(n, llvm::BitVector(n));
  for (size_t i = 0; i < n; ++i) {
    SmallVector<Value> terms;
    if (!places[i].offset)
      collectTerms(places[i].op.getPlace(), terms);
    std::optional<int64_t> number = places[i].offset;
    for (Value term : terms)
      if (auto c = getConstantIntValue(term))
        number = std::max(number.value_or(*c), *c);
    for (size_t j = 0; j < n; ++j) {
      if (i == j)
        continue;
      auto end = places[j].end();
      if (end ? number && *number >= *end
              : llvm::any_of(
                    terms, [&](Value term) { return isEnd(term, places[j]); }))
        above[i].set(j);
    }
  }
  // And through others, to a fixed point: places follow the order of buffers
  // in the function, so two rounds are the rule.
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < n; ++i) {
      llvm::BitVector all = above[i];
      for (unsigned j : above[i].set_bits())
        all |= above[j];
      changed |= all != above[i];
      above[i] = std::move(all);
    }
  }
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j) {
      hbm::BufferOp a = places[i].op, b = places[j].op;
      if (a.getFirst() >= b.getLast() || b.getFirst() >= a.getLast() ||
          places[i].bytes == 0 || places[j].bytes == 0)
        continue;
      if (!above[i].test(j) && !above[j].test(i))
        return overlap(places[i], places[j]);
    }
  return success();
}

LogicalResult Arena::verify() {
  if (!isComplete)
    return failure();
  if (isStatic)
    return verifyNumbers();
  return places.size() > kMaxDynamic ? success() : verifyOrder();
}

namespace {

struct VerifyMemoryPass
    : narae::memory::impl::VerifyMemoryBase<VerifyMemoryPass> {
  void runOnOperation() override {
    bool ok = true;
    SymbolTable symbols(getOperation());
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      ok &= succeeded(Arena(func).verify());
      ok &= succeeded(memory::verifyNear(func, symbols));
    }
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
