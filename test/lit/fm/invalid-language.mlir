// RUN: narae-opt %s -split-input-file -verify-diagnostics

func.func @rope_table_types(%p: tensor<2x3xi32>) {
  // expected-error@+1 {{positions must have elements of type 'i64' but has 'i32'}}
  %0 = fm.rope_table %p {inverse_frequencies = array<f64: 1.0>} : (tensor<2x3xi32>) -> tensor<2x3x2xf32>
  return
}

// -----

func.func @rope_table_empty(%p: tensor<2x3xi64>) {
  // expected-error@+1 {{has no inverse_frequencies}}
  %0 = fm.rope_table %p {inverse_frequencies = array<f64>} : (tensor<2x3xi64>) -> tensor<2x3x0xf32>
  return
}

// -----

func.func @rope_offset(%x: tensor<2x3x4x16xf32>, %t: tensor<2x3x8xf32>) {
  // expected-error@+1 {{rotates elements from 12 to 20 of heads of size 16}}
  %0 = fm.rope %x, %t {offset = 12} : (tensor<2x3x4x16xf32>, tensor<2x3x8xf32>) -> tensor<2x3x4x16xf32>
  return
}

// -----

func.func @rope_odd(%x: tensor<2x3x4x16xf32>, %t: tensor<2x3x7xf32>) {
  // expected-error@+1 {{a table row of 7 elements is not cosines and as many sines}}
  %0 = fm.rope %x, %t : (tensor<2x3x4x16xf32>, tensor<2x3x7xf32>) -> tensor<2x3x4x16xf32>
  return
}

// -----

func.func @rope_tokens(%x: tensor<2x3x4x16xf32>, %t: tensor<2x5x8xf32>) {
  // expected-error@+1 {{numbers of tokens of input and table}}
  %0 = fm.rope %x, %t : (tensor<2x3x4x16xf32>, tensor<2x5x8xf32>) -> tensor<2x3x4x16xf32>
  return
}

// -----

func.func @route_scoring(%l: tensor<3x8xf32>) {
  // expected-error@+1 {{unknown scoring 'tanh'}}
  %0, %1 = fm.route %l {scoring = "tanh", chosen = 2} : (tensor<3x8xf32>) -> (tensor<3x2xf32>, tensor<3x2xi32>)
  return
}

// -----

func.func @route_groups(%l: tensor<3x8xf32>) {
  // expected-error@+1 {{8 experts are not a multiple of 3 groups}}
  %0, %1 = fm.route %l {scoring = "softmax", chosen = 2, groups = 3} : (tensor<3x8xf32>) -> (tensor<3x2xf32>, tensor<3x2xi32>)
  return
}

// -----

func.func @route_chosen(%l: tensor<3x8xf32>) {
  // expected-error@+1 {{cannot choose 5 of 4 experts}}
  %0, %1 = fm.route %l {scoring = "softmax", chosen = 5, groups = 4, chosen_groups = 2} : (tensor<3x8xf32>) -> (tensor<3x5xf32>, tensor<3x5xi32>)
  return
}

// -----

func.func @route_chosen_groups(%l: tensor<3x8xf32>) {
  // expected-error@+1 {{cannot choose 3 of 2 groups}}
  %0, %1 = fm.route %l {scoring = "softmax", chosen = 1, groups = 2, chosen_groups = 3} : (tensor<3x8xf32>) -> (tensor<3x1xf32>, tensor<3x1xi32>)
  return
}

// -----

func.func @route_bias(%l: tensor<3x8xf32>, %b: tensor<7xf32>) {
  // expected-error@+1 {{the size of bias and the number of experts}}
  %0, %1 = fm.route %l, %b {scoring = "sigmoid", chosen = 2} : (tensor<3x8xf32>, tensor<7xf32>) -> (tensor<3x2xf32>, tensor<3x2xi32>)
  return
}

// -----

