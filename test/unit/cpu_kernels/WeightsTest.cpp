//===- WeightsTest.cpp - Weights of matmuls become panels -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace narae;
using namespace narae::test;

namespace {

/// x . w1^T, where w1 is scaled in the kernel, twice with the same weight and
/// once with a computed rhs.
const char *kModule = R"mlir(
fm.weight_data @w : tensor<40x20xf32> {file = "", offset = 0 : i64,
    length = 3200 : i64, hash = 0 : i64}
rt.kernel @product attributes {
    symbols = [{kind = "param", min = 0 : i64, max = 4096 : i64}],
    arg_dims = [affine_map<()[s0] -> (s0, 20)>, affine_map<()[s0] -> (40, 20)>],
    result_dims = [affine_map<()[s0] -> (s0, 40)>], nodes = ["n"],
    device = "cpu"} {
^bb0(%x: tensor<?x20xf32>, %w: tensor<40x20xf32>):
  %s = fm.neg %w : (tensor<40x20xf32>) -> tensor<40x20xf32>
  %r = fm.matmul %x, %s {transpose_rhs} :
    (tensor<?x20xf32>, tensor<40x20xf32>) -> tensor<?x40xf32>
  %t = fm.relu %r : (tensor<?x40xf32>) -> tensor<?x40xf32>
  fm.yield %t : tensor<?x40xf32>
}
rt.kernel @other attributes {
    symbols = [{kind = "param", min = 0 : i64, max = 4096 : i64}],
    arg_dims = [affine_map<()[s0] -> (40, 20)>, affine_map<()[s0] -> (s0, 20)>],
    result_dims = [affine_map<()[s0] -> (s0, 40)>], nodes = ["m"],
    device = "cpu"} {
^bb0(%w: tensor<40x20xf32>, %x: tensor<?x20xf32>):
  %s = fm.neg %w : (tensor<40x20xf32>) -> tensor<40x20xf32>
  %r = fm.matmul %x, %s {transpose_rhs} :
    (tensor<?x20xf32>, tensor<40x20xf32>) -> tensor<?x40xf32>
  fm.yield %r : tensor<?x40xf32>
}
rt.kernel @computed attributes {
    symbols = [{kind = "param", min = 0 : i64, max = 4096 : i64}],
    arg_dims = [affine_map<()[s0] -> (s0, 40)>, affine_map<()[s0] -> (s0, 40)>],
    result_dims = [affine_map<()[s0] -> (s0, s0)>], nodes = ["c"],
    device = "cpu"} {
^bb0(%x: tensor<?x40xf32>, %y: tensor<?x40xf32>):
  %r = fm.matmul %x, %y {transpose_rhs} :
    (tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x?xf32>
  fm.yield %r : tensor<?x?xf32>
}
func.func @main(%x: tensor<?x20xf32>, %n: index) -> tensor<?x?xf32> {
  %w = fm.weight @w : tensor<40x20xf32>
  %0 = rt.dispatch @product(%x, %w) [%n] :
    (tensor<?x20xf32>, tensor<40x20xf32>) -> tensor<?x40xf32>
  %1 = rt.dispatch @product(%x, %w) [%n] :
    (tensor<?x20xf32>, tensor<40x20xf32>) -> tensor<?x40xf32>
  %2 = rt.dispatch @other(%w, %x) [%n] :
    (tensor<40x20xf32>, tensor<?x20xf32>) -> tensor<?x40xf32>
  %3 = rt.dispatch @computed(%1, %2) [%n] :
    (tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x?xf32>
  return %3 : tensor<?x?xf32>
}
)mlir";

TEST(Weights, ArePackedOnceAndShared) {
  for (const std::string &target : hostTargets()) {
    Kernels kernels(kModule, target);
    ASSERT_TRUE(kernels.ok()) << kernels.errors;
    ASSERT_TRUE(succeeded(verify(*kernels.module)));
    int packs = 0, packDispatches = 0;
    for (auto kernel : kernels.module->getOps<rt::KernelOp>())
      packs += kernel.getSymName().contains("_pack");
    kernels.module->walk([&](rt::DispatchOp op) {
      packDispatches += op.getKernel().contains("_pack");
    });
    EXPECT_EQ(packs, 1);
    EXPECT_EQ(packDispatches, 1);
    for (const char *name : {"product", "other"}) {
      EXPECT_EQ(kernels.emitter(name), "matmul");
      EXPECT_EQ(kernels.kernel(name).block().getNumArguments(), 2u);
    }
    // The weights' own work has moved.
    int negs = 0;
    kernels.kernel("product").walk([&](fm::NegOp) { ++negs; });
    EXPECT_EQ(negs, 0);

    auto w = values(40 * 20, 1), x = values(9 * 20, 2);
    int64_t width = target == "cpu:x86-64-v4" ? 32 : 16;
    size_t count = (40 + width - 1) / width * width * 20;
    auto panels = kernels.run({w}, {count}, {}, 2, "product_pack");
    auto got = kernels.run({x, panels}, {9 * 40}, {9}, 2, "product");
    for (int64_t i = 0; i < 9 * 40; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < 20; ++k)
        sum -= double(x[i / 40 * 20 + k]) * w[i % 40 * 20 + k];
      ASSERT_NEAR(got[i], std::max(sum, 0.0), 1e-5) << i;
    }
  }
}

} // namespace
