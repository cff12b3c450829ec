//===- EmitRegisters.cpp - Index arithmetic as registers ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/EmitRegisters.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;
using artifact::RegOp;

uint32_t RegisterEmitter::emit(RegOp op, uint32_t a, uint32_t b, uint32_t c,
                               int64_t imm) {
  uint32_t dst = entry.registers++;
  entry.instructions.push_back(artifact::RegInst(op, dst, a, b, c, imm));
  return dst;
}

uint32_t RegisterEmitter::constant(int64_t value) {
  // Not shared: a branch may not have run the instruction that sets it.
  return emit(artifact::RegOp_Const, 0, 0, 0, value);
}

uint32_t RegisterEmitter::variable(int64_t number) {
  auto [it, inserted] = variables.try_emplace(number, 0);
  if (inserted)
    it->second = entry.registers++;
  return it->second;
}

uint32_t RegisterEmitter::binary(RegOp op, uint32_t a, uint32_t b) {
  return emit(op, a, b, 0, 0);
}

uint32_t RegisterEmitter::align(uint32_t a, int64_t alignment) {
  return emit(artifact::RegOp_Align, a, 0, 0, alignment);
}

uint32_t RegisterEmitter::product(ArrayRef<uint32_t> factors) {
  uint32_t result = factors.empty() ? constant(1) : factors[0];
  for (uint32_t factor : factors.drop_front(factors.empty() ? 0 : 1))
    result = binary(artifact::RegOp_Mul, result, factor);
  return result;
}

uint32_t RegisterEmitter::bytes(ArrayRef<uint32_t> dims, Type element) {
  auto [elements, size] = fm::storageUnit(element);
  SmallVector<uint32_t> factors(dims);
  if (elements > 1 && !factors.empty())
    factors.back() =
        binary(artifact::RegOp_CeilDiv, factors.back(), constant(elements));
  factors.push_back(constant(size));
  return product(factors);
}

void RegisterEmitter::move(uint32_t to, uint32_t from) {
  entry.instructions.push_back(
      artifact::RegInst(artifact::RegOp_Move, to, from, 0, 0, 0));
}

std::pair<uint32_t, uint32_t> RegisterEmitter::flush() {
  std::pair<uint32_t, uint32_t> range{flushed, pending()};
  flushed = entry.instructions.size();
  return range;
}

/// A divisor that may be 0 at run time counts as 1; the dividend is 0 then.
uint32_t RegisterEmitter::divisor(uint32_t reg, AffineExpr e) {
  if (auto c = dyn_cast<AffineConstantExpr>(e); c && c.getValue() != 0)
    return reg;
  return binary(artifact::RegOp_Max, reg, constant(1));
}

uint32_t RegisterEmitter::expr(AffineExpr e, ArrayRef<uint32_t> symbols) {
  if (auto c = dyn_cast<AffineConstantExpr>(e))
    return constant(c.getValue());
  if (auto s = dyn_cast<AffineSymbolExpr>(e))
    return symbols[s.getPosition()];
  auto pair = cast<AffineBinaryOpExpr>(e);
  uint32_t lhs = expr(pair.getLHS(), symbols);
  uint32_t rhs = expr(pair.getRHS(), symbols);
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return binary(artifact::RegOp_Add, lhs, rhs);
  case AffineExprKind::Mul:
    return binary(artifact::RegOp_Mul, lhs, rhs);
  case AffineExprKind::FloorDiv:
    return binary(artifact::RegOp_FloorDiv, lhs, divisor(rhs, pair.getRHS()));
  case AffineExprKind::CeilDiv:
    return binary(artifact::RegOp_CeilDiv, lhs, divisor(rhs, pair.getRHS()));
  default:
    return binary(artifact::RegOp_Mod, lhs, divisor(rhs, pair.getRHS()));
  }
}

uint32_t RegisterEmitter::get(Value value,
                              llvm::function_ref<uint32_t(Value)> bufferOf) {
  auto it = registers.find(value);
  if (it != registers.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  auto operand = [&](unsigned i) { return get(op->getOperand(i), bufferOf); };
  uint32_t result = 0;
  if (auto c = dyn_cast<arith::ConstantOp>(op)) {
    result = constant(cast<IntegerAttr>(c.getValue()).getInt());
  } else if (auto dim = dyn_cast<rt::ArgDimOp>(op)) {
    result = emit(artifact::RegOp_InputDim, dim.getArg(), dim.getAxis(), 0, 0);
  } else if (auto item = dyn_cast<rt::ItemOp>(op)) {
    result = emit(artifact::RegOp_Item, bufferOf(item.getTensor()),
                  item.getIndex(), 0, 0);
  } else if (auto var = dyn_cast<rt::VarOp>(op)) {
    return variable(var.getVariable());
  } else if (auto eval = dyn_cast<rt::EvalOp>(op)) {
    SmallVector<uint32_t> symbols;
    for (Value symbol : eval.getSymbols())
      symbols.push_back(get(symbol, bufferOf));
    result = expr(eval.getMap().getResult(0), symbols);
  } else if (isa<arith::MaxSIOp>(op)) {
    result = binary(artifact::RegOp_Max, operand(0), operand(1));
  } else if (isa<arith::MinSIOp>(op)) {
    result = binary(artifact::RegOp_Min, operand(0), operand(1));
  } else if (auto align = dyn_cast<hbm::AlignOp>(op)) {
    result = this->align(operand(0), align.getTo());
  } else if (isa<arith::AddIOp>(op)) {
    result = binary(artifact::RegOp_Add, operand(0), operand(1));
  } else if (isa<arith::SubIOp>(op)) {
    result = binary(artifact::RegOp_Sub, operand(0), operand(1));
  } else if (isa<arith::MulIOp>(op)) {
    result = binary(artifact::RegOp_Mul, operand(0), operand(1));
  } else if (isa<arith::OrIOp>(op)) {
    result = binary(artifact::RegOp_Max, operand(0), operand(1)); // of flags
  } else if (isa<arith::AndIOp>(op)) {
    result = binary(artifact::RegOp_Min, operand(0), operand(1)); // of flags
  } else if (isa<arith::SelectOp>(op)) {
    uint32_t c = operand(0), a = operand(1), b = operand(2);
    result = emit(artifact::RegOp_Select, a, b, c, 0);
  } else if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtUIOp>(
                 op)) {
    result = operand(0);
  } else if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    uint32_t a = operand(0), b = operand(1);
    switch (cmp.getPredicate()) {
    case arith::CmpIPredicate::eq:
      result = binary(artifact::RegOp_Eq, a, b);
      break;
    case arith::CmpIPredicate::ne:
      result = binary(artifact::RegOp_Ne, a, b);
      break;
    case arith::CmpIPredicate::slt:
    case arith::CmpIPredicate::ult:
      result = binary(artifact::RegOp_Lt, a, b);
      break;
    case arith::CmpIPredicate::sle:
    case arith::CmpIPredicate::ule:
      result = binary(artifact::RegOp_Le, a, b);
      break;
    case arith::CmpIPredicate::sgt:
    case arith::CmpIPredicate::ugt:
      result = binary(artifact::RegOp_Lt, b, a);
      break;
    default:
      result = binary(artifact::RegOp_Le, b, a);
    }
  } else {
    llvm::report_fatal_error("host arithmetic that registers cannot hold: " +
                             op->getName().getStringRef());
  }
  return registers[value] = result;
}
