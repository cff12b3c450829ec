// RUN: narae-opt %s -split-input-file -verify-diagnostics

func.func @lifetime() {
  // expected-error @+1 {{lifetime [3, 3) is empty}}
  %a = hbm.buffer "a" : tensor<64xf32> [] in "arena" live [3, 3)
  return
}

// -----

func.func @space() {
  // expected-error @+1 {{unknown space 'attic'}}
  %a = hbm.buffer "a" : tensor<64xf32> [] in "attic" live [1, 3)
  return
}

// -----

func.func @sizes() {
  // expected-error @+1 {{has 0 sizes for 1 dynamic dimensions}}
  %a = hbm.buffer "a" : tensor<?xf32> [] in "arena" live [1, 3)
  return
}

// -----

func.func @offset() {
  // expected-error @+1 {{offset 12 is not aligned to 64}}
  %a = hbm.buffer "a" : tensor<4xf32> [] in "arena" live [1, 3) at 12
  return
}

// -----

func.func @two_places(%at: index) {
  // expected-error @+1 {{'hbm.buffer' op has two places}}
  %a = "hbm.buffer"(%at) {align = 64 : i64, first = 1 : i64, last = 2 : i64, name = "a", offset = 0 : i64, operandSegmentSizes = array<i32: 0, 1>, space = "arena", tensor = tensor<4xf32>} : (index) -> !hbm.buffer
  return
}

// -----

func.func @part() {
  %a = hbm.buffer "a" : tensor<4xf32> [] in "arena" live [1, 3)
  %before = arith.constant -4 : index
  // expected-error @+1 {{begins before the memory it is part of}}
  %b = hbm.alias %a from %before as tensor<1xf32> []
  return
}

// -----

func.func @upto(%n: index) {
  // expected-error @+1 {{either all slices say `upto`, or none}}
  %peak, %at:2 = hbm.pack "arena" { [1, 3) %n align 64, [1, 3) %n align 64 upto 4 }
  return
}

// -----

func.func @slice(%n: index) {
  // expected-error @+1 {{slice 1: lifetime [3, 3) is empty}}
  %peak, %at:2 = hbm.pack "arena" { [1, 3) %n align 64, [3, 3) %n align 64 }
  return
}

// -----

func.func @alignment(%n: index) {
  // expected-error @+1 {{slice 0: alignment 48 is no power of two}}
  %peak, %at = hbm.pack "arena" { [1, 3) %n align 48 }
  return
}

// -----

func.func @negative() {
  %n = arith.constant -1 : index
  // expected-error @+1 {{slice 0: a negative size}}
  %peak, %at = hbm.pack "arena" { [1, 3) %n align 64 }
  return
}

// -----

func.func @round(%n: index) {
  // expected-error @+1 {{alignment must be a power of two}}
  %0 = hbm.align %n to 12
  return
}

// -----

// expected-error @+1 {{capacity 0 is not positive}}
hbm.space @hbm "HBM3" capacity 0

// -----

// expected-error @+1 {{reserve 200 is not within the capacity 100}}
hbm.space @hbm "HBM3" capacity 100 {reserve = 200 : i64}

// -----

// expected-error @+1 {{is over 'hbm', which is no space}}
hbm.space @sram "SRAM" capacity 100 over @hbm {fill = 1 : i64, drain = 1 : i64}

// -----

// expected-error @+1 {{is over itself}}
hbm.space @sram "SRAM" capacity 100 over @sram {fill = 1 : i64, drain = 1 : i64}

// -----

hbm.space @hbm "HBM3" capacity 100
// expected-error @+1 {{say how fast it is filled and drained}}
hbm.space @sram "SRAM" capacity 100 over @hbm

// -----

hbm.space @hbm "HBM3" capacity 1000
hbm.space @sram "SRAM" capacity 100 over @hbm {fill = 1 : i64, drain = 1 : i64}
func.func @early() {
  %w = hbm.buffer "w" : tensor<4xf32> [] in "hbm" live [1, 9)
  %near = hbm.buffer "w" : tensor<4xf32> [] in "sram" live [3, 9)
  // expected-error @+1 {{during [2, 4) 'w' lives only during [3, 9)}}
  hbm.prefetch %w to %near channel 0 during [2, 4)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1000
hbm.space @sram "SRAM" capacity 100 over @hbm {fill = 1 : i64, drain = 1 : i64}
func.func @types() {
  %w = hbm.buffer "w" : tensor<4xf32> [] in "hbm" live [1, 9)
  %near = hbm.buffer "w" : tensor<5xf32> [] in "sram" live [1, 9)
  // expected-error @+1 {{from 'tensor<4xf32>' to 'tensor<5xf32>'}}
  hbm.prefetch %w to %near channel 0 during [2, 4)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1000
hbm.space @sram "SRAM" capacity 100 over @hbm {fill = 1 : i64, drain = 1 : i64}
func.func @downwards() {
  %w = hbm.buffer "w" : tensor<4xf32> [] in "hbm" live [1, 9)
  %near = hbm.buffer "w" : tensor<4xf32> [] in "sram" live [1, 9)
  // expected-error @+1 {{needs a buffer of a space over another to copy to}}
  hbm.prefetch %near to %w channel 0 during [2, 4)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1000
hbm.space @sram "SRAM" capacity 100 over @hbm {fill = 1 : i64, drain = 1 : i64}
func.func @channel() {
  %w = hbm.buffer "w" : tensor<4xf32> [] in "hbm" live [1, 9)
  %near = hbm.buffer "w" : tensor<4xf32> [] in "sram" live [1, 9)
  // expected-error @+1 {{channel 1 of 1 of 'sram'}}
  hbm.reload %w to %near channel 1 during [2, 4)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1000
hbm.space @sram "SRAM" capacity 100 over @hbm {fill = 1 : i64, drain = 1 : i64}
func.func @upwards() {
  %w = hbm.buffer "w" : tensor<4xf32> [] in "hbm" live [1, 9)
  %near = hbm.buffer "w" : tensor<4xf32> [] in "sram" live [1, 9)
  // expected-error @+1 {{needs a buffer of a space over another to copy from}}
  hbm.spill %w to %near channel 0 during [2, 4)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1000
hbm.space @sram "SRAM" capacity 100 over @hbm {fill = 1 : i64, drain = 1 : i64}
func.func @no_time() {
  %w = hbm.buffer "w" : tensor<4xf32> [] in "hbm" live [1, 9)
  %near = hbm.buffer "w" : tensor<4xf32> [] in "sram" live [1, 9)
  // expected-error @+1 {{ends before it begins: [5, 4)}}
  hbm.spill %near to %w channel 0 during [5, 4)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1000
hbm.space @other "HBM3" capacity 1000
hbm.space @sram "SRAM" capacity 100 over @hbm {fill = 1 : i64, drain = 1 : i64}
func.func @elsewhere() {
  %w = hbm.buffer "w" : tensor<4xf32> [] in "other" live [1, 9)
  %near = hbm.buffer "w" : tensor<4xf32> [] in "sram" live [1, 9)
  // expected-error @+1 {{space 'sram' is not over 'other'}}
  hbm.prefetch %w to %near channel 0 during [2, 4)
  return
}
