//===- Scalars.cpp - Numbers that streams compute -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/Scalars.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;
using fm::SymbolDef;

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

uint32_t LaunchNumbers::number(NumberKind kind, uint32_t a, uint32_t b,
                               uint32_t c, int64_t value) {
  auto [it, isNew] =
      made.try_emplace({kind, a, b, c, value}, uint32_t(numbers.size()));
  if (isNew)
    numbers.push_back({kind, a, b, c, value});
  return it->second;
}

uint32_t LaunchNumbers::number(Expr expr) {
  if (auto it = known.find(expr); it != known.end())
    return it->second;
  uint32_t result;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    result = number(NumberKind::Constant, 0, 0, 0, constant.getValue());
  } else if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr)) {
    uint32_t a = number(binary.getLHS()), b = number(binary.getRHS());
    NumberKind kind = NumberKind::Add;
    if (expr.getKind() == AffineExprKind::Mul)
      kind = NumberKind::Mul;
    else if (expr.getKind() == AffineExprKind::FloorDiv)
      kind = NumberKind::FloorDiv;
    else if (expr.getKind() == AffineExprKind::CeilDiv)
      kind = NumberKind::CeilDiv;
    else if (expr.getKind() == AffineExprKind::Mod)
      kind = NumberKind::Mod;
    result = number(kind, a, b);
  } else {
    unsigned position = cast<AffineSymbolExpr>(expr).getPosition();
    const SymbolDef def = scope.symbols()[position];
    auto operand = [&](unsigned i) { return number(def.operands[i]); };
    switch (def.kind) {
    case SymbolDef::Given: {
      uint32_t index = 0;
      for (unsigned i = 0; i < position; ++i)
        index += scope.symbols()[i].kind == SymbolDef::Given;
      result = number(NumberKind::Param, index);
      break;
    }
    case SymbolDef::Max:
      result = number(NumberKind::Max, operand(0), operand(1));
      break;
    case SymbolDef::Min:
      result = number(NumberKind::Min, operand(0), operand(1));
      break;
    case SymbolDef::Equal:
      result = number(NumberKind::Equal, operand(0), operand(1));
      break;
    case SymbolDef::Less:
      result = number(NumberKind::Less, operand(0), operand(1));
      break;
    case SymbolDef::Select:
      result = number(NumberKind::Select, operand(0), operand(1), operand(2));
      break;
    default:
      problem = "a size depends on what the kernel itself reads or computes";
      result = number(NumberKind::Constant, 0);
    }
  }
  return known[expr] = result;
}

uint32_t LaunchNumbers::parameter(uint32_t number) {
  auto [it, isNew] = bound.try_emplace(number, uint32_t(bindings.size()));
  if (isNew)
    bindings.push_back(number);
  return it->second;
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Scalar Scalars::make(ScalarNode node) {
  auto [it, isNew] = made.try_emplace(node, Scalar(nodes.size()));
  if (isNew)
    nodes.push_back(node);
  return it->second;
}

Scalar Scalars::constant(int64_t value) {
  return make({ScalarKind::Constant, 0, 0, value, Expr()});
}

Scalar Scalars::host(Expr expr) {
  if (auto value = fm::constantOf(expr))
    return constant(*value);
  return make({ScalarKind::Host, 0, 0, int64_t(numbers.number(expr)), expr});
}

Scalar Scalars::pool(uint32_t buffer) {
  uint32_t number = numbers.number(NumberKind::Pool, buffer);
  return make({ScalarKind::Host, 0, 0, int64_t(number), Expr()});
}

Scalar Scalars::offset(uint32_t buffer) {
  uint32_t number = numbers.number(NumberKind::Offset, buffer);
  return make({ScalarKind::Host, 0, 0, int64_t(number), Expr()});
}

Scalar Scalars::loaded(uint32_t buffer, Scalar index) {
  return make({ScalarKind::Loaded, index, 0, int64_t(buffer), Expr()});
}

Scalar Scalars::pinned(unsigned loop, LoopValue what) {
  return make({ScalarKind::Pinned, Scalar(what), 0, int64_t(loop), Expr()});
}

std::optional<int64_t> Scalars::constantOf(Scalar s) const {
  if (nodes[s].kind == ScalarKind::Constant)
    return nodes[s].value;
  return std::nullopt;
}

Expr Scalars::exprOf(Scalar s) const {
  if (nodes[s].kind == ScalarKind::Constant)
    return scope.cst(nodes[s].value);
  return nodes[s].expr;
}

/// Of two expressions the host's, of others a node.
Scalar Scalars::fold(ScalarKind kind, Scalar a, Scalar b) {
  Expr x = exprOf(a), y = exprOf(b);
  if (!x || !y)
    return make({kind, a, b, 0, Expr()});
  switch (kind) {
  case ScalarKind::Add:
    return host(scope.add(x, y));
  case ScalarKind::Sub:
    return host(scope.sub(x, y));
  case ScalarKind::Mul:
    return host(scope.mul(x, y));
  case ScalarKind::Div:
    return host(scope.floorDiv(x, y));
  case ScalarKind::Rem:
    return host(scope.mod(x, y));
  case ScalarKind::Min:
    return host(scope.min(x, y));
  default:
    return host(scope.max(x, y));
  }
}

Scalar Scalars::add(Scalar a, Scalar b) {
  if (constantOf(a) == 0)
    return b;
  if (constantOf(b) == 0)
    return a;
  // Constants go last, and together: instructions add one for nothing.
  if (constantOf(a))
    std::swap(a, b);
  const ScalarNode first = nodes[a];
  if (constantOf(b) && first.kind == ScalarKind::Add && constantOf(first.b))
    return add(first.a, constant(*constantOf(first.b) + *constantOf(b)));
  return fold(ScalarKind::Add, a, b);
}
Scalar Scalars::sub(Scalar a, Scalar b) {
  if (constantOf(b) == 0)
    return a;
  return a == b ? constant(0) : fold(ScalarKind::Sub, a, b);
}
Scalar Scalars::mul(Scalar a, Scalar b) {
  if (constantOf(a) == 0 || constantOf(b) == 0)
    return constant(0);
  if (constantOf(a) == 1)
    return b;
  if (constantOf(b) == 1)
    return a;
  return fold(ScalarKind::Mul, a, b);
}
Scalar Scalars::div(Scalar a, Scalar b) {
  return constantOf(b) == 1 ? a : fold(ScalarKind::Div, a, b);
}
Scalar Scalars::rem(Scalar a, Scalar b) {
  return constantOf(b) == 1 ? constant(0) : fold(ScalarKind::Rem, a, b);
}
Scalar Scalars::min(Scalar a, Scalar b) {
  return a == b ? a : fold(ScalarKind::Min, a, b);
}
Scalar Scalars::max(Scalar a, Scalar b) {
  return a == b ? a : fold(ScalarKind::Max, a, b);
}
