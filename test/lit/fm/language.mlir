// RUN: narae-opt %s | narae-opt | FileCheck %s

// CHECK-LABEL: func.func @rotary
func.func @rotary(%p: tensor<2x?xi64> {fm.dims = ["", "tokens"]}, %x: tensor<2x?x4x16xf32> {fm.dims = ["", "tokens", "", ""]}) -> tensor<2x?x4x16xf32> {
  // CHECK: fm.rope_table %{{.*}} {factor = 1.138600e+00 : f64, inverse_frequencies = array<f64: 1.000000e+00, 5.000000e-01>}
  %t = fm.rope_table %p {inverse_frequencies = array<f64: 1.0, 0.5>, factor = 1.1386} : (tensor<2x?xi64>) -> tensor<2x?x4xf32>
  // CHECK: fm.rope %{{.*}} {offset = 12 : i64, pairs}
  %y = fm.rope %x, %t {pairs, offset = 12} : (tensor<2x?x4x16xf32>, tensor<2x?x4xf32>) -> tensor<2x?x4x16xf32>
  // CHECK: fm.rope %{{[^{]*}} :
  %z = fm.rope %y, %t : (tensor<2x?x4x16xf32>, tensor<2x?x4xf32>) -> tensor<2x?x4x16xf32>
  return %z : tensor<2x?x4x16xf32>
}

// CHECK-LABEL: func.func @experts
func.func @experts(%l: tensor<?x8xf32> {fm.dims = ["tokens", ""]}, %b: tensor<8xf32>, %x: tensor<?x32xf32> {fm.dims = ["tokens", ""]}, %up: tensor<8x48x32xf32>, %down: tensor<8x32x48xf32>) -> tensor<?x2x32xf32> {
  // CHECK: fm.route %{{.*}} {chosen = 2 : i64, chosen_groups = 2 : i64, groups = 4 : i64, normalise, scaling = 2.500000e+00 : f64, scoring = "sigmoid"}
  %w, %i = fm.route %l, %b {scoring = "sigmoid", chosen = 2, groups = 4, chosen_groups = 2, normalise, scaling = 2.5} : (tensor<?x8xf32>, tensor<8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  // CHECK: fm.route %{{.*}} {chosen = 2 : i64, scoring = "softmax"}
  %v, %j = fm.route %l {scoring = "softmax", chosen = 2} : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  // CHECK: fm.route %{{.*}} {chosen = 2 : i64, chosen_groups = 2 : i64, dropped_zero, groups = 4 : i64, scoring = "sigmoid"}
  %u, %m = fm.route %l, %b {scoring = "sigmoid", chosen = 2, groups = 4, chosen_groups = 2, dropped_zero} : (tensor<?x8xf32>, tensor<8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  // CHECK: fm.expert_matmul
  %h = fm.expert_matmul %x, %up, %i : (tensor<?x32xf32>, tensor<8x48x32xf32>, tensor<?x2xi32>) -> tensor<?x2x48xf32>
  // CHECK: fm.expert_matmul
  %y = fm.expert_matmul %h, %down, %i : (tensor<?x2x48xf32>, tensor<8x32x48xf32>, tensor<?x2xi32>) -> tensor<?x2x32xf32>
  return %y : tensor<?x2x32xf32>
}

// CHECK-LABEL: func.func @cache
func.func @cache(%q: tensor<2x?x8x16xf32> {fm.dims = ["", "tokens", "", ""]}, %n: tensor<2x?x2x16xf32> {fm.dims = ["", "tokens", "", ""]}, %k: tensor<2x2x64x16xbf16>, %v: tensor<2x2x64x16xf16>, %s: tensor<2xi64>, %l: tensor<2xi64>) -> tensor<2x?x8x16xf32> {
  // CHECK: fm.cache_update %{{.*}} {ring}
  %k2 = fm.cache_update %k, %n, %s, %l {ring} : (tensor<2x2x64x16xbf16>, tensor<2x?x2x16xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<2x2x64x16xbf16>
  // CHECK: fm.cached_attention %{{.*}} {ring, scale = 2.500000e-01 : f64, window = 32 : i64}
  %0 = fm.cached_attention %q, %k2, %v, %s, %l {scale = 0.25, window = 32, ring} : (tensor<2x?x8x16xf32>, tensor<2x2x64x16xbf16>, tensor<2x2x64x16xf16>, tensor<2xi64>, tensor<2xi64>) -> tensor<2x?x8x16xf32>
  // CHECK: fm.cached_attention %{{.*}} {scale = 2.500000e-01 : f64, value_dim = 12 : i64}
  %1 = fm.cached_attention %q, %k2, %s, %l {scale = 0.25, value_dim = 12} : (tensor<2x?x8x16xf32>, tensor<2x2x64x16xbf16>, tensor<2xi64>, tensor<2xi64>) -> tensor<2x?x8x12xf32>
  return %0 : tensor<2x?x8x16xf32>
}

// CHECK-LABEL: func.func @zero_centred
func.func @zero_centred(%x: tensor<4x16xf32>, %w: tensor<16xf32>) -> tensor<4x16xf32> {
  // CHECK: fm.rms_norm %{{.*}} {axis = 1 : i64, epsilon = 1.000000e-05 : f64, zero_centred}
  %0 = fm.rms_norm %x, %w {axis = 1, epsilon = 1.0e-5, zero_centred} : (tensor<4x16xf32>, tensor<16xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}
