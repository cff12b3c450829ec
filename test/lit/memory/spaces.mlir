// RUN: narae-opt %s --narae-plan-spaces --narae-plan-memory --narae-verify-memory --split-input-file --verify-diagnostics | FileCheck %s

// Engines move 1,000,000,000 bytes a second: a byte takes 1 ns. Kernels do 1,000
// operations a nanosecond.

// w is used twice and comes near; x is read once and c written once, where they
// lie: the first kernel takes the 2,048 ns of x, the last those of c, not 1,000.
// a and b never go home: their places there are gone, and the arena is empty.
// 2,048 (w) + 2,048 + 1,000 + 2,048 = 7,144 ns; with everything at home
// 3 x 3 x 2,048 = 18,432. Near at once: a, b and w, 3 x 2,048 = 6,144.
// CHECK-LABEL: func.func @chain
// CHECK: hbm.plan "arena" peak 0
// CHECK: hbm.plan "sram" peak 6144 lower_bound 6144 exact true {time = 7144000 : i64, time_at_home = 18432000 : i64}
// CHECK: %[[W:.*]] = rt.weight @w0
// CHECK-DAG: %[[NEAR:.*]] = hbm.buffer "w0" : tensor<512xf32>[] in "sram" live[1, 3) at 2048
// CHECK-DAG: %[[A:.*]] = hbm.buffer "a" : tensor<512xf32>[] in "sram" live[1, 4)
// CHECK-DAG: %[[B:.*]] = hbm.buffer "b" : tensor<512xf32>[] in "sram" live[2, 4)
// CHECK-NOT: in "arena"
// CHECK: %[[X:.*]] = rt.arg 0 "x"
// CHECK: hbm.prefetch %[[W]] to %[[NEAR]] channel 0 during[1, 1)
// CHECK-NEXT: rt.launch @add(%[[X]], %[[NEAR]]) -> (%[[A]])
// CHECK-NEXT: rt.launch @add(%[[A]], %[[NEAR]]) -> (%[[B]])
// CHECK-NEXT: %[[OUT:.*]] = hbm.buffer "c" : tensor<512xf32>[] in "output" live[3, 5)
// CHECK-NEXT: rt.launch @add(%[[A]], %[[B]]) -> (%[[OUT]])
// CHECK-NEXT: rt.output 0 "y", %[[OUT]]
hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 8192 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64}
fm.weight_data @w0 : tensor<512xf32> {file = "", offset = 0 : i64, length = 2048 : i64, hash = 0 : i64}
rt.kernel @add attributes {symbols = [], arg_dims = [affine_map<() -> (512)>, affine_map<() -> (512)>], result_dims = [affine_map<() -> (512)>], nodes = [], device = "any"} {
^bb0(%x: tensor<512xf32>, %y: tensor<512xf32>):
  %0 = fm.add %x, %y : (tensor<512xf32>, tensor<512xf32>) -> tensor<512xf32>
  fm.yield %0 : tensor<512xf32>
}
func.func @chain() {
  %work = arith.constant 1000000 : index
  %x = rt.arg 0 "x" : tensor<512xf32> {bounds = array<i64: 512, 512>, dims = [""]}
  %w = rt.weight @w0
  %a = hbm.buffer "a" : tensor<512xf32> [] in "arena" live [3, 9)
  rt.launch @add(%x, %w) -> (%a) [] work(%work)
  %b = hbm.buffer "b" : tensor<512xf32> [] in "arena" live [5, 9)
  rt.launch @add(%a, %w) -> (%b) [] work(%work)
  %c = hbm.buffer "c" : tensor<512xf32> [] in "output" live [7, 10)
  rt.launch @add(%a, %b) -> (%c) [] work(%work)
  rt.output 0 "y", %c
  return
}

// -----

// Four tensors of 1,024 bytes fit. s, t, u and v need all of it, so a leaves;
// saving it and bringing it back would take 2,048 ns, computing it again from x
// where that lies 1,024. Kernels that read x (twice) or w, or write c, take the
// 1,024 ns of these, the other seven 1 ns: 4 x 1,024 + 7 = 4,103 ns. At home a
// kernel of two operands moves 3 x 1,024 bytes, the one of x alone 2 x 1,024:
// (9 x 3 + 2) x 1,024 = 29,696.
// CHECK-LABEL: func.func @recompute
// CHECK: hbm.plan "sram" peak 4096 lower_bound 3072 exact true {time = 4103000 : i64, time_at_home = 29696000 : i64}
// CHECK: rt.launch @add(%[[X:.*]], %[[X]]) -> (%[[A:.*]]) []
// CHECK-NOT: hbm.spill
// CHECK: rt.launch @add(%[[X]], %[[X]]) -> (%[[AGAIN:.*]]) []
// CHECK-NEXT: rt.launch @add(%[[AGAIN]],
hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64}
fm.weight_data @w : tensor<256xf32> {file = "", offset = 0 : i64, length = 1024 : i64, hash = 0 : i64}
rt.kernel @add attributes {symbols = [], arg_dims = [affine_map<() -> (256)>, affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>, %y: tensor<256xf32>):
  %0 = fm.add %x, %y : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}

