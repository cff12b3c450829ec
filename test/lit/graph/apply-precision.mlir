// RUN: narae-opt %s --narae-apply-precision=type=bf16 | FileCheck %s
// RUN: not narae-opt %s --narae-apply-precision=type=f8 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: precision 'f8' is not one of f32, bf16 and f16

fm.weight_data @matrix : tensor<8x16xf32> {file = "m", offset = 0 : i64, length = 512 : i64, hash = 0 : i64}
fm.weight_data @bias : tensor<16xf32> {file = "m", offset = 512 : i64, length = 64 : i64, hash = 0 : i64}
fm.weight_data @filter : tensor<4x3x1x1xf32> {file = "m", offset = 576 : i64, length = 48 : i64, hash = 0 : i64}
fm.weight_data @half : tensor<8x16xf16> {file = "m", offset = 624 : i64, length = 256 : i64, hash = 0 : i64}

// A matrix is rounded, also where it is transposed first; a bias is not.
// CHECK-LABEL: func.func @products
func.func @products(%x: tensor<?x8xf32>, %y: tensor<?x16xf32>) -> (tensor<?x16xf32>, tensor<?x8xf32>) {
  // CHECK: %[[W:.*]] = fm.weight @matrix
  // CHECK-NEXT: %[[N:.*]] = fm.cast %[[W]] {to = bf16}
  // CHECK-NEXT: %[[R:.*]] = fm.cast %[[N]] {to = f32}
  // CHECK: fm.transpose %[[R]]
  // CHECK: %[[B:.*]] = fm.weight @bias
  // CHECK: fm.matmul %{{.*}}, %[[R]], %[[B]]
  %w = fm.weight @matrix : tensor<8x16xf32>
  %t = fm.transpose %w {perm = array<i64: 1, 0>} : (tensor<8x16xf32>) -> tensor<16x8xf32>
  %b = fm.weight @bias : tensor<16xf32>
  %p = fm.matmul %x, %w, %b : (tensor<?x8xf32>, tensor<8x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  %q = fm.matmul %y, %t : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %p, %q : tensor<?x16xf32>, tensor<?x8xf32>
}

// What other ops read keeps its type, and so does what is narrow already.
// CHECK-LABEL: func.func @others
// CHECK-NOT: bf16
func.func @others(%x: tensor<8x16xf32>, %h: tensor<?x8xf16>) -> (tensor<8x16xf32>, tensor<?x16xf16>, tensor<4x3x1x1xf32>) {
  %w = fm.weight @matrix : tensor<8x16xf32>
  %s = fm.add %x, %w : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %n = fm.weight @half : tensor<8x16xf16>
  %p = fm.matmul %h, %n : (tensor<?x8xf16>, tensor<8x16xf16>) -> tensor<?x16xf16>
  %f = fm.weight @filter : tensor<4x3x1x1xf32>
  %r = fm.neg %f : (tensor<4x3x1x1xf32>) -> tensor<4x3x1x1xf32>
  return %s, %p, %r : tensor<8x16xf32>, tensor<?x16xf16>, tensor<4x3x1x1xf32>
}
