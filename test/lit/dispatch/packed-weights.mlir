// RUN: narae-opt %s -split-input-file -narae-form-kernels | FileCheck %s
// RUN: narae-opt %s -split-input-file -narae-form-kernels -narae-verify-dispatch -verify-diagnostics -o /dev/null

fm.weight_data @w : tensor<64x256x!fm.block<q4_k>> {file = "", offset = 0 : i64, length = 9216 : i64, hash = 0 : i64}
// Each reader dequantises for itself, a matmul too.
// CHECK-DAG: fm.gather
// CHECK-DAG: fm.matmul
// CHECK: func.func @two_readers
// CHECK-NOT: fm.dequantize
func.func @two_readers(%x: tensor<?x256xf32>, %i: tensor<?xi64>) -> (tensor<?x64xf32>, tensor<?x256xf32>) {
  %w = fm.weight @w : tensor<64x256x!fm.block<q4_k>>
  %f = fm.dequantize %w : (tensor<64x256x!fm.block<q4_k>>) -> tensor<64x256xf32>
  %y = fm.matmul %x, %f {transpose_rhs} : (tensor<?x256xf32>, tensor<64x256xf32>) -> tensor<?x64xf32>
  %e = fm.gather %f, %i {axis = 0 : i64} : (tensor<64x256xf32>, tensor<?xi64>) -> tensor<?x256xf32>
  return %y, %e : tensor<?x64xf32>, tensor<?x256xf32>
}

// -----

fm.weight_data @n : tensor<64x256xbf16> {file = "", offset = 0 : i64, length = 32768 : i64, hash = 0 : i64}
// CHECK: rt.kernel
// CHECK: fm.cast
// CHECK: fm.slice
// CHECK: fm.matmul
// CHECK: func.func @narrow
func.func @narrow(%x: tensor<?x256xf32>) -> tensor<?x32xf32> {
  %w = fm.weight @n : tensor<64x256xbf16>
  %f = fm.cast %w {to = f32} : (tensor<64x256xbf16>) -> tensor<64x256xf32>
  %b = fm.constant dense<32> : tensor<1xi64> : tensor<1xi64>
  %c = fm.constant dense<64> : tensor<1xi64> : tensor<1xi64>
  %s = fm.slice %f, %b, %c {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<64x256xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<32x256xf32>
  %y = fm.matmul %x, %s {transpose_rhs} : (tensor<?x256xf32>, tensor<32x256xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

fm.weight_data @w : tensor<256x256x!fm.block<q4_0>> {file = "", offset = 0 : i64, length = 36864 : i64, hash = 0 : i64}
func.func @wide() -> tensor<256x256xf32> {
  %w = fm.weight @w : tensor<256x256x!fm.block<q4_0>>
  // expected-error@+1 {{would write the packed weight 'w' out as 'tensor<256x256xf32>'}}
  %f = fm.dequantize %w : (tensor<256x256x!fm.block<q4_0>>) -> tensor<256x256xf32>
  return %f : tensor<256x256xf32>
}