func.func @recompute() {
  %one = arith.constant 1000 : index
  %w = rt.weight @w
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "arena" live [1, 99)
  %s = hbm.buffer "s" : tensor<256xf32> [] in "arena" live [1, 99)
  %t = hbm.buffer "t" : tensor<256xf32> [] in "arena" live [1, 99)
  %u = hbm.buffer "u" : tensor<256xf32> [] in "arena" live [1, 99)
  %v = hbm.buffer "v" : tensor<256xf32> [] in "arena" live [1, 99)
  %c = hbm.buffer "c" : tensor<256xf32> [] in "output" live [7, 10)
  rt.launch @add(%x, %x) -> (%a) [] work(%one)
  rt.launch @add(%a, %w) -> (%s) [] work(%one)
  rt.launch @add(%a, %s) -> (%t) [] work(%one)
  rt.launch @add(%s, %t) -> (%u) [] work(%one)
  rt.launch @add(%t, %u) -> (%v) [] work(%one)
  rt.launch @add(%s, %v) -> (%t) [] work(%one)
  rt.launch @add(%u, %t) -> (%v) [] work(%one)
  rt.launch @add(%v, %s) -> (%t) [] work(%one)
  rt.launch @add(%a, %t) -> (%s) [] work(%one)
  rt.launch @add(%a, %s) -> (%c) [] work(%one)
  rt.output 0 "y", %c
  return
}

// -----

// The same, but a is updated in place: it is not what one kernel makes of x, so
// it is saved while others run, and brought back. The engines move x, w, a, a
// and c, 1,024 ns each, and no plan is said to be faster: 5,120 ns. One kernel
// more at home: (10 x 3 + 2) x 1,024 = 32,768.
// CHECK-LABEL: func.func @spill
// CHECK: hbm.plan "sram" peak 4096 lower_bound 3072 exact true {time = 5120000 : i64, time_at_home = 32768000 : i64}
// CHECK: rt.launch @add(%[[A:.*]], %{{.*}}) -> (%[[A]]) []
// CHECK: hbm.spill %[[A]] to %[[HOME:.*]] channel 0 during[5, 6)
// CHECK: hbm.reload %[[HOME]] to %[[BACK:.*]] channel 0 during[9, 10)
// CHECK: rt.launch @add(%[[BACK]],
hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64}
fm.weight_data @w : tensor<256xf32> {file = "", offset = 0 : i64, length = 1024 : i64, hash = 0 : i64}
rt.kernel @add attributes {symbols = [], arg_dims = [affine_map<() -> (256)>, affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>, %y: tensor<256xf32>):
  %0 = fm.add %x, %y : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}

func.func @spill() {
  %one = arith.constant 1000 : index
  %w = rt.weight @w
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "arena" live [1, 99)
  %s = hbm.buffer "s" : tensor<256xf32> [] in "arena" live [1, 99)
  %t = hbm.buffer "t" : tensor<256xf32> [] in "arena" live [1, 99)
  %u = hbm.buffer "u" : tensor<256xf32> [] in "arena" live [1, 99)
  %v = hbm.buffer "v" : tensor<256xf32> [] in "arena" live [1, 99)
  %c = hbm.buffer "c" : tensor<256xf32> [] in "output" live [7, 10)
  rt.launch @add(%x, %x) -> (%a) [] work(%one)
  rt.launch @add(%a, %w) -> (%a) [] work(%one)
  rt.launch @add(%a, %w) -> (%s) [] work(%one)
  rt.launch @add(%a, %s) -> (%t) [] work(%one)
  rt.launch @add(%s, %t) -> (%u) [] work(%one)
  rt.launch @add(%t, %u) -> (%v) [] work(%one)
  rt.launch @add(%s, %v) -> (%t) [] work(%one)
  rt.launch @add(%u, %t) -> (%v) [] work(%one)
  rt.launch @add(%v, %s) -> (%t) [] work(%one)
  rt.launch @add(%a, %t) -> (%s) [] work(%one)
  rt.launch @add(%a, %s) -> (%c) [] work(%one)
  rt.output 0 "y", %c
  return
}

// -----

