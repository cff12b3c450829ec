// RUN: narae-opt %s --narae-schedule --narae-verify-schedule --narae-plan-memory --narae-verify-memory | FileCheck %s
// RUN: narae-opt %s --narae-schedule=reuse=false --narae-plan-memory --narae-verify-memory | FileCheck %s --check-prefix=COPY

rt.kernel @negate attributes {symbols = [], arg_dims = [affine_map<() -> (64)>], result_dims = [affine_map<() -> (64)>], nodes = [], device = "cpu"} {
^bb0(%x: tensor<64xf32>):
  %0 = fm.neg %x : (tensor<64xf32>) -> tensor<64xf32>
  fm.yield %0 : tensor<64xf32>
}
rt.kernel @add attributes {symbols = [], arg_dims = [affine_map<() -> (64)>, affine_map<() -> (64)>], result_dims = [affine_map<() -> (64)>], nodes = [], device = "cpu", shares = array<i64: 0, 1>} {
^bb0(%x: tensor<64xf32>, %y: tensor<64xf32>):
  %0 = fm.add %x, %y : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  fm.yield %0 : tensor<64xf32>
}

// A residual stream: two buffers of 256 bytes; without, the sum is a third.
// CHECK-LABEL: func.func @residual
// CHECK: hbm.plan "arena" peak 512
// CHECK: rt.launch @negate(%{{.*}}) -> (%[[STREAM:[0-9]+]])
// CHECK: rt.launch @negate(%[[STREAM]]) -> (%[[BRANCH:[0-9]+]])
// CHECK: rt.launch @add(%[[STREAM]], %[[BRANCH]]) -> (%[[STREAM]])
// CHECK: rt.launch @negate(%[[STREAM]])
// COPY-LABEL: func.func @residual
// COPY: hbm.plan "arena" peak 768
func.func @residual(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = rt.dispatch @negate(%x)[] : (tensor<64xf32>) -> tensor<64xf32>
  %1 = rt.dispatch @negate(%0)[] : (tensor<64xf32>) -> tensor<64xf32>
  %2 = rt.dispatch @add(%0, %1)[] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %3 = rt.dispatch @negate(%2)[] : (tensor<64xf32>) -> tensor<64xf32>
  return %3 : tensor<64xf32>
}

// The first operand is read again later: the second one's memory serves.
// CHECK-LABEL: func.func @second
// CHECK: rt.launch @negate(%{{.*}}) -> (%[[STREAM:[0-9]+]])
// CHECK: rt.launch @negate(%[[STREAM]]) -> (%[[BRANCH:[0-9]+]])
// CHECK: rt.launch @add(%[[STREAM]], %[[BRANCH]]) -> (%[[BRANCH]])
func.func @second(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = rt.dispatch @negate(%x)[] : (tensor<64xf32>) -> tensor<64xf32>
  %1 = rt.dispatch @negate(%0)[] : (tensor<64xf32>) -> tensor<64xf32>
  %2 = rt.dispatch @add(%0, %1)[] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %3 = rt.dispatch @add(%2, %0)[] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %4 = rt.dispatch @negate(%3)[] : (tensor<64xf32>) -> tensor<64xf32>
  return %4 : tensor<64xf32>
}

// Both operands are one value, and an input's memory is the caller's.
// CHECK-LABEL: func.func @twice
// CHECK: %[[X:.*]] = rt.arg 0
// CHECK: rt.launch @add(%[[X]], %[[X]]) -> (%[[SUM:[0-9]+]])
// CHECK: rt.launch @add(%[[SUM]], %[[SUM]]) -> (%[[OTHER:[0-9]+]])
// CHECK-NOT: rt.launch @negate(%[[SUM]])
// CHECK: return
func.func @twice(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = rt.dispatch @add(%x, %x)[] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = rt.dispatch @add(%0, %0)[] : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %2 = rt.dispatch @negate(%1)[] : (tensor<64xf32>) -> tensor<64xf32>
  return %2 : tensor<64xf32>
}
