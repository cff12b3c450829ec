//===- Symbolic.cpp - Symbolic shapes of fm values ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/FmDialect.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace narae::fm;

//===----------------------------------------------------------------------===//
// Polynomials
//===----------------------------------------------------------------------===//

namespace {

/// A total order on expressions that does not depend on addresses.
int compare(Expr a, Expr b) {
  if (a == b)
    return 0;
  auto key = [](Expr e) {
    return std::make_pair(static_cast<int>(e.getKind()),
                          isa<AffineSymbolExpr>(e)
                              ? int64_t(cast<AffineSymbolExpr>(e).getPosition())
                          : isa<AffineConstantExpr>(e)
                              ? cast<AffineConstantExpr>(e).getValue()
                              : int64_t(0));
  };
  if (key(a) != key(b))
    return key(a) < key(b) ? -1 : 1;
  auto x = cast<AffineBinaryOpExpr>(a), y = cast<AffineBinaryOpExpr>(b);
  if (int c = compare(x.getLHS(), y.getLHS()))
    return c;
  return compare(x.getRHS(), y.getRHS());
}

struct MonomialLess {
  bool operator()(const Exprs &a, const Exprs &b) const {
    if (a.size() != b.size())
      return a.size() > b.size();
    for (auto [x, y] : llvm::zip(a, b))
      if (int c = compare(x, y))
        return c < 0;
    return false;
  }
};

/// Sorted atoms -> coefficient. Atoms are symbols and divisions.
using Polynomial = std::map<Exprs, int64_t, MonomialLess>;

Exprs sortedProduct(const Exprs &a, const Exprs &b) {
  Exprs atoms(a);
  atoms.append(b.begin(), b.end());
  llvm::sort(atoms, [](Expr x, Expr y) { return compare(x, y) < 0; });
  return atoms;
}

void addTerm(Polynomial &p, const Exprs &atoms, int64_t coefficient) {
  int64_t &value = p[atoms];
  value = static_cast<int64_t>(static_cast<uint64_t>(value) +
                               static_cast<uint64_t>(coefficient));
  if (value == 0)
    p.erase(atoms);
}

Polynomial multiply(const Polynomial &x, const Polynomial &y) {
  Polynomial p;
  for (auto &[a, i] : x)
    for (auto &[b, j] : y)
      addTerm(p, sortedProduct(a, b),
              static_cast<int64_t>(static_cast<uint64_t>(i) *
                                   static_cast<uint64_t>(j)));
  return p;
}

Polynomial polynomialOf(Expr e) {
  Polynomial p;
  if (auto c = dyn_cast<AffineConstantExpr>(e)) {
    if (c.getValue())
      p[{}] = c.getValue();
    return p;
  }
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(e)) {
    if (e.getKind() == AffineExprKind::Add) {
      p = polynomialOf(binary.getLHS());
      for (auto &[atoms, c] : polynomialOf(binary.getRHS()))
        addTerm(p, atoms, c);
      return p;
    }
    if (e.getKind() == AffineExprKind::Mul)
      return multiply(polynomialOf(binary.getLHS()),
                      polynomialOf(binary.getRHS()));
    if (e.getKind() == AffineExprKind::Mod) {
      // AffineExpr writes x - (x floordiv y) * y so by itself.
      p = polynomialOf(binary.getLHS());
      Polynomial quotient =
          polynomialOf(binary.getLHS().floorDiv(binary.getRHS()));
      for (auto &[atoms, c] : multiply(quotient, polynomialOf(binary.getRHS())))
        addTerm(p, atoms, -c);
      return p;
    }
  }
  p[{e}] = 1;
  return p;
}

Expr exprOf(const Polynomial &p, MLIRContext *context) {
  Expr sum;
  for (auto &[atoms, c] : p) {
    Expr term;
    for (Expr atom : atoms)
      term = term ? term * atom : atom;
    Expr factor = getAffineConstantExpr(c, context);
    term = term ? (c == 1 ? term : term * factor) : factor;
    sum = sum ? sum + term : term;
  }
  return sum ? sum : getAffineConstantExpr(0, context);
}

