// RUN: narae-opt %s --narae-form-kernels --cse --narae-verify-dispatch | FileCheck %s

// A rotation joins what reads it once: an update of a cache, or attention. The
// cache itself is memory, which the kernel changes.

// CHECK-DAG: rt.kernel @cache_update_fused{{.*}}inplace = array<i64: 2>
// CHECK-DAG: rt.kernel @cached_attention_fused
// CHECK-LABEL: func.func @step
// CHECK: %[[TABLE:.*]] = rt.dispatch @rope_table
// CHECK: %[[KEYS:.*]] = rt.dispatch @cache_update_fused{{.*}}(%arg1, %[[TABLE]], %arg2, %arg4, %arg5)
// CHECK: rt.dispatch @cached_attention_fused{{.*}}(%arg0, %[[TABLE]], %[[KEYS]], %arg3, %arg4, %arg5)
// CHECK-NOT: rt.dispatch
func.func @step(%q: tensor<1x4x8x64xf32>, %k: tensor<1x4x2x64xf32>, %keys: tensor<1x2x128x64xf16>, %values: tensor<1x2x128x64xf16>, %start: tensor<1xi64>, %lengths: tensor<1xi64>, %p: tensor<1x4xi64>) -> tensor<1x4x8x64xf32> {
  %t = fm.rope_table %p {inverse_frequencies = array<f64: 1.0, 0.1, 0.01, 0.001>} : (tensor<1x4xi64>) -> tensor<1x4x8xf32>
  %0 = fm.rope %k, %t : (tensor<1x4x2x64xf32>, tensor<1x4x8xf32>) -> tensor<1x4x2x64xf32>
  %1 = fm.cache_update %keys, %0, %start, %lengths : (tensor<1x2x128x64xf16>, tensor<1x4x2x64xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x128x64xf16>
  %2 = fm.rope %q, %t : (tensor<1x4x8x64xf32>, tensor<1x4x8xf32>) -> tensor<1x4x8x64xf32>
  %3 = fm.cached_attention %2, %1, %values, %start, %lengths {scale = 0.125} : (tensor<1x4x8x64xf32>, tensor<1x2x128x64xf16>, tensor<1x2x128x64xf16>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x4x8x64xf32>
  return %3 : tensor<1x4x8x64xf32>
}
