// RUN: narae-opt %s --narae-form-kernels --cse | FileCheck %s

// Two dynamic sizes may be equal, or one of them 1: anything else stops the
// run before a kernel reads out of bounds.
// CHECK-LABEL: func.func @broadcast
// CHECK: rt.check %{{.*}}, "dimension 0 of an operand neither is 1 nor fits the others
// CHECK: rt.dispatch
func.func @broadcast(%a: tensor<?xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %r = fm.add %a, %b : (tensor<?xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// Dimensions of one name are equal: nothing to check.
// CHECK-LABEL: func.func @named
// CHECK-NOT: rt.check
// CHECK: return
func.func @named(%a: tensor<?xf32> {fm.dims = ["n"]}, %b: tensor<?xf32> {fm.dims = ["n"]}) -> tensor<?xf32> {
  %r = fm.add %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}