/// p / divisor when it leaves no remainder: long division by leading terms.
std::optional<Polynomial> divideExactly(Polynomial p,
                                        const Polynomial &divisor) {
  if (divisor.empty())
    return std::nullopt;
  auto &[leadAtoms, leadFactor] = *divisor.begin();
  Polynomial quotient;
  while (!p.empty()) {
    auto &[atoms, factor] = *p.begin();
    // INT64_MIN / -1 overflows.
    if ((factor == INT64_MIN && leadFactor == -1) || factor % leadFactor != 0)
      return std::nullopt;
    Exprs rest(atoms);
    for (Expr atom : leadAtoms) {
      auto *it = llvm::find(rest, atom);
      if (it == rest.end())
        return std::nullopt;
      rest.erase(it);
    }
    Polynomial term;
    term[rest] = factor / leadFactor;
    addTerm(quotient, rest, factor / leadFactor);
    for (auto &[a, c] : multiply(term, divisor))
      addTerm(p, a, static_cast<int64_t>(0 - static_cast<uint64_t>(c)));
  }
  return quotient;
}

int64_t saturatingAdd(int64_t a, int64_t b) {
  if (a == kUnbounded || b == kUnbounded)
    return kUnbounded;
  if (a == INT64_MIN || b == INT64_MIN)
    return INT64_MIN;
  int64_t r;
  if (llvm::AddOverflow(a, b, r))
    return a > 0 ? kUnbounded : INT64_MIN;
  return r;
}

int64_t saturatingMul(int64_t a, int64_t b) {
  if (a == 0 || b == 0)
    return 0;
  int64_t r;
  bool infinite =
      a == kUnbounded || b == kUnbounded || a == INT64_MIN || b == INT64_MIN;
  if (infinite || llvm::MulOverflow(a, b, r))
    return (a > 0) == (b > 0) ? kUnbounded : INT64_MIN;
  return r;
}

} // namespace

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

std::optional<int64_t> narae::fm::constantOf(Expr expr) {
  if (auto c = dyn_cast_or_null<AffineConstantExpr>(expr))
    return c.getValue();
  return std::nullopt;
}

int64_t narae::fm::staticSize(Expr expr) {
  return constantOf(expr).value_or(ShapedType::kDynamic);
}

Expr SymbolicScope::cst(int64_t value) const {
  return getAffineConstantExpr(value, context);
}

Expr SymbolicScope::add(Expr a, Expr b) {
  Polynomial p = polynomialOf(a);
  for (auto &[atoms, c] : polynomialOf(b))
    addTerm(p, atoms, c);
  return exprOf(p, context);
}

Expr SymbolicScope::sub(Expr a, Expr b) { return add(a, mul(b, cst(-1))); }

Expr SymbolicScope::mul(Expr a, Expr b) {
  return exprOf(multiply(polynomialOf(a), polynomialOf(b)), context);
}

Expr SymbolicScope::product(ArrayRef<Expr> exprs) {
  Expr p = cst(1);
  for (Expr e : exprs)
    p = mul(p, e);
  return p;
}

Expr SymbolicScope::floorDiv(Expr a, Expr b) {
  auto x = constantOf(a), y = constantOf(b);
  if (y && *y == 0)
    return cst(0);
  if (y && *y == -1) // INT64_MIN / -1 traps
    return mul(a, b);
  if (x && y)
    return cst(llvm::divideFloorSigned(*x, *y));
  if (auto q = divideExactly(polynomialOf(a), polynomialOf(b)))
    return exprOf(*q, context);
  // AffineExpr may split the sum: bring it back to canonical order.
  return exprOf(polynomialOf(a.floorDiv(b)), context);
}

Expr SymbolicScope::ceilDiv(Expr a, Expr b) {
  return floorDiv(add(a, sub(b, cst(1))), b);
}

Expr SymbolicScope::mod(Expr a, Expr b) {
  return sub(a, mul(floorDiv(a, b), b));
}

