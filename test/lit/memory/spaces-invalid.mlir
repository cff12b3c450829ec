// RUN: narae-opt %s --narae-verify-memory --split-input-file --verify-diagnostics

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @nothing() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 3) at 0
  %b = hbm.buffer "b" : tensor<256xf32> [] in "sram" live [1, 3) at 1024
  // expected-error @below {{reads 'a' in 'sram', which holds nothing yet}}
  rt.launch @neg(%a) -> (%b) []
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @old() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 4) at 0
  %b = hbm.buffer "b" : tensor<256xf32> [] in "sram" live [1, 4) at 1024
  hbm.prefetch %x to %a channel 0 during [1, 1)
  rt.launch @neg(%a) -> (%a) []
  // expected-error @below {{reads input 'x', which holds an old value}}
  rt.launch @neg(%x) -> (%b) []
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @late() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 2) at 0
  %b = hbm.buffer "b" : tensor<256xf32> [] in "sram" live [1, 4) at 1024
  rt.launch @neg(%x) -> (%a) []
  // expected-error @below {{is command 2 and uses 'a' in 'sram', which lives during [1, 2)}}
  rt.launch @neg(%a) -> (%b) []
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @overlap() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 3) at 0
  // expected-error @below {{and 'a' have memory of 'sram' in common at the same time}}
  %b = hbm.buffer "b" : tensor<256xf32> [] in "sram" live [2, 4) at 896
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @beyond() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  // expected-error @below {{at 2176 with 1024 bytes is no place in 'sram' of 3072 bytes in granules of 128}}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 3) at 2176
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @granule() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  // expected-error @below {{at 64 with 1024 bytes is no place}}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 3) at 64
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @early() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 4) at 0
  %b = hbm.buffer "b" : tensor<256xf32> [] in "sram" live [1, 4) at 1024
  hbm.prefetch %x to %a channel 0 during [1, 2)
  // expected-error @below {{is command 1 and uses 'a' in 'sram' while it is copied during [1, 2)}}
  rt.launch @neg(%a) -> (%b) []
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @place() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 4) at 0
  // expected-error @below {{is before command 1 but begins with command 2}}
  hbm.prefetch %x to %a channel 0 during [2, 3)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @room() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 2) at 0
  %c = hbm.buffer "c" : tensor<256xf32> [] in "sram" live [2, 4) at 0
  %h = hbm.buffer "h" : tensor<256xf32> [] in "arena" live [1, 9) at 0
  %b = hbm.buffer "b" : tensor<256xf32> [] in "sram" live [1, 4) at 1024
  rt.launch @neg(%x) -> (%a) []
  hbm.prefetch %x to %c channel 0 during [2, 2)
  // expected-error @below {{comes after a copy that may need its room}}
  hbm.spill %a to %h channel 0 during [2, 2)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @twice() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 4) at 0
  %b = hbm.buffer "b" : tensor<256xf32> [] in "sram" live [1, 4) at 1024
  hbm.prefetch %x to %a channel 0 during [1, 3)
  // expected-error @below {{copies input 'x' while another copy does}}
  hbm.prefetch %x to %a channel 0 during [1, 3)
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @host() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 4) at 0
  rt.launch @neg(%x) -> (%a) []
  // expected-error @below {{is the host's and uses 'a' in 'sram'}}
  %i = rt.item %a[0] : !hbm.buffer
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @lost() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 4) at 0
  // expected-error @below {{is not home in the end: 'y' in 'output' holds an old value}}
  %y = hbm.buffer "y" : tensor<256xf32> [] in "output" live [1, 9)
  rt.launch @neg(%x) -> (%a) []
  hbm.spill %a to %y channel 0 during [2, 2)
  rt.launch @neg(%x) -> (%a) []
  rt.output 0 "y", %y
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @part() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %at = arith.constant 512 : index
  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 4) at 0
  %h = hbm.buffer "h" : tensor<256xf32> [] in "arena" live [1, 9) at 0
  rt.launch @neg(%x) -> (%a) []
  hbm.spill %a to %h channel 0 during [2, 2)
  rt.launch @neg(%x) -> (%a) []
  %p = hbm.alias %h from %at as tensor<128xf32> []
  // expected-error @below {{writes a part of 'h' in 'arena', which holds an old value}}
  rt.copy %x to %p, %at
  return
}

// -----

hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64, granule = 128 : i64, reserve = 1024 : i64}
rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
// expected-error @below {{has branches or loops, in which values near the cores cannot be followed}}
func.func @branches(%i: index) {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}

  %a = hbm.buffer "a" : tensor<256xf32> [] in "sram" live [1, 2) at 0
  rt.if %i {
  } else {
  }
  return
}
