// RUN: narae-opt %s -split-input-file -verify-diagnostics

func.func @unknown(%x: tensor<2x!fm.string>) {
  // expected-error@+1 {{function}}
  %0 = fm.text %x {function = "reverse", to = !fm.string} : (tensor<2x!fm.string>) -> tensor<2x!fm.string>
  return
}

// -----

func.func @one_operand(%x: tensor<2x!fm.string>) {
  // expected-error@+1 {{inputs}}
  %0 = fm.text %x {function = "concat", to = !fm.string} : (tensor<2x!fm.string>) -> tensor<2x!fm.string>
  return
}

// -----

func.func @parsed(%x: tensor<2x!fm.string>) {
  // expected-error@+1 {{'parse' does not make elements of type 'i32' from those of type '!fm.string'}}
  %0 = fm.text %x {function = "parse", to = i32} : (tensor<2x!fm.string>) -> tensor<2xi32>
  return
}

// -----

func.func @shapes(%x: tensor<2x!fm.string>, %y: tensor<3x!fm.string>) {
  // expected-error@+1 {{dimension 0 of the inputs}}
  %0 = fm.text %x, %y {function = "concat", to = !fm.string} : (tensor<2x!fm.string>, tensor<3x!fm.string>) -> tensor<2x!fm.string>
  return
}

// -----

func.func @split(%x: tensor<2xi64>, %s: tensor<2xi64>) {
  // expected-error@+1 {{takes strings but has elements of type 'i64'}}
  %0 = fm.text_split %x, %s {delimiter = ""} : (tensor<2xi64>, tensor<2xi64>) -> tensor<2x?x!fm.string>
  return
}

// -----

func.func @add(%x: tensor<2x!fm.string>) {
  // expected-error@+1 {{does not work on elements of type '!fm.string', which are only moved, compared and given to fm.text}}
  %0 = fm.add %x, %x : (tensor<2x!fm.string>, tensor<2x!fm.string>) -> tensor<2x!fm.string>
  return
}

// -----

func.func @less(%x: tensor<2x!fm.string>) {
  // expected-error@+1 {{compares strings for being equal or not, not by 'lt'}}
  %0 = fm.cmp %x, %x {predicate = "lt"} : (tensor<2x!fm.string>, tensor<2x!fm.string>) -> tensor<2xi1>
  return
}

// -----

func.func @sum(%x: tensor<2x!fm.f4e2m1>) {
  // expected-error@+1 {{does not work on elements of type '!fm.f4e2m1', which are only moved and cast}}
  %0 = fm.reduce %x {kind = "sum", axes = array<i64: 0>, keep_dims = false} : (tensor<2x!fm.f4e2m1>) -> tensor<!fm.f4e2m1>
  return
}
