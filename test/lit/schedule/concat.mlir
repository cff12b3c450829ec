// RUN: narae-opt %s --narae-schedule --narae-verify-schedule --narae-plan-memory --narae-verify-memory --split-input-file | FileCheck %s
// RUN: narae-opt %s --narae-schedule=reuse=false --narae-plan-memory --narae-verify-memory --split-input-file | FileCheck %s --check-prefix=COPY

rt.kernel @negate attributes {symbols = [], arg_dims = [affine_map<() -> (1, 4, 16)>], result_dims = [affine_map<() -> (1, 4, 16)>], nodes = [], device = "cpu"} {
^bb0(%x: tensor<1x4x16xf32>):
  %0 = fm.neg %x : (tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
  fm.yield %0 : tensor<1x4x16xf32>
}
rt.kernel @reverse attributes {symbols = [], arg_dims = [affine_map<() -> (1, 12, 16)>], result_dims = [affine_map<() -> (1, 12, 16)>], nodes = [], device = "cpu"} {
^bb0(%x: tensor<1x12x16xf32>):
  %0 = fm.neg %x : (tensor<1x12x16xf32>) -> tensor<1x12x16xf32>
  fm.yield %0 : tensor<1x12x16xf32>
}
// COPY: rt.kernel @join
// CHECK-NOT: rt.kernel @join
rt.kernel @join attributes {symbols = [], arg_dims = [affine_map<() -> (1, 4, 16)>, affine_map<() -> (1, 4, 16)>, affine_map<() -> (1, 4, 16)>], result_dims = [affine_map<() -> (1, 12, 16)>], nodes = [], device = "cpu"} {
^bb0(%x: tensor<1x4x16xf32>, %y: tensor<1x4x16xf32>, %z: tensor<1x4x16xf32>):
  %0 = fm.concat %x, %y, %z {axis = 1 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>) -> tensor<1x12x16xf32>
  fm.yield %0 : tensor<1x12x16xf32>
}

// Pieces of 4 x 16 x 4 = 256 bytes: the first at 0, the second at 256, and the
// input, which is the caller's, is copied to 512.
// CHECK-LABEL: func.func @pieces
// CHECK-DAG: %[[ALL:.*]] = hbm.buffer "join" : tensor<1x12x16xf32>[] in "arena"
// CHECK: %[[X:.*]] = hbm.alias %[[ALL]] from %[[AT0:.*]] as tensor<1x4x16xf32>
// CHECK: rt.launch @negate(%{{.*}}) -> (%[[X]])
// CHECK: %[[Y:.*]] = hbm.alias %[[ALL]] from %[[AT1:.*]] as tensor<1x4x16xf32>
// CHECK: rt.launch @negate(%{{.*}}) -> (%[[Y]])
// CHECK: %[[Z:.*]] = hbm.alias %[[ALL]] from %[[AT2:.*]] as tensor<1x4x16xf32>
// CHECK: rt.copy %{{.*}} to %[[Z]]
// CHECK-NOT: rt.launch @join
// CHECK: rt.launch @reverse(%[[ALL]])

// 3 x 256 = 768 bytes are all; without, the pieces are there beside it: 512 more.
// COPY-LABEL: func.func @pieces
// COPY: hbm.plan "arena" peak 1280
func.func @pieces(%x: tensor<1x4x16xf32>) -> tensor<1x12x16xf32> {
  %0 = rt.dispatch @negate(%x)[] : (tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
  %1 = rt.dispatch @negate(%0)[] : (tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
  %2 = rt.dispatch @join(%0, %1, %x)[] : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>) -> tensor<1x12x16xf32>
  %3 = rt.dispatch @reverse(%2)[] : (tensor<1x12x16xf32>) -> tensor<1x12x16xf32>
  return %3 : tensor<1x12x16xf32>
}

// What is returned is no piece: it is copied.
// CHECK-LABEL: func.func @returned
// CHECK: hbm.buffer "negate" : tensor<1x4x16xf32>[] in "output"
// CHECK-COUNT-2: rt.copy
func.func @returned(%x: tensor<1x4x16xf32>) -> (tensor<1x4x16xf32>, tensor<1x12x16xf32>) {
  %0 = rt.dispatch @negate(%x)[] : (tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
  %1 = rt.dispatch @negate(%0)[] : (tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
  %2 = rt.dispatch @join(%0, %1, %x)[] : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>) -> tensor<1x12x16xf32>
  return %0, %2 : tensor<1x4x16xf32>, tensor<1x12x16xf32>
}
