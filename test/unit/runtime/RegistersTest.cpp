//===- RegistersTest.cpp - Arithmetic of the host program -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Registers.h"

#include <gtest/gtest.h>

using namespace narae::artifact;
using namespace narae::runtime;

static int64_t compute(RegOp op, int64_t a, int64_t b = 0, int64_t c = 0,
                       int64_t imm = 0) {
  int64_t registers[] = {a, b, c, 0};
  EXPECT_EQ(evaluate(RegInst(op, 3, 0, 1, 2, imm), registers), EvalError::None);
  return registers[3];
}

static EvalError errorOf(RegOp op, int64_t a, int64_t b, int64_t imm = 0) {
  int64_t registers[] = {a, b, 0, 77};
  EvalError error = evaluate(RegInst(op, 3, 0, 1, 2, imm), registers);
  EXPECT_TRUE(error == EvalError::None || registers[3] == 77);
  return error;
}

TEST(Registers, Values) {
  EXPECT_EQ(compute(RegOp_Const, 0, 0, 0, -5), -5);
  EXPECT_EQ(compute(RegOp_Add, 7, -9), -2);
  EXPECT_EQ(compute(RegOp_Sub, 7, 9), -2);
  EXPECT_EQ(compute(RegOp_Mul, 7, -9), -63);
  EXPECT_EQ(compute(RegOp_Min, 7, -9), -9);
  EXPECT_EQ(compute(RegOp_Max, 7, -9), 7);
  EXPECT_EQ(compute(RegOp_Select, 7, 9, 1), 7);
  EXPECT_EQ(compute(RegOp_Select, 7, 9, 0), 9);
  EXPECT_EQ(compute(RegOp_Eq, 7, 7), 1);
  EXPECT_EQ(compute(RegOp_Ne, 7, 7), 0);
  EXPECT_EQ(compute(RegOp_Lt, 6, 7), 1);
  EXPECT_EQ(compute(RegOp_Le, 8, 7), 0);
  EXPECT_EQ(compute(RegOp_Move, 8), 8);
}

TEST(Registers, DivisionRoundsDown) {
  struct Case {
    int64_t a, b, floor, ceil, mod;
  } cases[] = {{7, 2, 3, 4, 1},    {-7, 2, -4, -3, 1}, {7, -2, -4, -3, -1},
               {-7, -2, 3, 4, -1}, {6, 3, 2, 2, 0},    {-6, 3, -2, -2, 0}};
  for (const Case &c : cases) {
    EXPECT_EQ(compute(RegOp_FloorDiv, c.a, c.b), c.floor);
    EXPECT_EQ(compute(RegOp_CeilDiv, c.a, c.b), c.ceil);
    EXPECT_EQ(compute(RegOp_Mod, c.a, c.b), c.mod);
  }
  EXPECT_EQ(compute(RegOp_Align, 65, 0, 0, 64), 128);
  EXPECT_EQ(compute(RegOp_Align, 64, 0, 0, 64), 64);
  EXPECT_EQ(compute(RegOp_Align, -65, 0, 0, 64), -64);
}

TEST(Registers, Errors) {
  for (RegOp op : {RegOp_FloorDiv, RegOp_CeilDiv, RegOp_Mod}) {
    EXPECT_EQ(errorOf(op, 1, 0), EvalError::DivisionByZero);
    EXPECT_EQ(errorOf(op, INT64_MIN, -1), EvalError::Overflow);
  }
  EXPECT_EQ(errorOf(RegOp_Add, INT64_MAX, 1), EvalError::Overflow);
  EXPECT_EQ(errorOf(RegOp_Sub, INT64_MIN, 1), EvalError::Overflow);
  EXPECT_EQ(errorOf(RegOp_Mul, INT64_MAX, 2), EvalError::Overflow);
  EXPECT_EQ(errorOf(RegOp_Align, INT64_MAX, 0, 64), EvalError::Overflow);
}
