//===- MatmulBody.h - The code of a matmul's kernel ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_MATMULBODY_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_MATMULBODY_H

#include "backends/cpu/compiler/kernels/Product.h"
#include "backends/cpu/compiler/kernels/WeightPanels.h"

namespace narae::cpu {

/// What code a kernel gets, and the scratch memory it needs.
struct MatmulPlan {
  GemmPlan gemm;
  bool isDirect = false; ///< the result is written without a tile
  bool bytes = false;    ///< products of bytes
  bool stream = false;   ///< narrow panels, few rows
  bool isFew = false;    ///< never more rows than that
  int64_t width = 0;     ///< columns of a streamed panel
  int64_t rows = 0;      ///< of a streamed block
  int64_t staticRows = 0;
  int64_t streamTileBytes() const { return isDirect ? 0 : rows * width * 4; }
};

MatmulPlan planMatmul(rt::KernelOp kernel, fm::SymbolicScope &scope,
                      const Product &p, const MachineModel &machine);
/// Bytes of scratch memory a part needs.
fm::Expr matmulScratch(fm::SymbolicScope &scope, const Product &p,
                       const MatmulPlan &plan);

/// Emission, with the values that all steps share.
class MatmulBody {
public:
  MatmulBody(KernelContext &k, const MachineModel &machine, const Product &p)
      : k(k), v(k.b, k.loc, machine), p(p),
        whole(planMatmul(k.kernel, k.scope, p, machine)), plan(whole.gemm),
        dims(k.dims(p.result).begin(), k.dims(p.result).end()) {}

  void emit();

private:
  Gemm gemm();
  Stream stream(WeightPanels &panels);
  WeightPanels weights();
  GemmBlock matrixOf(const GemmBlock &block);
  void widen(const GemmBlock &block, Value k0, Value kc, Value room);
  Value lhsRows(const GemmBlock &block);
  codegen::Indices rowIndices(Value batch, Value row);
  Value batchOffset(Value tensor, unsigned fixed, Value batch);
  void packA(const GemmBlock &block, Value k0, Value kc, Value to);
  Value panelB(const GemmBlock &block, Value k0, Value kc, Value room);
  void finish(const GemmBlock &block, Value tile, const GemmPlan &tilePlan);
  codegen::Indices operandIndices(Value tensor, ValueRange resultIndices,
                                  Value row, Value col);

  KernelContext &k;
  VectorBuilder v;
  const Product &p;
  MatmulPlan whole;
  const GemmPlan &plan;
  fm::Exprs dims;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_MATMULBODY_H
