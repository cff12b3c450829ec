// RUN: narae-opt %s -split-input-file -verify-diagnostics

func.func @missing(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{no kernel named nowhere}}
  %y = rt.dispatch @nowhere(%x)[] : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// expected-error @+1 {{symbol 0 has unknown kind "power"}}
rt.kernel @k attributes {symbols = [{kind = "power", min = 0, max = 9}], arg_dims = [affine_map<()[s0] -> (s0)>], result_dims = [affine_map<()[s0] -> (s0)>], nodes = [], device = "cpu"} {
^bb0(%x: tensor<?xf32>):
  fm.yield %x : tensor<?xf32>
}

// -----

// expected-error @+1 {{shape of argument 0 does not fit its type}}
rt.kernel @k attributes {symbols = [], arg_dims = [affine_map<() -> (2, 3)>], result_dims = [affine_map<() -> (8)>], nodes = [], device = "cpu"} {
^bb0(%x: tensor<8xf32>):
  fm.yield %x : tensor<8xf32>
}

// -----

// expected-error @+1 {{inplace needs an entry a result}}
rt.kernel @k attributes {symbols = [], arg_dims = [affine_map<() -> (8)>], result_dims = [affine_map<() -> (8)>], nodes = [], device = "cpu", inplace = array<i64>} {
^bb0(%x: tensor<8xf32>):
  fm.yield %x : tensor<8xf32>
}

// -----

// expected-error @+1 {{result 0 cannot be argument 1 updated}}
rt.kernel @k attributes {symbols = [], arg_dims = [affine_map<() -> (8)>, affine_map<() -> (4)>], result_dims = [affine_map<() -> (8)>], nodes = [], device = "cpu", inplace = array<i64: 1>} {
^bb0(%x: tensor<8xf32>, %y: tensor<4xf32>):
  fm.yield %x : tensor<8xf32>
}
