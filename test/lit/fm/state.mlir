// RUN: narae-opt %s | narae-opt | FileCheck %s

// CHECK: fm.state @cache : tensor<2x4x64x32xf16> {kind = "growing"}
fm.state @cache : tensor<2x4x64x32xf16> {kind = "growing"}
// CHECK: fm.state @ring : tensor<2x4x20x32xf32> {kind = "ring", window = 16 : i64}
fm.state @ring : tensor<2x4x20x32xf32> {kind = "ring", window = 16 : i64}
// CHECK: fm.state @count : tensor<i64>
fm.state @count : tensor<i64>
// CHECK: fm.attachment @tokenizer.json {file = "tokenizer.json", length = 12 : i64, offset = 0 : i64}
fm.attachment @tokenizer.json {file = "tokenizer.json", offset = 0 : i64, length = 12 : i64}
// CHECK: fm.weight_data @stacked
// CHECK-SAME: pieces = [{file = "a.bin", length = 8 : i64, offset = 4 : i64}, {file = "b.bin", length = 8 : i64, offset = 0 : i64}]
fm.weight_data @stacked : tensor<2x2xf32> {file = "", offset = 0 : i64, length = 16 : i64, hash = 0 : i64,
  pieces = [{file = "a.bin", offset = 4 : i64, length = 8 : i64}, {file = "b.bin", offset = 0 : i64, length = 8 : i64}]}
// CHECK: fm.weight_data @unknown : tensor<2x2xf32> {absent
fm.weight_data @unknown : tensor<2x2xf32> {file = "", offset = 0 : i64, length = 16 : i64, hash = 0 : i64, absent}

// CHECK-LABEL: func.func @next
func.func @next() -> tensor<i64> {
  // CHECK: %[[OLD:.*]] = fm.state_read @count : tensor<i64>
  %old = fm.state_read @count : tensor<i64>
  %one = fm.constant dense<1> : tensor<i64> : tensor<i64>
  %new = fm.add %old, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
  // CHECK: fm.state_write @count, %{{.*}} : tensor<i64>
  fm.state_write @count, %new : tensor<i64>
  return %old : tensor<i64>
}
