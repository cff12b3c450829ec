// RUN: narae-opt %s --narae-plan-memory --narae-verify-memory | FileCheck %s
// RUN: not narae-opt %s --narae-plan-memory=capacity=3000 2>&1 | FileCheck %s --check-prefix=SMALL
// RUN: narae-opt %s --narae-plan-memory=capacity=1048576 -o /dev/null

// SMALL: error: does not fit into the target's memory: need 0.00 MiB (weights 0.00 MiB, state 0.00 MiB, arena 0.00 MiB), have 0.00 MiB; the largest are
// SMALL-NEXT: weight 'w': 0.00 MiB
// SMALL-NEXT: state 'cache': 0.00 MiB
// SMALL-NEXT: buffer 'big': 0.00 MiB
// SMALL: a shorter --context

// 25 x 4 = 100 bytes, then 900 at the next multiple of 64: 128 + 900 = 1028.
// CHECK-DAG: hbm.plan "weights" peak 2048 lower_bound 2048 exact true
// CHECK-DAG: hbm.plan "state" peak 1028 lower_bound 1000 exact true
// CHECK: fm.state @count : tensor<25xi32> {offset = 0 : i64}
fm.state @count : tensor<25xi32>
// CHECK: fm.state @cache : tensor<1x1x25x9xf32> {kind = "growing", offset = 128 : i64}
fm.state @cache : tensor<1x1x25x9xf32> {kind = "growing"}
fm.weight_data @w : tensor<512xf32> {file = "", offset = 0 : i64, length = 2048 : i64, hash = 0 : i64, absent}
fm.weight_data @unused : tensor<512xf32> {file = "", offset = 0 : i64, length = 2048 : i64, hash = 0 : i64, absent}

// The arena serves one entry at a time.
// CHECK-LABEL: func.func @prefill
// CHECK: hbm.plan "arena" peak 256
func.func @prefill() {
  %w = rt.weight @w
  %a = hbm.buffer "big" : tensor<64xf32> [] in "arena" live [1, 3)
  return
}
// CHECK-LABEL: func.func @decode
// CHECK: hbm.plan "arena" peak 64
func.func @decode() {
  %a = hbm.buffer "small" : tensor<16xf32> [] in "arena" live [1, 3)
  return
}