bool SymbolicScope::lessEqual(Expr a, Expr b) {
  if (a == b || range(a).second <= range(b).first ||
      range(sub(a, b)).second <= 0)
    return true;
  auto operands = [&](Expr e, SymbolDef::Kind kind) -> Exprs {
    auto s = dyn_cast<AffineSymbolExpr>(e);
    if (s && defs[s.getPosition()].kind == kind)
      return defs[s.getPosition()].operands;
    return {};
  };
  if (Exprs x = operands(a, SymbolDef::Max); !x.empty())
    return lessEqual(x[0], b) && lessEqual(x[1], b);
  if (Exprs x = operands(b, SymbolDef::Min); !x.empty())
    return lessEqual(a, x[0]) && lessEqual(a, x[1]);
  if (Exprs x = operands(a, SymbolDef::Min); !x.empty())
    if (lessEqual(x[0], b) || lessEqual(x[1], b))
      return true;
  if (Exprs x = operands(b, SymbolDef::Max); !x.empty())
    return lessEqual(a, x[0]) || lessEqual(a, x[1]);
  return false;
}

Expr SymbolicScope::max(Expr a, Expr b) {
  if (lessEqual(b, a))
    return a;
  if (lessEqual(a, b))
    return b;
  if (compare(a, b) > 0)
    std::swap(a, b);
  auto [aMin, aMax] = range(a);
  auto [bMin, bMax] = range(b);
  return symbol({SymbolDef::Max,
                 {},
                 0,
                 {a, b},
                 std::max(aMin, bMin),
                 std::max(aMax, bMax),
                 ""});
}

Expr SymbolicScope::min(Expr a, Expr b) {
  if (lessEqual(a, b))
    return a;
  if (lessEqual(b, a))
    return b;
  if (compare(a, b) > 0)
    std::swap(a, b);
  auto [aMin, aMax] = range(a);
  auto [bMin, bMax] = range(b);
  return symbol({SymbolDef::Min,
                 {},
                 0,
                 {a, b},
                 std::min(aMin, bMin),
                 std::min(aMax, bMax),
                 ""});
}

Expr SymbolicScope::select(Expr condition, Expr a, Expr b) {
  if (auto c = constantOf(condition))
    return *c ? a : b;
  if (a == b)
    return a;
  SymbolDef def{SymbolDef::Select,
                {},
                0,
                {condition, a, b},
                std::min(range(a).first, range(b).first),
                std::max(range(a).second, range(b).second),
                ""};
  return symbol(def);
}

Expr SymbolicScope::equal(Expr a, Expr b) {
  if (a == b)
    return cst(1);
  auto [dMin, dMax] = range(sub(a, b));
  if (dMin > 0 || dMax < 0)
    return cst(0);
  if (compare(a, b) > 0)
    std::swap(a, b);
  return symbol({SymbolDef::Equal, {}, 0, {a, b}, 0, 1, ""});
}

Expr SymbolicScope::less(Expr a, Expr b) {
  auto [dMin, dMax] = range(sub(a, b));
  if (dMax < 0)
    return cst(1);
  if (dMin >= 0)
    return cst(0);
  return symbol({SymbolDef::Less, {}, 0, {a, b}, 0, 1, ""});
}

Expr SymbolicScope::broadcast(Expr a, Expr b) {
  if (a == b)
    return a;
  auto x = constantOf(a), y = constantOf(b);
  if (x && *x == 1)
    return b;
  if (y && *y == 1)
    return a;
  if (x && y)
    return Expr();
  // A static size other than 1 wins; the other is it or 1, checked when run.
  if (x)
    return a;
  if (y)
    return b;
  // Of two dynamic sizes, one is 1 or they are equal. Zero beats one, so the
  // maximum would be wrong.
  if (range(a).first > 1)
    return a;
  if (range(b).first > 1)
    return b;
  for (auto [p, q] : {std::make_pair(a, b), std::make_pair(b, a)})
    if (auto s = dyn_cast<AffineSymbolExpr>(p))
      if (defs[s.getPosition()].kind == SymbolDef::Min &&
          llvm::is_contained(defs[s.getPosition()].operands, q))
        return q;
  if (compare(a, b) > 0)
    std::swap(a, b);
  return select(equal(a, cst(1)), b, a);
}

