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

// What sizes of inputs decide is checked before the first kernel, with the
// node's name; what is known later, where it is used.
// CHECK-LABEL: func.func @before
// CHECK-NOT: rt.dispatch
// CHECK: rt.check %{{.*}}, "node 'late sum': dimension 0 of an operand neither is 1 nor fits the others
// CHECK: rt.dispatch
func.func @before(%a: tensor<?x4xf32>, %w: tensor<4x4xf32>, %b: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %p = fm.matmul %a, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %q = fm.matmul %p, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %r = fm.add %q, %b : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> loc("late sum")
  return %r : tensor<8x4xf32>
}
