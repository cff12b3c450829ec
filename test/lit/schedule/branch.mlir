// RUN: narae-opt %s --narae-form-kernels --cse --narae-schedule --narae-verify-schedule | FileCheck %s

// Both branches copy their result to one buffer.
// CHECK-LABEL: func.func @branch
// CHECK: %[[C:.*]] = rt.item
// CHECK: %[[R:.*]] = hbm.buffer {{.*}} in "arena"
// CHECK: rt.if %[[C]] {
// CHECK: rt.launch
// CHECK: rt.copy %{{.*}} to %[[R]]
// CHECK: } else {
// CHECK: rt.launch
// CHECK: rt.copy %{{.*}} to %[[R]]
func.func @branch(%c: tensor<i1>, %x: tensor<8xf32>) -> tensor<8xf32> {
  %r = fm.if %c : (tensor<i1>) -> tensor<8xf32> {
    %a = fm.relu %x : (tensor<8xf32>) -> tensor<8xf32>
    fm.yield %a : tensor<8xf32>
  } else {
    %b = fm.neg %x : (tensor<8xf32>) -> tensor<8xf32>
    fm.yield %b : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// Results that look alike are still two buffers.
// CHECK-LABEL: func.func @two
// CHECK-COUNT-2: hbm.buffer {{.*}} in "output"
func.func @two(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %a = fm.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  %b = fm.neg %x : (tensor<8xf32>) -> tensor<8xf32>
  return %a, %b : tensor<8xf32>, tensor<8xf32>
}
