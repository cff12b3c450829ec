//===- FmElementwise.td - Element-wise ops -----------------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_ELEMENTWISE
#define NARAE_FM_ELEMENTWISE

include "dialects/fm/FmBase.td"

/// The result has the operand's shape and type.
class Fm_UnaryOp<string mnemonic, string what> : Fm_PureOp<mnemonic> {
  let summary = what;
  let arguments = (ins Fm_Tensor:$input);
  let results = (outs Fm_Tensor:$result);
}
/// The same, with a boolean result.
class Fm_TestOp<string mnemonic, string what> : Fm_UnaryOp<mnemonic, what>;

/// Both operands have one type; shapes broadcast as NumPy's do.
class Fm_BinaryOp<string mnemonic, string what> : Fm_PureOp<mnemonic> {
  let summary = what;
  let arguments = (ins Fm_Tensor:$lhs, Fm_Tensor:$rhs);
  let results = (outs Fm_Tensor:$result);
}

def Fm_AbsOp : Fm_UnaryOp<"abs", "absolute value">;
def Fm_NegOp : Fm_UnaryOp<"neg", "negation">;
def Fm_SignOp : Fm_UnaryOp<"sign", "-1, 0 or 1; NaN stays NaN">;
def Fm_ExpOp : Fm_UnaryOp<"exp", "exponential">;
def Fm_LogOp : Fm_UnaryOp<"log", "natural logarithm">;
def Fm_Log1pOp : Fm_UnaryOp<"log1p", "log(1 + x), exact near zero">;
def Fm_Expm1Op : Fm_UnaryOp<"expm1", "exp(x) - 1, exact near zero">;
def Fm_SqrtOp : Fm_UnaryOp<"sqrt", "square root">;
def Fm_RsqrtOp : Fm_UnaryOp<"rsqrt", "1 / sqrt(x)">;
def Fm_ReciprocalOp : Fm_UnaryOp<"reciprocal", "1 / x">;
def Fm_SinOp : Fm_UnaryOp<"sin", "sine">;
def Fm_CosOp : Fm_UnaryOp<"cos", "cosine">;
def Fm_TanOp : Fm_UnaryOp<"tan", "tangent">;
def Fm_AsinOp : Fm_UnaryOp<"asin", "inverse sine">;
def Fm_AcosOp : Fm_UnaryOp<"acos", "inverse cosine">;
def Fm_AtanOp : Fm_UnaryOp<"atan", "inverse tangent">;
def Fm_SinhOp : Fm_UnaryOp<"sinh", "hyperbolic sine">;
def Fm_CoshOp : Fm_UnaryOp<"cosh", "hyperbolic cosine">;
def Fm_TanhOp : Fm_UnaryOp<"tanh", "hyperbolic tangent">;
def Fm_AsinhOp : Fm_UnaryOp<"asinh", "inverse hyperbolic sine">;
def Fm_AcoshOp : Fm_UnaryOp<"acosh", "inverse hyperbolic cosine">;
def Fm_AtanhOp : Fm_UnaryOp<"atanh", "inverse hyperbolic tangent">;
def Fm_ErfOp : Fm_UnaryOp<"erf", "error function">;
def Fm_FloorOp : Fm_UnaryOp<"floor", "round down">;
def Fm_CeilOp : Fm_UnaryOp<"ceil", "round up">;
def Fm_RoundOp : Fm_UnaryOp<"round", "round to nearest, ties to even">;
def Fm_TruncOp : Fm_UnaryOp<"trunc", "round towards zero">;
def Fm_SigmoidOp : Fm_UnaryOp<"sigmoid", "1 / (1 + exp(-x))">;
def Fm_ReluOp : Fm_UnaryOp<"relu", "max(x, 0); NaN stays NaN">;
def Fm_SiluOp : Fm_UnaryOp<"silu", "x * sigmoid(x)">;
def Fm_GeluOp : Fm_UnaryOp<"gelu", "Gaussian error linear unit"> {
  let description = [{ x/2 * (1 + erf(x/sqrt 2)), or its tanh form. }];
  let arguments = (ins Fm_Tensor:$input, UnitAttr:$tanh);
}
def Fm_NotOp : Fm_UnaryOp<"not", "logical (i1) or bitwise complement">;
def Fm_IsNanOp : Fm_TestOp<"is_nan", "whether x is NaN">;
def Fm_IsInfOp : Fm_TestOp<"is_inf", "whether x is infinite"> {
  let arguments = (ins Fm_Tensor:$input,
                       DefaultValuedAttr<BoolAttr, "true">:$positive,
                       DefaultValuedAttr<BoolAttr, "true">:$negative);
}

