// RUN: narae-opt %s --narae-plan-memory --narae-verify-memory | FileCheck %s

// Static sizes: 256 bytes live at once with their neighbour, so the third
// buffer takes the first one's place.
// CHECK-LABEL: func.func @static
// CHECK-DAG: hbm.buffer "b" : tensor<64xf32>[] in "arena" live[2, 5) at 0
// CHECK-DAG: hbm.buffer "a" : tensor<64xf32>[] in "arena" live[1, 3) at 256
// CHECK-DAG: hbm.buffer "c" : tensor<64xf32>[] in "arena" live[4, 6) at 256
// 2 x 256 = 512
// CHECK: hbm.plan "arena" peak 512 lower_bound 512 exact true
func.func @static() {
  %a = hbm.buffer "a" : tensor<64xf32> [] in "arena" live [1, 3)
  %b = hbm.buffer "b" : tensor<64xf32> [] in "arena" live [2, 5)
  %c = hbm.buffer "c" : tensor<64xf32> [] in "arena" live [4, 6)
  return
}

// Dynamic sizes: an order instead of a number. 128 x 4 = 512 bytes each at
// the nominal size.
// CHECK-LABEL: func.func @dynamic
// CHECK: %[[LOW:.*]] = hbm.buffer "{{[ab]}}" : tensor<?xf32>[%{{.*}}] in "arena" live{{.*}} at 0
// CHECK: hbm.buffer "{{[ab]}}" : tensor<?xf32>[%{{.*}}] in "arena" live{{.*}} above(%[[LOW]])
// CHECK: hbm.plan "arena" peak 1024 lower_bound 1024 exact false
func.func @dynamic() {
  %n = rt.arg_dim 0, 0
  %a = hbm.buffer "a" : tensor<?xf32> [%n] in "arena" live [1, 3)
  %b = hbm.buffer "b" : tensor<?xf32> [%n] in "arena" live [2, 5)
  return
}
