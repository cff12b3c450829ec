// RUN: narae-opt %s | narae-opt | FileCheck %s
// RUN: narae-opt %s --mlir-print-op-generic | narae-opt | FileCheck %s
// RUN: narae-opt %s --emit-bytecode | narae-opt | FileCheck %s

// CHECK: hbm.space @hbm "HBM3E" capacity 38654705664 {granule = 2097152 : i64, reserve = 1073741824 : i64}
hbm.space @hbm "HBM3E" capacity 38654705664 {granule = 2097152 : i64, reserve = 1073741824 : i64}
// CHECK: hbm.space @sram "SRAM" capacity 67108864 over @hbm {channels = 8 : i64, drain = 150000000000 : i64, fill = 150000000000 : i64, startup = 500 : i64}
hbm.space @sram "SRAM" capacity 67108864 over @hbm {channels = 8 : i64, fill = 150000000000 : i64, drain = 150000000000 : i64, startup = 500 : i64}
fm.weight_data @w : tensor<512xf32> {file = "", offset = 0 : i64, length = 2048 : i64, hash = 0 : i64, absent}

// CHECK-LABEL: func.func @moves
func.func @moves(%n: index) {
  // CHECK: %[[W:.*]] = rt.weight @w
  %w = rt.weight @w
  // CHECK: %[[NEAR:.*]] = hbm.buffer "w" : tensor<512xf32>[] in "sram" live[1, 4) at 0
  %near = hbm.buffer "w" : tensor<512xf32> [] in "sram" live [1, 4) at 0
  // CHECK: hbm.prefetch %[[W]] to %[[NEAR]] channel 7 during[1, 3)
  hbm.prefetch %w to %near channel 7 during [1, 3)
  // CHECK: %[[X:.*]] = hbm.buffer "x" : tensor<?xf32>[%arg0] in "sram" live[2, 6) at %arg0
  %x = hbm.buffer "x" : tensor<?xf32> [%n] in "sram" live [2, 6) at %n
  %home = hbm.buffer "x" : tensor<?xf32> [%n] in "hbm" live [4, 9)
  // CHECK: hbm.spill %[[X]] to %[[HOME:.*]] channel 0 during[4, 6)
  hbm.spill %x to %home channel 0 during [4, 6)
  %again = hbm.buffer "x" : tensor<?xf32> [%n] in "sram" live [7, 10)
  // CHECK: hbm.reload %[[HOME]] to %{{.*}} channel 1 during[7, 9)
  hbm.reload %home to %again channel 1 during [7, 9)
  // CHECK: hbm.alias %[[X]] from %arg0 as tensor<4xf32>[]
  %part = hbm.alias %x from %n as tensor<4xf32> []
  // CHECK: %[[PEAK:.*]], %{{.*}}:2 = hbm.pack "sram" {
  // CHECK-NEXT: [1, 3) %arg0 align 64 upto 512,
  // CHECK-NEXT: [2, 5) %arg0 align 256 upto 1024
  // CHECK-NEXT: }
  %peak, %at:2 = hbm.pack "sram" {
    [1, 3) %n align 64 upto 512,
    [2, 5) %n align 256 upto 1024
  }
  // CHECK: hbm.align %[[PEAK]] to 64
  %size = hbm.align %peak to 64
  // CHECK: hbm.plan "sram" peak 1024 lower_bound 1000 exact false size %
  hbm.plan "sram" peak 1024 lower_bound 1000 exact false size %size
  return
}