def Fm_AddOp : Fm_BinaryOp<"add", "sum">;
def Fm_SubOp : Fm_BinaryOp<"sub", "difference">;
def Fm_MulOp : Fm_BinaryOp<"mul", "product; conjunction for i1">;
def Fm_DivOp : Fm_BinaryOp<"div", "quotient; integers truncate, x/0 is 0">;
def Fm_ModOp : Fm_BinaryOp<"mod", "remainder"> {
  let description = [{
    The remainder has the sign of the divisor, as Python's; with `fmod` that
    of the dividend, as C's. An integer modulo 0 is 0.
  }];
  let arguments = (ins Fm_Tensor:$lhs, Fm_Tensor:$rhs, UnitAttr:$fmod);
}
def Fm_PowOp : Fm_PureOp<"pow"> {
  let summary = "power; the exponent may have another type";
  let arguments = (ins Fm_Tensor:$lhs, Fm_Tensor:$rhs);
  let results = (outs Fm_Tensor:$result);
}
def Fm_MinOp : Fm_BinaryOp<"min", "minimum; NaN wins">;
def Fm_MaxOp : Fm_BinaryOp<"max", "maximum; NaN wins">;
def Fm_AndOp : Fm_BinaryOp<"and", "logical (i1) or bitwise and">;
def Fm_OrOp : Fm_BinaryOp<"or", "logical (i1) or bitwise or">;
def Fm_XorOp : Fm_BinaryOp<"xor", "logical (i1) or bitwise exclusive or">;
def Fm_ShlOp : Fm_BinaryOp<"shl", "shift left; by the width or more gives 0">;
def Fm_ShrOp : Fm_BinaryOp<"shr", "logical (unsigned) shift right">;

def Fm_CmpOp : Fm_PureOp<"cmp"> {
  let summary = "comparison: eq, ne, lt, le, gt, ge";
  let description = [{
    Ordered, but `ne` is true for NaN, as in IEEE 754. Of strings: eq and ne.
  }];
  let arguments = (ins Fm_Tensor:$lhs, Fm_Tensor:$rhs, StrAttr:$predicate);
  let results = (outs Fm_Tensor:$result);
}
def Fm_SelectOp : Fm_PureOp<"select"> {
  let summary = "elements of one or the other operand; all three broadcast";
  let arguments = (ins Fm_Tensor:$condition, Fm_Tensor:$on_true,
                       Fm_Tensor:$on_false);
  let results = (outs Fm_Tensor:$result);
}
def Fm_CastOp : Fm_PureOp<"cast"> {
  let summary = "conversion of the element type";
  let description = [{
    Floats to integers truncate; to i1, nonzero becomes true. Conversions to
    8-bit floats and narrower types round to nearest even, and saturate where
    `saturate` says so. `round` is the rounding to !fm.f8e8m0: up, down,
    nearest. Strings are not cast: see `fm.text`.
  }];
  let arguments = (ins Fm_Tensor:$input, TypeAttr:$to,
                       DefaultValuedAttr<BoolAttr, "true">:$saturate,
                       DefaultValuedStrAttr<StrAttr, "nearest">:$round);
  let results = (outs Fm_Tensor:$result);
}
def Fm_DequantizeOp : Fm_PureOp<"dequantize"> {
  let summary = "a weight in blocks, or in f8 with scales, as f32";
  let description = [{
    Of `!fm.block` elements, without `scale`. Or of f8E4M3FN: element [.., i, j]
    times scale [.., i / scale_rows, j / scale_columns], which has
    ceil(rows / scale_rows) by ceil(columns / scale_columns) f32 for each
    matrix. Always computed inside the kernels that read it.
  }];
  let arguments = (ins Fm_Tensor:$input, Optional<Fm_Tensor>:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$scale_rows,
                       DefaultValuedAttr<I64Attr, "0">:$scale_columns);
  let results = (outs Fm_Tensor:$result);
}
def Fm_BitcastOp : Fm_PureOp<"bitcast"> {
  let summary = "the same bits as a type of the same width";
  let arguments = (ins Fm_Tensor:$input, TypeAttr:$to);
  let results = (outs Fm_Tensor:$result);
}

#endif // NARAE_FM_ELEMENTWISE
