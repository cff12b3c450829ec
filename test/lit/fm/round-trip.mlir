// RUN: narae-opt %s | narae-opt | FileCheck %s

fm.weight_data @w : tensor<384x1536xf32> {file = "model.onnx", offset = 64 : i64, length = 2359296 : i64, hash = 1 : i64}

// CHECK-LABEL: func.func @feed_forward
func.func @feed_forward(%x: tensor<?x?x384xf32> {fm.dims = ["batch", "seq", ""]}) -> tensor<?x?x1536xf32> {
  // CHECK: fm.weight @w : tensor<384x1536xf32>
  %w = fm.weight @w : tensor<384x1536xf32>
  // CHECK: fm.constant dense<0.000000e+00> : tensor<1536xf32>
  %b = fm.constant dense<0.0> : tensor<1536xf32> : tensor<1536xf32>
  // CHECK: fm.matmul
  %0 = fm.matmul %x, %w, %b : (tensor<?x?x384xf32>, tensor<384x1536xf32>, tensor<1536xf32>) -> tensor<?x?x1536xf32>
  // CHECK: fm.gelu %{{.*}} {tanh}
  %1 = fm.gelu %0 {tanh} : (tensor<?x?x1536xf32>) -> tensor<?x?x1536xf32>
  // CHECK: fm.layer_norm
  %2 = fm.layer_norm %1, %b, %b {axis = 2 : i64, epsilon = 1.0e-5 : f64, operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<?x?x1536xf32>, tensor<1536xf32>, tensor<1536xf32>) -> tensor<?x?x1536xf32>
  return %2 : tensor<?x?x1536xf32>
}

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%a: tensor<2x?xf32>, %b: tensor<3xf32>, %i: tensor<3xi32>) {
  // CHECK: fm.add
  %0 = fm.add %a, %b : (tensor<2x?xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: fm.cmp %{{.*}} {predicate = "lt"}
  %1 = fm.cmp %a, %b {predicate = "lt"} : (tensor<2x?xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: fm.select
  %2 = fm.select %1, %a, %b : (tensor<2x3xi1>, tensor<2x?xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: fm.cast %{{.*}} {to = f8E4M3FN}
  %3 = fm.cast %2 {to = f8E4M3FN} : (tensor<2x3xf32>) -> tensor<2x3xf8E4M3FN>
  // CHECK: fm.bitcast
  %4 = fm.bitcast %b {to = i32} : (tensor<3xf32>) -> tensor<3xi32>
  // CHECK: fm.pow
  %5 = fm.pow %a, %i : (tensor<2x?xf32>, tensor<3xi32>) -> tensor<2x3xf32>
  // CHECK: fm.mod %{{.*}} {fmod}
  %6 = fm.mod %i, %4 {fmod} : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  // CHECK: fm.is_nan
  %7 = fm.is_nan %b : (tensor<3xf32>) -> tensor<3xi1>
  // CHECK: fm.not
  %8 = fm.not %7 : (tensor<3xi1>) -> tensor<3xi1>
  return
}

// CHECK-LABEL: func.func @movement
func.func @movement(%x: tensor<2x3x?xf32>, %i: tensor<4xi64>) {
  %shape = fm.constant dense<[6, -1]> : tensor<2xi64> : tensor<2xi64>
  %zero = fm.constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %two = fm.constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %pads = fm.constant dense<[1, 1]> : tensor<2xi64> : tensor<2xi64>
  %value = fm.constant dense<0.0> : tensor<f32> : tensor<f32>
  // CHECK: fm.reshape
  %0 = fm.reshape %x, %shape : (tensor<2x3x?xf32>, tensor<2xi64>) -> tensor<6x?xf32>
  // CHECK: fm.transpose %{{.*}} {perm = array<i64: 2, 0, 1>}
  %1 = fm.transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<2x3x?xf32>) -> tensor<?x2x3xf32>
  // CHECK: fm.slice
  %2 = fm.slice %x, %zero, %two {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<2x3x?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x2x?xf32>
  // CHECK: fm.concat
  %3 = fm.concat %x, %2 {axis = 1 : i64} : (tensor<2x3x?xf32>, tensor<2x2x?xf32>) -> tensor<2x5x?xf32>
  // CHECK: fm.pad
  %4 = fm.pad %x, %pads, %value {axes = array<i64: 0>, mode = "edge"} : (tensor<2x3x?xf32>, tensor<2xi64>, tensor<f32>) -> tensor<4x3x?xf32>
  // CHECK: fm.gather
  %5 = fm.gather %x, %i {axis = 1 : i64} : (tensor<2x3x?xf32>, tensor<4xi64>) -> tensor<2x4x?xf32>
  // CHECK: fm.unsqueeze
  %6 = fm.unsqueeze %x {axes = array<i64: 0, 4>} : (tensor<2x3x?xf32>) -> tensor<1x2x3x?x1xf32>
  // CHECK: fm.squeeze
  %7 = fm.squeeze %6 {axes = array<i64: 0, 4>} : (tensor<1x2x3x?x1xf32>) -> tensor<2x3x?xf32>
  // CHECK: fm.flatten
  %8 = fm.flatten %x {axis = 2 : i64} : (tensor<2x3x?xf32>) -> tensor<6x?xf32>
  // CHECK: fm.tile
  %9 = fm.tile %i, %two : (tensor<4xi64>, tensor<1xi64>) -> tensor<8xi64>
  // CHECK: fm.fill %{{.*}} {value = 1.000000e+00 : f32}
  %10 = fm.fill %pads {value = 1.0 : f32} : (tensor<2xi64>) -> tensor<1x1xf32>
  // CHECK: fm.iota
  %11 = fm.iota %two {axis = 0 : i64, type = i32} : (tensor<1xi64>) -> tensor<2xi32>
  // CHECK: fm.pack_panels %{{.*}} {width = 16 : i64}
  %12 = fm.pack_panels %10 {width = 16 : i64} : (tensor<1x1xf32>) -> tensor<1x1x16xf32>
  return
}

// CHECK-LABEL: func.func @reductions
func.func @reductions(%x: tensor<2x?x8xf32>, %k: tensor<1xi64>) {
  // CHECK: fm.reduce
  %0 = fm.reduce %x {kind = "sum", axes = array<i64: 0, 2>, keep_dims = false} : (tensor<2x?x8xf32>) -> tensor<?xf32>
  // CHECK: fm.arg_reduce
  %1 = fm.arg_reduce %x {kind = "max", axis = 2 : i64, keep_dims = true} : (tensor<2x?x8xf32>) -> tensor<2x?x1xi64>
  // CHECK: fm.cumulative
  %2 = fm.cumulative %x {kind = "sum", axis = 1 : i64, exclusive} : (tensor<2x?x8xf32>) -> tensor<2x?x8xf32>
  // CHECK: fm.top_k
  %3:2 = fm.top_k %x, %k {axis = 2 : i64, largest = true} : (tensor<2x?x8xf32>, tensor<1xi64>) -> (tensor<2x?x?xf32>, tensor<2x?x?xi64>)
  // CHECK: fm.non_zero
  %4:2 = fm.non_zero %x : (tensor<2x?x8xf32>) -> (tensor<3x?xi64>, tensor<i64>)
  // CHECK: fm.unique
  %5:5 = fm.unique %0 {sorted = true} : (tensor<?xf32>) -> (tensor<?xf32>, tensor<?xi64>, tensor<?xi64>, tensor<?xi64>, tensor<i64>)
  return
}

// CHECK-LABEL: func.func @windows
func.func @windows(%x: tensor<1x3x?x32xf32>, %f: tensor<8x3x3x3xf32>, %t: tensor<3x4x2x2xf32>, %s: tensor<2xi64>, %scales: tensor<2xf32>) {
  // CHECK: fm.conv
  %0 = fm.conv %x, %f {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x3x?x32xf32>, tensor<8x3x3x3xf32>) -> tensor<1x8x?x16xf32>
  // CHECK: fm.conv_transpose
  %1 = fm.conv_transpose %x, %t {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, output_padding = array<i64>, output_shape = array<i64>} : (tensor<1x3x?x32xf32>, tensor<3x4x2x2xf32>) -> tensor<1x4x?x64xf32>
  // CHECK: fm.pool
  %2 = fm.pool %x {kind = "average", kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64>, dilations = array<i64: 1, 1>, auto_pad = "same_upper"} : (tensor<1x3x?x32xf32>) -> tensor<1x3x?x16xf32>
  // CHECK: fm.max_pool_indices
  %3 = fm.max_pool_indices %x {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x?x32xf32>) -> tensor<1x3x?x30xi64>
  // CHECK: fm.resize
  %4 = fm.resize %x, %s, %scales {axes = array<i64: 2, 3>, mode = "linear", coordinates = "half_pixel", nearest = "floor"} : (tensor<1x3x?x32xf32>, tensor<2xi64>, tensor<2xf32>) -> tensor<1x3x?x?xf32>
  return
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x?x12x64xf32>, %k: tensor<?x4x?x64xf32>, %x: tensor<?x2x8xf32>, %w: tensor<1x64x8xf32>, %r: tensor<1x64x16xf32>) {
  // CHECK: fm.attention
  %0 = fm.attention %q, %k, %k {scale = 0.125 : f64, causal, q_bshd, out_bshd} : (tensor<?x?x12x64xf32>, tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>) -> tensor<?x?x12x64xf32>
  // CHECK: fm.softmax
  %1 = fm.softmax %q {axis = 3 : i64, log} : (tensor<?x?x12x64xf32>) -> tensor<?x?x12x64xf32>
  // CHECK: fm.recurrent
  %2:3 = fm.recurrent %x, %w, %r {kind = "lstm", direction = "forward", activations = ["Sigmoid", "Tanh", "Tanh"], alpha = array<f64>, beta = array<f64>, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>} : (tensor<?x2x8xf32>, tensor<1x64x8xf32>, tensor<1x64x16xf32>) -> (tensor<?x1x2x16xf32>, tensor<1x2x16xf32>, tensor<1x2x16xf32>)
  return
}

// CHECK-LABEL: func.func @control
func.func @control(%c: tensor<i1>, %n: tensor<i64>, %x: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK: fm.if
  %0 = fm.if %c : (tensor<i1>) -> tensor<?xf32> {
    // CHECK: fm.yield
    fm.yield %x : tensor<?xf32>
  // CHECK: } else {
  } else {
    %a = fm.abs %x : (tensor<?xf32>) -> tensor<?xf32>
    fm.yield %a : tensor<?xf32>
  }
  // CHECK: fm.loop
  %1 = fm.loop %n, %c, %0 : (tensor<i64>, tensor<i1>, tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<?xf32>):
    %w = fm.neg %v : (tensor<?xf32>) -> tensor<?xf32>
    fm.yield %c, %w : tensor<i1>, tensor<?xf32>
  }
  return %1 : tensor<?xf32>
}

// CHECK-LABEL: func.func @blocks
func.func @blocks(%a: tensor<4x64x!fm.block<q4_1>>, %b: tensor<?x256x!fm.block<q6_k>>, %c: tensor<2x130x200xf8E4M3FN>, %s: tensor<2x2x2xf32>) {
  // CHECK: fm.dequantize %{{.*}} : (tensor<4x64x!fm.block<q4_1>>) -> tensor<4x64xf32>
  %0 = fm.dequantize %a : (tensor<4x64x!fm.block<q4_1>>) -> tensor<4x64xf32>
  // CHECK: fm.dequantize %{{.*}} : (tensor<?x256x!fm.block<q6_k>>) -> tensor<?x256xf32>
  %1 = fm.dequantize %b : (tensor<?x256x!fm.block<q6_k>>) -> tensor<?x256xf32>
  // CHECK: fm.dequantize %{{.*}}, %{{.*}} {scale_columns = 128 : i64, scale_rows = 128 : i64}
  %2 = fm.dequantize %c, %s {scale_rows = 128 : i64, scale_columns = 128 : i64} : (tensor<2x130x200xf8E4M3FN>, tensor<2x2x2xf32>) -> tensor<2x130x200xf32>
  return
}

// CHECK: fm.weight_data @packed : tensor<2x32x!fm.block<iq4_nl>>
fm.weight_data @packed : tensor<2x32x!fm.block<iq4_nl>> {file = "w.bin", offset = 0 : i64, length = 36 : i64, hash = 0 : i64}