std::pair<int64_t, int64_t> SymbolicScope::range(Expr expr) {
  if (auto c = constantOf(expr))
    return {*c, *c};
  if (auto s = dyn_cast<AffineSymbolExpr>(expr))
    return {defs[s.getPosition()].min, defs[s.getPosition()].max};
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto [aMin, aMax] = range(binary.getLHS());
  auto [bMin, bMax] = range(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return {saturatingAdd(aMin, bMin), saturatingAdd(aMax, bMax)};
  case AffineExprKind::Mul: {
    int64_t c[] = {saturatingMul(aMin, bMin), saturatingMul(aMin, bMax),
                   saturatingMul(aMax, bMin), saturatingMul(aMax, bMax)};
    return {*std::min_element(c, c + 4), *std::max_element(c, c + 4)};
  }
  case AffineExprKind::FloorDiv:
    if (bMin > 0 && aMin >= 0)
      return {bMax == kUnbounded ? 0 : aMin / bMax,
              aMax == kUnbounded ? kUnbounded : aMax / bMin};
    if (bMin >= 0 && aMin >= 0) // divisors of 0 give 0
      return {0, aMax};
    if (bMin > 0 && bMin == bMax && aMin != INT64_MIN)
      return {llvm::divideFloorSigned(aMin, bMin),
              aMax == kUnbounded ? kUnbounded
                                 : llvm::divideFloorSigned(aMax, bMin)};
    return {INT64_MIN, kUnbounded};
  case AffineExprKind::Mod:
    if (bMin <= 0)
      return {INT64_MIN, kUnbounded};
    return {0,
            bMax == kUnbounded ? kUnbounded : std::max<int64_t>(0, bMax - 1)};
  default:
    return {INT64_MIN, kUnbounded};
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Expr SymbolicScope::symbol(SymbolDef def) {
  // The same operation on the same operands is the same symbol.
  if (def.kind != SymbolDef::Given)
    for (auto [i, other] : llvm::enumerate(defs))
      if (other.kind == def.kind && other.value == def.value &&
          other.index == def.index && other.operands == def.operands)
        return getAffineSymbolExpr(i, context);
  defs.push_back(std::move(def));
  return getAffineSymbolExpr(defs.size() - 1, context);
}

Expr SymbolicScope::given(StringRef name, int64_t min, int64_t max) {
  return symbol({SymbolDef::Given, {}, 0, {}, min, max, name.str()});
}

Expr SymbolicScope::item(Value tensor, unsigned index) {
  int64_t min = INT64_MIN, max = kUnbounded;
  if (auto type = dyn_cast<IntegerType>(get(tensor).elementType)) {
    bool isUnsigned = type.isUnsigned() || type.getWidth() == 1;
    if (isUnsigned)
      min = 0;
    if (type.getWidth() < 64) {
      max = isUnsigned ? llvm::maxUIntN(type.getWidth())
                       : llvm::maxIntN(type.getWidth());
      min = isUnsigned ? 0 : llvm::minIntN(type.getWidth());
    }
  }
  return symbol({SymbolDef::Item, tensor, index, {}, min, max, ""});
}

RankedTensorType narae::fm::typeOf(const SymTensor &tensor) {
  SmallVector<int64_t> shape;
  for (Expr e : tensor.dims)
    shape.push_back(staticSize(e));
  return RankedTensorType::get(shape, tensor.elementType);
}

bool narae::fm::isTracked(RankedTensorType type) {
  return type.getElementType().isIntOrIndex() && type.hasStaticShape() &&
         type.getNumElements() <= kMaxTrackedElements && type.getRank() <= 2;
}

void SymbolicScope::set(Value value, SymTensor tensor) {
  // Elements are worth following for tensors that can be shapes only. Types
  // that are not verified yet may disagree with a constant's value.
  RankedTensorType type = typeOf(tensor);
  bool small = type.hasStaticShape() && type.getRank() <= 2 &&
               type.getNumElements() <= kMaxTrackedElements;
  size_t count = small ? type.getNumElements() : 0;
  if (tensor.elements && !(isTracked(type) && tensor.elements->size() == count))
    tensor.elements.reset();
  if (tensor.floats && !(small && tensor.floats->size() == count))
    tensor.floats.reset();
  std::unique_ptr<SymTensor> &slot = known[value];
  if (slot)
    *slot = std::move(tensor);
  else
    slot = std::make_unique<SymTensor>(std::move(tensor));
}

const SymTensor &SymbolicScope::get(Value value) {
  auto it = known.find(value);
  if (it != known.end())
    return *it->second;
  // The arguments of a loop's body have the shapes of what it carries.
  Operation *op = value.getDefiningOp();
  if (auto arg = dyn_cast<BlockArgument>(value))
    op = dyn_cast_or_null<LoopOp>(arg.getOwner()->getParentOp());
  if (op && isa<SymbolicShapeOpInterface>(op) && succeeded(add(op)))
    if (auto found = known.find(value); found != known.end())
      return *found->second;
  // A block argument, or a foreign op: its type is all there is.
  SymTensor tensor;
  auto type = cast<RankedTensorType>(value.getType());
  tensor.elementType = type.getElementType();
  ArrayAttr names, bounds;
  if (auto arg = dyn_cast<BlockArgument>(value))
    if (auto func = dyn_cast_or_null<FunctionOpInterface>(
            arg.getOwner()->getParentOp())) {
      names = func.getArgAttrOfType<ArrayAttr>(arg.getArgNumber(), "fm.dims");
      bounds =
          func.getArgAttrOfType<ArrayAttr>(arg.getArgNumber(), "fm.bounds");
    }
  for (auto [i, size] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      tensor.dims.push_back(cst(size));
      continue;
    }
    std::string name;
    if (names && i < names.size())
      if (auto text = dyn_cast<StringAttr>(names[i]))
        name = text.str();
    if (!name.empty() && named.count(name)) {
      tensor.dims.push_back(named[name]);
      continue;
    }
    SymbolDef def{SymbolDef::ArgDim, value, unsigned(i), {}, 0,
                  kUnbounded,        name};
    if (bounds && 2 * i + 1 < bounds.size()) {
      auto low = dyn_cast<IntegerAttr>(bounds[2 * i]),
           high = dyn_cast<IntegerAttr>(bounds[2 * i + 1]);
      if (low)
        def.min = std::max<int64_t>(0, low.getInt());
      if (high && high.getInt() >= def.min)
        def.max = high.getInt();
    }
    Expr e = symbol(def);
    if (!name.empty())
      named[name] = e;
    tensor.dims.push_back(e);
  }
  set(value, std::move(tensor));
  return *known[value];
}

LogicalResult SymbolicScope::add(Operation *op) {
  auto shaped = dyn_cast<SymbolicShapeOpInterface>(op);
  if (!shaped)
    return success();
  // Operands first, without recursion on long chains.
  SmallVector<Operation *> stack{op};
  while (!stack.empty()) {
    Operation *current = stack.back();
    bool ready = true;
    for (Value operand : current->getOperands())
      if (Operation *def = operand.getDefiningOp())
        if (!known.count(operand) && isa<SymbolicShapeOpInterface>(def)) {
          stack.push_back(def);
          ready = false;
        }
    if (!ready)
      continue;
    stack.pop_back();
    if (current->getNumResults() && known.count(current->getResult(0)) &&
        current != op)
      continue;
    SmallVector<SymTensor> results;
    if (failed(cast<SymbolicShapeOpInterface>(current).inferResults(*this,
                                                                    results)))
      return failure();
    for (auto [result, tensor] : llvm::zip(current->getResults(), results))
      set(result, std::move(tensor));
  }
  return success();
}

std::optional<Exprs> SymbolicScope::elementsOrItems(Value value) {
  const SymTensor &tensor = get(value);
  if (tensor.elements)
    return tensor.elements;
  auto count = constantOf(product(tensor.dims));
  if (!count || *count > kMaxTrackedElements)
    return std::nullopt;
  Exprs exprs;
  for (int64_t i = 0; i < *count; ++i)
    exprs.push_back(item(value, i));
  return exprs;
}

std::optional<SmallVector<int64_t>> SymbolicScope::constants(Value value) {
  std::optional<Exprs> exprs = elements(value);
  if (!exprs)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (Expr e : *exprs) {
    auto c = constantOf(e);
    if (!c)
      return std::nullopt;
    values.push_back(*c);
  }
  return values;
}

std::string SymbolicScope::str(Expr expr) {
  if (auto c = constantOf(expr))
    return std::to_string(*c);
  if (auto s = dyn_cast<AffineSymbolExpr>(expr))
    if (!defs[s.getPosition()].name.empty())
      return defs[s.getPosition()].name;
  std::string text;
  llvm::raw_string_ostream(text) << expr;
  return text;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult narae::fm::broadcastDims(Operation *op, SymbolicScope &scope,
                                       ArrayRef<Expr> other, Exprs &dims) {
  while (dims.size() < other.size())
    dims.insert(dims.begin(), scope.cst(1));
  size_t shift = dims.size() - other.size();
  for (size_t i = 0; i < other.size(); ++i) {
    Expr result = scope.broadcast(dims[shift + i], other[i]);
    if (!result)
      return op->emitOpError("shapes do not broadcast: dimension ")
             << shift + i << " is " << scope.str(dims[shift + i]) << " and "
             << scope.str(other[i]);
    dims[shift + i] = result;
  }
  return success();
}

LogicalResult narae::fm::broadcastDims(Operation *op, SymbolicScope &scope,
                                       ValueRange values, Exprs &dims) {
  dims.clear();
  for (Value value : values)
    if (failed(broadcastDims(op, scope, scope.dims(value), dims)))
      return failure();
  return success();
}

LogicalResult narae::fm::verifyShapes(Operation *op) {
  if (op->getNumRegions())
    return verifyRegions(op);
  // Only the operands' types count: every dynamic dimension is a new symbol.
  SymbolicScope scope(op->getContext());
  for (Value operand : op->getOperands()) {
    if (scope.knows(operand))
      continue;
    SymTensor tensor;
    auto type = cast<RankedTensorType>(operand.getType());
    tensor.elementType = type.getElementType();
    for (auto [i, size] : llvm::enumerate(type.getShape()))
      tensor.dims.push_back(ShapedType::isDynamic(size)
                                ? scope.symbol({SymbolDef::ArgDim,
                                                operand,
                                                unsigned(i),
                                                {},
                                                0,
                                                kUnbounded,
                                                ""})
                                : scope.cst(size));
    Attribute constant;
    if (matchPattern(operand, m_Constant(&constant)))
      followConstant(scope, constant, tensor);
    scope.set(operand, std::move(tensor));
  }
  SmallVector<SymTensor> results;
  if (failed(cast<SymbolicShapeOpInterface>(op).inferResults(scope, results)))
    return failure();
  for (size_t i = 0; i < results.size(); ++i) {
    const SymTensor &tensor = results[i];
    auto type = cast<RankedTensorType>(op->getResult(i).getType());
    auto fail = [&] {
      return op->emitOpError("result ") << i << " has type " << type
                                        << " but must have " << typeOf(tensor);
    };
    if (type.getElementType() != tensor.elementType ||
        type.getRank() != int64_t(tensor.dims.size()))
      return fail();
    for (auto [have, want] : llvm::zip(type.getShape(), tensor.dims))
      if (auto c = constantOf(want))
        if (!ShapedType::isDynamic(have) && have != *c)
          return fail();
  }
  return success();
}

Operation *narae::fm::createInferred(OpBuilder &builder, OperationState &state,
                                     SymbolicScope &scope) {
  // Inserted first: a shape function may look up symbols of the module.
  Operation *op = builder.insert(Operation::create(state));
  SmallVector<SymTensor> results;
  if (failed(cast<SymbolicShapeOpInterface>(op).inferResults(scope, results))) {
    op->erase();
    return nullptr;
  }
  for (auto [result, tensor] : llvm::zip(op->getResults(), results)) {
    result.setType(typeOf(tensor));
    scope.set(result, std::move(tensor));
  }
  return op;
}
