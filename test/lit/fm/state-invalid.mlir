// RUN: narae-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{the type must be a tensor of static shape}}
fm.state @s : tensor<?xf32>

// -----

// expected-error@+1 {{unknown kind 'shrinking', expected one of: plain, growing, ring}}
fm.state @s : tensor<2xf32> {kind = "shrinking"}

// -----

// expected-error@+1 {{a window is what a ring has, and nothing else}}
fm.state @s : tensor<1x1x8x4xf32> {kind = "ring"}

// -----

// expected-error@+1 {{axis 2 is not in [1, 2)}}
fm.state @s : tensor<2x3xf32> {kind = "growing"}

// -----

func.func @main() -> tensor<2xf32> {
  // expected-error@+1 {{there is no fm.state @s}}
  %0 = fm.state_read @s : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

fm.state @s : tensor<2xf32>
func.func @main() -> tensor<3xf32> {
  // expected-error@+1 {{has type 'tensor<3xf32>' but @s is 'tensor<2xf32>'}}
  %0 = fm.state_read @s : tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

fm.state @s : tensor<2xf32>
func.func @main(%x: tensor<2xf16>) {
  // expected-error@+1 {{has type 'tensor<2xf16>' but @s is 'tensor<2xf32>'}}
  fm.state_write @s, %x : tensor<2xf16>
  return
}

// -----

fm.state @s : tensor<2xf32>
func.func @main(%x: tensor<2xf32>) {
  fm.state_write @s, %x : tensor<2xf32>
  // expected-error@+1 {{@s is written twice in one entry}}
  fm.state_write @s, %x : tensor<2xf32>
  return
}

// -----

fm.state @s : tensor<2xf32>
func.func @main(%x: tensor<2xf32>, %c: tensor<i1>) -> tensor<2xf32> {
  %0 = "fm.if"(%c) ({
    // expected-error@+1 {{must be in the entry's own block, not in a branch or a loop}}
    fm.state_write @s, %x : tensor<2xf32>
    fm.yield %x : tensor<2xf32>
  }, {
    fm.yield %x : tensor<2xf32>
  }) : (tensor<i1>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// expected-error@+1 {{the pieces have 12 bytes, length says 16}}
fm.weight_data @w : tensor<2x2xf32> {file = "", offset = 0 : i64, length = 16 : i64, hash = 0 : i64,
  pieces = [{file = "a.bin", offset = 4 : i64, length = 12 : i64}]}

// -----

// expected-error@+1 {{piece 0 must be {file, offset, length}, none negative}}
fm.weight_data @w : tensor<2x2xf32> {file = "", offset = 0 : i64, length = 16 : i64, hash = 0 : i64,
  pieces = [{file = "a.bin", offset = -4 : i64, length = 16 : i64}]}

// -----

// expected-error@+1 {{has pieces and a file of its own}}
fm.weight_data @w : tensor<2x2xf32> {file = "c.bin", offset = 0 : i64, length = 16 : i64, hash = 0 : i64,
  pieces = [{file = "a.bin", offset = 4 : i64, length = 16 : i64}]}

// -----

// expected-error@+1 {{is absent but says where its bytes are}}
fm.weight_data @w : tensor<2x2xf32> {file = "c.bin", offset = 0 : i64, length = 16 : i64, hash = 0 : i64, absent}

// -----

// expected-error@+1 {{offset and length must not be negative}}
fm.attachment @a {file = "a.json", offset = -1 : i64, length = 16 : i64}
