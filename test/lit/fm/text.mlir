// RUN: narae-opt %s | narae-opt | FileCheck %s

// CHECK-LABEL: func.func @strings(%arg0: tensor<2x?x!fm.string>
func.func @strings(%x: tensor<2x?x!fm.string> {fm.dims = ["", "n"]}) -> (tensor<2x?x!fm.string>, tensor<2x?xi1>, tensor<2x?xf64>) {
  // CHECK: fm.text %{{.*}} {function = "lower", to = !fm.string} : (tensor<2x?x!fm.string>) -> tensor<2x?x!fm.string>
  %a = fm.text %x {function = "lower", to = !fm.string} : (tensor<2x?x!fm.string>) -> tensor<2x?x!fm.string>
  // CHECK: fm.text %{{.*}}, %{{.*}} {function = "concat"
  %b = fm.text %a, %x {function = "concat", to = !fm.string} : (tensor<2x?x!fm.string>, tensor<2x?x!fm.string>) -> tensor<2x?x!fm.string>
  // CHECK: fm.text %{{.*}} {function = "match", pattern = "a+", to = i1}
  %m = fm.text %b {function = "match", pattern = "a+", to = i1} : (tensor<2x?x!fm.string>) -> tensor<2x?xi1>
  // CHECK: fm.text %{{.*}} {function = "parse", to = f64}
  %p = fm.text %x {function = "parse", to = f64} : (tensor<2x?x!fm.string>) -> tensor<2x?xf64>
  // CHECK: fm.cmp %{{.*}} {predicate = "eq"} : (tensor<2x?x!fm.string>, tensor<2x?x!fm.string>) -> tensor<2x?xi1>
  %e = fm.cmp %a, %x {predicate = "eq"} : (tensor<2x?x!fm.string>, tensor<2x?x!fm.string>) -> tensor<2x?xi1>
  %s = fm.select %e, %a, %b : (tensor<2x?xi1>, tensor<2x?x!fm.string>, tensor<2x?x!fm.string>) -> tensor<2x?x!fm.string>
  return %s, %m, %p : tensor<2x?x!fm.string>, tensor<2x?xi1>, tensor<2x?xf64>
}

// CHECK-LABEL: func.func @split
func.func @split(%x: tensor<3x!fm.string>) -> tensor<3x4x!fm.string> {
  %shape = fm.constant dense<[3, 4]> : tensor<2xi64> : tensor<2xi64>
  // CHECK: fm.text_split %{{.*}}, %{{.*}} {delimiter = ",", limit = 3 : i64}
  %y = fm.text_split %x, %shape {delimiter = ",", limit = 3} : (tensor<3x!fm.string>, tensor<2xi64>) -> tensor<3x4x!fm.string>
  return %y : tensor<3x4x!fm.string>
}

// CHECK-LABEL: func.func @carried
func.func @carried(%x: tensor<4x!fm.f4e2m1>) -> tensor<4x!fm.f8e8m0> {
  %a = fm.cast %x {to = f32} : (tensor<4x!fm.f4e2m1>) -> tensor<4xf32>
  // CHECK: fm.cast %{{.*}} {round = "up", to = !fm.f8e8m0}
  %b = fm.cast %a {to = !fm.f8e8m0, round = "up"} : (tensor<4xf32>) -> tensor<4x!fm.f8e8m0>
  return %b : tensor<4x!fm.f8e8m0>
}