// The state is near from its first use to the last and goes home at the end;
// parts of a buffer are the same parts of its near one. cache comes, x is read
// and c written where they lie, cache goes home: 4 x 1,024 ns, in which the
// rest is hidden.
// CHECK-LABEL: func.func @state
// CHECK: hbm.plan "sram" peak 2048 lower_bound 2048 exact true {time = 4096000 : i64
// CHECK: %[[HOME:.*]] = rt.state @cache
// CHECK-DAG: %[[STATE:.*]] = hbm.buffer "cache" : tensor<256xf32>[] in "sram"
// CHECK-DAG: %[[A:.*]] = hbm.buffer "a" : tensor<256xf32>[] in "sram"
// CHECK: hbm.prefetch %[[HOME]] to %[[STATE]]
// CHECK: rt.launch @update(%[[STATE]], %{{.*}}) -> (%[[STATE]])
// CHECK: %[[HIGH:.*]] = hbm.alias %[[A]] from %{{.*}} as tensor<128xf32>
// CHECK-NEXT: rt.copy %{{.*}} to %[[HIGH]]
// CHECK: hbm.spill %[[STATE]] to %[[HOME]]
hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64}
fm.weight_data @w : tensor<256xf32> {file = "", offset = 0 : i64, length = 1024 : i64, hash = 0 : i64}
fm.state @cache : tensor<256xf32>
rt.kernel @add attributes {symbols = [], arg_dims = [affine_map<() -> (256)>, affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>, %y: tensor<256xf32>):
  %0 = fm.add %x, %y : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}

rt.kernel @update attributes {symbols = [], arg_dims = [affine_map<() -> (256)>, affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any", inplace = array<i64: 0>} {
^bb0(%x: tensor<256xf32>, %y: tensor<256xf32>):
  %0 = fm.add %x, %y : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
func.func @state() {
  %one = arith.constant 1000 : index
  %0 = arith.constant 0 : index
  %at = arith.constant 512 : index
  %half = arith.constant 512 : index
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %s0 = rt.state @cache
  rt.launch @update(%s0, %x) -> (%s0) [] work(%one)
  %a = hbm.buffer "a" : tensor<256xf32> [] in "arena" live [1, 99)
  %low = hbm.alias %a as tensor<128xf32> []
  %high = hbm.alias %a from %at as tensor<128xf32> []
  %s1 = rt.state @cache
  %p = hbm.alias %s1 as tensor<128xf32> []
  rt.copy %p to %low, %half
  rt.copy %p to %high, %half
  %c = hbm.buffer "c" : tensor<256xf32> [] in "output" live [7, 10)
  rt.launch @add(%a, %s1) -> (%c) [] work(%one)
  rt.output 0 "y", %c
  return
}

// -----

// A function with branches stays as it is.
// CHECK-LABEL: func.func @branch
// CHECK-NOT: in "sram"
// CHECK: hbm.buffer "a" : tensor<256xf32>[] in "arena" live[3, 9)
// CHECK-NOT: in "sram"
hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64}
func.func @branch(%c: index) {
  %a = hbm.buffer "a" : tensor<256xf32> [] in "arena" live [3, 9)
  rt.if %c {
  } else {
  }
  return
}

// -----

// One space: nothing to do, lifetimes count what they counted.
// CHECK-LABEL: func.func @one_space
// CHECK: hbm.buffer "a" : tensor<256xf32>[] in "arena" live[3, 9)
hbm.space @hbm "HBM3" capacity 1048576
func.func @one_space() {
  %a = hbm.buffer "a" : tensor<256xf32> [] in "arena" live [3, 9)
  return
}

// -----

// What varies in size and what the host reads stays home.
// CHECK-LABEL: func.func @host
// CHECK-NOT: in "sram"
hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64}
rt.kernel @shape attributes {symbols = [{kind = "param", max = -1 : i64, min = 0 : i64}], arg_dims = [affine_map<()[s0] -> (s0)>], result_dims = [affine_map<()[s0] -> (1)>], nodes = [], device = "any"} {
^bb0(%x: tensor<?xf32>):
  %0 = fm.shape_of %x : (tensor<?xf32>) -> tensor<1xi64>
  fm.yield %0 : tensor<1xi64>
}
func.func @host() {
  %n = rt.arg_dim 0, 0
  %x = rt.arg 0 "x" : tensor<?xf32> {bounds = array<i64: 0, -1>, dims = ["n"]}
  %a = hbm.buffer "a" : tensor<1xi64> [] in "arena" live [3, 9)
  rt.launch @shape(%x) -> (%a) [%n]
  %m = rt.item %a[0] : !hbm.buffer
  return
}

// -----

// expected-error @below {{has several spaces over home, 'sram', 'other': say which one with space=NAME}}
module {
hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64}
hbm.space @other "SRAM" capacity 4096 over @hbm {fill = 1000000000 : i64, drain = 1000000000 : i64}
func.func @two_spaces() {
  return
}
}
