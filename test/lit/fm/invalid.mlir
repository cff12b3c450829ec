// RUN: narae-opt %s -split-input-file -verify-diagnostics

func.func @broadcast_conflict(%a: tensor<2x3xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{shapes do not broadcast: dimension 1 is 3 and 4}}
  %0 = fm.add %a, %b : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @mixed_types(%a: tensor<2xf32>, %b: tensor<2xf16>) {
  // expected-error@+1 {{rhs must have elements of type 'f32' but has 'f16'}}
  %0 = fm.mul %a, %b : (tensor<2xf32>, tensor<2xf16>) -> tensor<2xf32>
  return
}

// -----

func.func @wrong_result(%a: tensor<2xf32>) {
  // expected-error@+1 {{result 0 has type 'tensor<3xf32>' but must have 'tensor<2xf32>'}}
  %0 = fm.exp %a : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @float_only(%a: tensor<2xi64>) {
  // expected-error@+1 {{takes floats but has elements of type 'i64'}}
  %0 = fm.sqrt %a : (tensor<2xi64>) -> tensor<2xi64>
  return
}

// -----

func.func @int_only(%a: tensor<2xf32>) {
  // expected-error@+1 {{takes integers but has elements of type 'f32'}}
  %0 = fm.and %a, %a : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @predicate(%a: tensor<2xf32>) {
  // expected-error@+1 {{unknown predicate 'almost', expected one of: eq, ne, lt, le, gt, ge}}
  %0 = fm.cmp %a, %a {predicate = "almost"} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  return
}

// -----

func.func @condition(%a: tensor<2xf32>) {
  // expected-error@+1 {{condition must have elements of type 'i1' but has 'f32'}}
  %0 = fm.select %a, %a, %a : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @bitcast_width(%a: tensor<2xf32>) {
  // expected-error@+1 {{converts 'f32' to 'i16', which has another width}}
  %0 = fm.bitcast %a {to = i16} : (tensor<2xf32>) -> tensor<2xi16>
  return
}

// -----

func.func @no_weight() {
  // expected-error@+1 {{there is no fm.weight_data @missing}}
  %0 = fm.weight @missing : tensor<2xf32>
  return
}

// -----

func.func @reshape_count(%a: tensor<2x3xf32>) {
  %s = fm.constant dense<[2, 4]> : tensor<2xi64> : tensor<2xi64>
  // expected-error@+1 {{cannot reshape 6 elements to a shape of 8}}
  %0 = fm.reshape %a, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<2x4xf32>
  return
}

// -----

func.func @reshape_rows(%a: tensor<2x3xf32>) {
  %s = fm.constant dense<[-1, 4]> : tensor<2xi64> : tensor<2xi64>
  // expected-error@+1 {{cannot reshape 6 elements in rows of 4}}
  %0 = fm.reshape %a, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  return
}

// -----

func.func @reshape_two(%a: tensor<2x3xf32>) {
  %s = fm.constant dense<-1> : tensor<2xi64> : tensor<2xi64>
  // expected-error@+1 {{shape has more than one -1}}
  %0 = fm.reshape %a, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_rank(%a: tensor<2x3xf32>, %s: tensor<?xi64>) {
  // expected-error@+1 {{the number of dimensions depends on data: shape has no static length}}
  %0 = fm.reshape %a, %s : (tensor<2x3xf32>, tensor<?xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_type(%a: tensor<2x3xf32>, %s: tensor<2xi32>) {
  // expected-error@+1 {{shape must have elements of type 'i64' but has 'i32'}}
  %0 = fm.reshape %a, %s : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @flatten_axis(%a: tensor<2x3xf32>) {
  // expected-error@+1 {{axis 3 is not in [0, 3)}}
  %0 = fm.flatten %a {axis = 3 : i64} : (tensor<2x3xf32>) -> tensor<6x1xf32>
  return
}

// -----

func.func @squeeze_size(%a: tensor<2x1xf32>) {
  // expected-error@+1 {{dimension 0 must be 1 but is 2}}
  %0 = fm.squeeze %a {axes = array<i64: 0>} : (tensor<2x1xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @perm_twice(%a: tensor<2x3xf32>) {
  // expected-error@+1 {{axis 1 appears twice}}
  %0 = fm.transpose %a {perm = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @perm_length(%a: tensor<2x3xf32>) {
  // expected-error@+1 {{perm must have 2 entries but has 1}}
  %0 = fm.transpose %a {perm = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @concat_sizes(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error@+1 {{dimension 1 of all operands must agree: 3 and 4}}
  %0 = fm.concat %a, %b {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @slice_step(%a: tensor<4xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{step 0 is 0}}
  %0 = fm.slice %a, %s, %s {axes = array<i64: 0>, steps = array<i64: 0>} : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @slice_bounds(%a: tensor<4xf32>, %s: tensor<2xi64>) {
  // expected-error@+1 {{starts must have 1 entries but has 2}}
  %0 = fm.slice %a, %s, %s {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<4xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @gather_range(%a: tensor<4xf32>) {
  %i = fm.constant dense<4> : tensor<1xi64> : tensor<1xi64>
  // expected-error@+1 {{index 4 is out of range for a dimension of 4}}
  %0 = fm.gather %a, %i {axis = 0 : i64} : (tensor<4xf32>, tensor<1xi64>) -> tensor<1xf32>
  return
}

// -----

func.func @gather_nd_tuple(%a: tensor<4xf32>, %i: tensor<3x2xi64>) {
  // expected-error@+1 {{index tuples of 2 address an operand with 1 dimensions}}
  %0 = fm.gather_nd %a, %i : (tensor<4xf32>, tensor<3x2xi64>) -> tensor<3xf32>
  return
}

// -----

func.func @scatter_reduction(%a: tensor<4xf32>, %i: tensor<1xi64>, %u: tensor<1xf32>) {
  // expected-error@+1 {{unknown reduction 'mean'}}
  %0 = fm.scatter_elements %a, %i, %u {axis = 0 : i64, reduction = "mean"} : (tensor<4xf32>, tensor<1xi64>, tensor<1xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @fill_negative() {
  %s = fm.constant dense<-2> : tensor<1xi64> : tensor<1xi64>
  // expected-error@+1 {{shape gives dimension 0 the negative size -2}}
  %0 = fm.fill %s {value = 0 : i64} : (tensor<1xi64>) -> tensor<?xi64>
  return
}

// -----

func.func @range_delta(%a: tensor<i64>) {
  %d = fm.constant dense<0> : tensor<i64> : tensor<i64>
  // expected-error@+1 {{does not end: delta is 0}}
  %0 = fm.range %a, %a, %d : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return
}

// -----

func.func @reduce_kind(%a: tensor<4xf32>) {
  // expected-error@+1 {{unknown kind 'median'}}
  %0 = fm.reduce %a {kind = "median", axes = array<i64: 0>, keep_dims = false} : (tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @reduce_axis(%a: tensor<4xf32>) {
  // expected-error@+1 {{axis -1 is not in [0, 1)}}
  %0 = fm.reduce %a {kind = "sum", axes = array<i64: -1>, keep_dims = false} : (tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @top_k_count(%a: tensor<4xf32>) {
  %k = fm.constant dense<5> : tensor<1xi64> : tensor<1xi64>
  // expected-error@+1 {{takes 5 of a dimension of 4}}
  %0:2 = fm.top_k %a, %k {axis = 0 : i64, largest = true} : (tensor<4xf32>, tensor<1xi64>) -> (tensor<5xf32>, tensor<5xi64>)
  return
}

// -----

func.func @unique_rank(%a: tensor<2x2xf32>) {
  // expected-error@+1 {{input must have 1 dimensions but has 2}}
  %0:5 = fm.unique %a {sorted = true} : (tensor<2x2xf32>) -> (tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<i64>)
  return
}

// -----

func.func @matmul_inner(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error@+1 {{inner dimensions must agree: 3 and 4}}
  %0 = fm.matmul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @matmul_rank(%a: tensor<3xf32>, %b: tensor<3x5xf32>) {
  // expected-error@+1 {{lhs must have at least 2 dimensions but has 1}}
  %0 = fm.matmul %a, %b : (tensor<3xf32>, tensor<3x5xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @matmul_acc(%a: tensor<2x3xi8>, %b: tensor<3x5xi8>) {
  // expected-error@+1 {{cannot accumulate 'i8' times 'i8' in 'f32'}}
  %0 = fm.matmul %a, %b {acc = f32} : (tensor<2x3xi8>, tensor<3x5xi8>) -> tensor<2x5xf32>
  return
}

// -----

func.func @matmul_bias(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{dimension 0 of bias is 4 and does not broadcast to 5}}
  %0 = fm.matmul %a, %b, %c : (tensor<2x3xf32>, tensor<3x5xf32>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @conv_channels(%a: tensor<1x3x8x8xf32>, %f: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{channels of input and filter must agree: 3 and 2}}
  %0 = fm.conv %a, %f {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x3x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv_small(%a: tensor<1x3x1x1xf32>, %f: tensor<4x3x3x3xf32>) {
  // expected-error@+1 {{the window is larger than the padded input in dimension 2}}
  %0 = fm.conv %a, %f {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x3x1x1xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x?x?xf32>
  return
}

// -----

func.func @pool_auto_pad(%a: tensor<1x3x8x8xf32>) {
  // expected-error@+1 {{unknown auto_pad 'same'}}
  %0 = fm.pool %a {kind = "max", kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, auto_pad = "same"} : (tensor<1x3x8x8xf32>) -> tensor<1x3x7x7xf32>
  return
}

// -----

func.func @attention_heads(%q: tensor<1x5x4x8xf32>, %k: tensor<1x2x4x8xf32>) {
  // expected-error@+1 {{5 query heads are not a multiple of 2 key heads}}
  %0 = fm.attention %q, %k, %k {scale = 1.0 : f64} : (tensor<1x5x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x5x4x8xf32>
  return
}

// -----

func.func @softmax_axis(%a: tensor<4xf32>) {
  // expected-error@+1 {{axis 1 is not in [0, 1)}}
  %0 = fm.softmax %a {axis = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @if_types(%c: tensor<i1>, %x: tensor<2xf32>, %y: tensor<2xi32>) {
  // expected-error@+1 {{what a branch yields and result 0 must agree: 'tensor<2xi32>' and 'tensor<2xf32>'}}
  %0 = fm.if %c : (tensor<i1>) -> tensor<2xf32> {
    fm.yield %x : tensor<2xf32>
  } else {
    fm.yield %y : tensor<2xi32>
  }
  return
}

// -----

func.func @loop_sizes(%n: tensor<i64>, %c: tensor<i1>, %x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error@+1 {{carried value 0 and what the body yields must agree: 'tensor<2xf32>' and 'tensor<3xf32>'}}
  %0 = fm.loop %n, %c, %x : (tensor<i64>, tensor<i1>, tensor<2xf32>) -> tensor<2xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<2xf32>):
    fm.yield %c, %y : tensor<i1>, tensor<3xf32>
  }
  return
}

// -----

// expected-error@+1 {{unknown block format 'q9_9'; known are q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl}}
func.func @unknown_format(%a: tensor<4x32x!fm.block<q9_9>>) {
  return
}

// -----

func.func @arithmetic_on_blocks(%a: tensor<4x32x!fm.block<q4_0>>) {
  // expected-error@+1 {{takes numbers but has elements of type '!fm.block<q4_0>'}}
  %0 = fm.add %a, %a : (tensor<4x32x!fm.block<q4_0>>, tensor<4x32x!fm.block<q4_0>>) -> tensor<4x32x!fm.block<q4_0>>
  return
}

// -----

func.func @scale_of_blocks(%a: tensor<4x32x!fm.block<q4_0>>, %s: tensor<1x1xf32>) {
  // expected-error@+1 {{takes no scale with elements of type '!fm.block<q4_0>', whose blocks have their own}}
  %0 = fm.dequantize %a, %s : (tensor<4x32x!fm.block<q4_0>>, tensor<1x1xf32>) -> tensor<4x32xf32>
  return
}

// -----

func.func @no_blocks(%a: tensor<4x32xbf16>) {
  // expected-error@+1 {{takes elements of type !fm.block or f8E4M3FN, not 'bf16'; use fm.cast}}
  %0 = fm.dequantize %a : (tensor<4x32xbf16>) -> tensor<4x32xf32>
  return
}

// -----

func.func @no_scale(%a: tensor<4x32xf8E4M3FN>) {
  // expected-error@+1 {{of f8E4M3FN needs a scale; use fm.cast without one}}
  %0 = fm.dequantize %a : (tensor<4x32xf8E4M3FN>) -> tensor<4x32xf32>
  return
}

// -----

func.func @scale_size(%a: tensor<130x32xf8E4M3FN>, %s: tensor<1x1xf32>) {
  // expected-error@+1 {{dimension 0 of the scale}}
  %0 = fm.dequantize %a, %s {scale_rows = 128 : i64, scale_columns = 128 : i64} : (tensor<130x32xf8E4M3FN>, tensor<1x1xf32>) -> tensor<130x32xf32>
  return
}

// -----

func.func @scale_block(%a: tensor<130x32xf8E4M3FN>, %s: tensor<1x1xf32>) {
  // expected-error@+1 {{needs scale_rows and scale_columns of at least 1}}
  %0 = fm.dequantize %a, %s {scale_rows = 128 : i64} : (tensor<130x32xf8E4M3FN>, tensor<1x1xf32>) -> tensor<130x32xf32>
  return
}