func.func @expert_sizes(%x: tensor<3x31xf32>, %w: tensor<8x48x32xf32>, %i: tensor<3x2xi32>) {
  // expected-error@+1 {{inner dimensions}}
  %0 = fm.expert_matmul %x, %w, %i : (tensor<3x31xf32>, tensor<8x48x32xf32>, tensor<3x2xi32>) -> tensor<3x2x48xf32>
  return
}

// -----

func.func @expert_indices(%x: tensor<3x32xf32>, %w: tensor<8x48x32xf32>, %i: tensor<3x2xi64>) {
  // expected-error@+1 {{indices must have elements of type 'i32' but has 'i64'}}
  %0 = fm.expert_matmul %x, %w, %i : (tensor<3x32xf32>, tensor<8x48x32xf32>, tensor<3x2xi64>) -> tensor<3x2x48xf32>
  return
}

// -----

func.func @cache_types(%k: tensor<1x2x8x16xi8>, %n: tensor<1x3x2x16xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{cache has elements of type 'i8'; a cache holds f32, f16, bf16 or !fm.block<q8_0>}}
  %0 = fm.cache_update %k, %n, %s, %s : (tensor<1x2x8x16xi8>, tensor<1x3x2x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x8x16xi8>
  return
}

// -----

func.func @cache_ring(%k: tensor<1x2x8x16xf16>, %n: tensor<1x9x2x16xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{9 tokens do not fit a ring of 8 slots}}
  %0 = fm.cache_update %k, %n, %s, %s {ring} : (tensor<1x2x8x16xf16>, tensor<1x9x2x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x8x16xf16>
  return
}

// -----

func.func @cache_groups(%k: tensor<1x2x8x16xf16>, %n: tensor<1x3x4x16xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{groups of cache and update}}
  %0 = fm.cache_update %k, %n, %s, %s : (tensor<1x2x8x16xf16>, tensor<1x3x4x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x8x16xf16>
  return
}

// -----

func.func @cache_lengths(%k: tensor<2x2x8x16xf16>, %n: tensor<2x3x2x16xf32>, %s: tensor<2xi64>, %l: tensor<3xi64>) {
  // expected-error@+1 {{the size of lengths and the number of sequences}}
  %0 = fm.cache_update %k, %n, %s, %l : (tensor<2x2x8x16xf16>, tensor<2x3x2x16xf32>, tensor<2xi64>, tensor<3xi64>) -> tensor<2x2x8x16xf16>
  return
}

// -----

func.func @attention_groups(%q: tensor<1x3x5x16xf32>, %k: tensor<1x2x8x16xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{5 query heads are not a multiple of 2 key heads}}
  %0 = fm.cached_attention %q, %k, %k, %s, %s {scale = 1.0} : (tensor<1x3x5x16xf32>, tensor<1x2x8x16xf32>, tensor<1x2x8x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x3x5x16xf32>
  return
}

// -----

func.func @attention_ring(%q: tensor<1x3x4x16xf32>, %k: tensor<1x2x8x16xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{a ring of 8 slots does not hold a window of 9}}
  %0 = fm.cached_attention %q, %k, %k, %s, %s {scale = 1.0, window = 9, ring} : (tensor<1x3x4x16xf32>, tensor<1x2x8x16xf32>, tensor<1x2x8x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x3x4x16xf32>
  return
}

// -----

func.func @attention_value_dim(%q: tensor<1x3x4x16xf32>, %k: tensor<1x2x8x16xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{value_dim 17 is not in [1, 16]}}
  %0 = fm.cached_attention %q, %k, %s, %s {scale = 1.0, value_dim = 17} : (tensor<1x3x4x16xf32>, tensor<1x2x8x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x3x4x17xf32>
  return
}

// -----

func.func @attention_slots(%q: tensor<1x3x4x16xf32>, %k: tensor<1x2x8x16xf32>, %v: tensor<1x2x9x16xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{slots of key and value}}
  %0 = fm.cached_attention %q, %k, %v, %s, %s {scale = 1.0} : (tensor<1x3x4x16xf32>, tensor<1x2x8x16xf32>, tensor<1x2x9x16xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x3x4x16xf32>
  return
}
