// RUN: narae-opt %s --narae-recognize-ops | FileCheck %s

// CHECK-LABEL: func.func @layer_norm
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[S:.*]]: tensor<64xf32>, %[[B:.*]]: tensor<64xf32>)
// CHECK: fm.layer_norm %[[X]], %[[S]], %[[B]]
// CHECK-NEXT: return
func.func @layer_norm(%x: tensor<?x64xf32>, %s: tensor<64xf32>, %b: tensor<64xf32>) -> tensor<?x64xf32> {
  %eps = fm.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %two = fm.constant dense<2.0> : tensor<f32> : tensor<f32>
  %m = fm.reduce %x {kind = "mean", axes = array<i64: 1>, keep_dims = true} : (tensor<?x64xf32>) -> tensor<?x1xf32>
  %d = fm.sub %x, %m : (tensor<?x64xf32>, tensor<?x1xf32>) -> tensor<?x64xf32>
  %sq = fm.pow %d, %two : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  %v = fm.reduce %sq {kind = "mean", axes = array<i64: 1>, keep_dims = true} : (tensor<?x64xf32>) -> tensor<?x1xf32>
  %ve = fm.add %v, %eps : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %r = fm.sqrt %ve : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %n = fm.div %d, %r : (tensor<?x64xf32>, tensor<?x1xf32>) -> tensor<?x64xf32>
  %ns = fm.mul %n, %s : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %y = fm.add %ns, %b : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @gelu
// CHECK: fm.gelu
// CHECK-NOT: fm.erf
func.func @gelu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %h = fm.constant dense<0.5> : tensor<f32> : tensor<f32>
  %one = fm.constant dense<1.0> : tensor<f32> : tensor<f32>
  %c = fm.constant dense<1.41421354> : tensor<f32> : tensor<f32>
  %a = fm.div %x, %c : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %e = fm.erf %a : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %p = fm.add %e, %one : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %m = fm.mul %x, %p : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %y = fm.mul %m, %h : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
