// RUN: narae-opt %s --narae-recognize-ops | FileCheck %s

// Heads beside their values in memory: the transposes become layouts.
// CHECK-LABEL: func.func @bshd
// CHECK-SAME: (%[[Q:.*]]: tensor<?x?x12x32xf32>, %[[K:.*]]: tensor<?x?x12x32xf32>, %[[V:.*]]: tensor<?x?x12x32xf32>, %[[M:.*]]: tensor<?x1x1x?xf32>)
// CHECK: fm.attention %[[Q]], %[[K]], %[[V]], %[[M]]
// CHECK-SAME: kv_bshd
// CHECK-SAME: out_bshd
// CHECK-SAME: q_bshd
// CHECK-SAME: scale = 1.250000e-01
// CHECK-NEXT: return
func.func @bshd(%q: tensor<?x?x12x32xf32>, %k: tensor<?x?x12x32xf32>,
                %v: tensor<?x?x12x32xf32>, %m: tensor<?x1x1x?xf32>)
    -> tensor<?x?x12x32xf32> {
  %scale = fm.constant dense<0.125> : tensor<f32> : tensor<f32>
  %qt = fm.transpose %q {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x32xf32>) -> tensor<?x12x?x32xf32>
  %kt = fm.transpose %k {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x?x12x32xf32>) -> tensor<?x12x32x?xf32>
  %vt = fm.transpose %v {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x32xf32>) -> tensor<?x12x?x32xf32>
  %s = fm.matmul %qt, %kt : (tensor<?x12x?x32xf32>, tensor<?x12x32x?xf32>) -> tensor<?x12x?x?xf32>
  %ss = fm.mul %s, %scale : (tensor<?x12x?x?xf32>, tensor<f32>) -> tensor<?x12x?x?xf32>
  %sm = fm.add %ss, %m : (tensor<?x12x?x?xf32>, tensor<?x1x1x?xf32>) -> tensor<?x12x?x?xf32>
  %p = fm.softmax %sm {axis = 3} : (tensor<?x12x?x?xf32>) -> tensor<?x12x?x?xf32>
  %o = fm.matmul %p, %vt : (tensor<?x12x?x?xf32>, tensor<?x12x?x32xf32>) -> tensor<?x12x?x32xf32>
  %r = fm.transpose %o {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x12x?x32xf32>) -> tensor<?x?x12x32xf32>
  return %r : tensor<?x?x12x32xf32>
}

// A scale outside of the mask scales the mask as well: left alone.
// CHECK-LABEL: func.func @scaled_mask
// CHECK-NOT: fm.attention
// CHECK: return
func.func @scaled_mask(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x16x8xf32>,
                       %v: tensor<2x4x8x16xf32>, %m: tensor<2x1x8x8xf32>)
    -> tensor<2x4x8x16xf32> {
  %scale = fm.constant dense<0.25> : tensor<f32> : tensor<f32>
  %s = fm.matmul %q, %k : (tensor<2x4x8x16xf32>, tensor<2x4x16x8xf32>) -> tensor<2x4x8x8xf32>
  %sm = fm.add %s, %m : (tensor<2x4x8x8xf32>, tensor<2x1x8x8xf32>) -> tensor<2x4x8x8xf32>
  %ss = fm.mul %sm, %scale : (tensor<2x4x8x8xf32>, tensor<f32>) -> tensor<2x4x8x8xf32>
  %p = fm.softmax %ss {axis = 3} : (tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %o = fm.matmul %p, %v : (tensor<2x4x8x8xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return %o : tensor<2x4x8x16xf32>
}
