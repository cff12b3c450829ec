// RUN: narae-opt %s --narae-plan-memory --narae-verify-memory | FileCheck %s
// RUN: narae-opt %s --narae-plan-memory=expand=false | FileCheck %s --check-prefix=PACK
// RUN: narae-opt %s --narae-plan-memory=expand=false --canonicalize --narae-verify-memory | FileCheck %s --check-prefix=FOLD

// CHECK: #[[FOUR:.*]] = affine_map<()[s0] -> (s0 * 4)>

// Static sizes: 256 bytes live at once with their neighbour, so the third
// buffer takes the first one's place.
// CHECK-LABEL: func.func @static
// CHECK-NOT: hbm.pack
// CHECK-DAG: hbm.buffer "b" : tensor<64xf32>[] in "arena" live[2, 5) at 0
// CHECK-DAG: hbm.buffer "a" : tensor<64xf32>[] in "arena" live[1, 3) at 256
// CHECK-DAG: hbm.buffer "c" : tensor<64xf32>[] in "arena" live[4, 6) at 256
// 2 x 256 = 512
// CHECK: hbm.plan "arena" peak 512 lower_bound 512 exact true

// PACK-LABEL: func.func @static
// PACK: %[[BYTES:.*]] = arith.constant 256 : index
// PACK: %{{.*}}, %[[AT:.*]]:3 = hbm.pack "arena" {
// PACK-NEXT: [1, 3) %{{.*}} align 64,
// PACK-NEXT: [2, 5) %{{.*}} align 64,
// PACK-NEXT: [4, 6) %{{.*}} align 64
// PACK-NEXT: }
// PACK: hbm.buffer "a" : tensor<64xf32>[] in "arena" live[1, 3) at %[[AT]]#0

// FOLD-LABEL: func.func @static
// FOLD-NOT: hbm.pack
// FOLD-DAG: hbm.buffer "b" : tensor<64xf32>[] in "arena" live[2, 5) at 0
// FOLD-DAG: hbm.buffer "a" : tensor<64xf32>[] in "arena" live[1, 3) at 256
func.func @static() {
  %a = hbm.buffer "a" : tensor<64xf32> [] in "arena" live [1, 3)
  %b = hbm.buffer "b" : tensor<64xf32> [] in "arena" live [2, 5)
  %c = hbm.buffer "c" : tensor<64xf32> [] in "arena" live [4, 6)
  return
}

// Dynamic sizes: arithmetic instead of a number. 128 x 4 = 512 bytes each at
// the nominal size.
// CHECK-LABEL: func.func @dynamic
// CHECK: %[[N:.*]] = rt.arg_dim 0, 0
// n x 4
// CHECK: %[[SIZE:.*]] = rt.eval #[[FOUR]][%[[N]]]
// CHECK: %[[HIGH:.*]] = hbm.align %[[SIZE]] to 64
// CHECK: %[[PEAK:.*]] = arith.addi %[[HIGH]], %
// CHECK-DAG: hbm.buffer "{{[ab]}}" : tensor<?xf32>[%{{.*}}] in "arena" live{{.*}} at 0
// CHECK-DAG: hbm.buffer "{{[ab]}}" : tensor<?xf32>[%{{.*}}] in "arena" live{{.*}} at %[[HIGH]]
// CHECK: hbm.plan "arena" peak 1024 lower_bound 1024 exact false size %[[PEAK]]

// PACK-LABEL: func.func @dynamic
// PACK: hbm.pack "arena" {
// PACK-NEXT: [1, 3) %{{.*}} align 64 upto 512,
// PACK-NEXT: [2, 5) %{{.*}} align 64 upto 512

// FOLD-LABEL: func.func @dynamic
// FOLD-NOT: hbm.pack
// FOLD: hbm.align
func.func @dynamic() {
  %n = rt.arg_dim 0, 0
  %a = hbm.buffer "a" : tensor<?xf32> [%n] in "arena" live [1, 3)
  %b = hbm.buffer "b" : tensor<?xf32> [%n] in "arena" live [2, 5)
  return
}

// The bound of a dimension decides what is planned for: 1000 x 4 = 4000 bytes
// above 256.
// CHECK-LABEL: func.func @bounded
// CHECK: "a" : tensor<?xf32>[%{{.*}}] in "arena" live[1, 3) at 256
// CHECK: hbm.plan "arena" peak 4256
func.func @bounded() {
  %x = rt.arg 0 "x" : tensor<?xf32> {bounds = array<i64: 1, 1000>, dims = ["n"]}
  %n = rt.arg_dim 0, 0
  %a = hbm.buffer "a" : tensor<?xf32> [%n] in "arena" live [1, 3)
  %b = hbm.buffer "b" : tensor<64xf32> [] in "arena" live [2, 5)
  return
}

// Nothing is in the way of what is empty at any size.
// CHECK-LABEL: func.func @empty
// CHECK: hbm.plan "arena" peak 256
func.func @empty() {
  %n = rt.arg_dim 0, 0
  %a = hbm.buffer "a" : tensor<?x0xf32> [%n] in "arena" live [1, 3)
  %b = hbm.buffer "b" : tensor<64xf32> [] in "arena" live [1, 3)
  return
}
