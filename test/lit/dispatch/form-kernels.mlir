// RUN: narae-opt %s --narae-form-kernels --cse --narae-verify-dispatch | FileCheck %s

// The bias and the activation are the matmul's epilogue; the reshape is a
// view; its sizes are arithmetic on dimensions.
// CHECK: rt.kernel @matmul_relu_0
// CHECK: %[[P:.*]] = fm.matmul
// CHECK: fm.relu
// CHECK-LABEL: func.func @epilogue
// CHECK: %[[N:.*]] = tensor.dim %arg0
// CHECK: %[[Y:.*]] = rt.dispatch @matmul_relu_0(%arg0, %arg1, %arg2) [%[[N]]]
// CHECK: rt.view %[[Y]][%[[N]]] : tensor<?x32xf32> -> tensor<?x4x8xf32>
func.func @epilogue(%x: tensor<?x16xf32>, %w: tensor<16x32xf32>, %b: tensor<32xf32>) -> tensor<?x4x8xf32> {
  %p = fm.matmul %x, %w : (tensor<?x16xf32>, tensor<16x32xf32>) -> tensor<?x32xf32>
  %s = fm.add %p, %b : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
  %r = fm.relu %s : (tensor<?x32xf32>) -> tensor<?x32xf32>
  %shape = fm.constant dense<[-1, 4, 8]> : tensor<3xi64> : tensor<3xi64>
  %v = fm.reshape %r, %shape : (tensor<?x32xf32>, tensor<3xi64>) -> tensor<?x4x8xf32>
  return %v : tensor<?x4x8xf32>
}
