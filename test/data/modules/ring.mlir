// A ring of 6 slots that takes up to 4 new entries a run; what it was before
// the run is asked for only in one of the entries.
!ring = tensor<2x1x6x4xELEMENT>
fm.state @ring : !ring {kind = "ring", window = 3 : i64}
func.func @put(%x: tensor<2x?x1x4xf32> {fm.name = "x", fm.dims = ["", "n", "", ""], fm.bounds = [2, 2, 1, 4, 1, 1, 4, 4]},
               %start: tensor<2xi64> {fm.name = "start"}, %lengths: tensor<2xi64> {fm.name = "lengths"}) {
  %old = fm.state_read @ring : !ring
  %new = fm.cache_update %old, %x, %start, %lengths {ring} : (!ring, tensor<2x?x1x4xf32>, tensor<2xi64>, tensor<2xi64>) -> !ring
  fm.state_write @ring, %new : !ring
  return
}
func.func @both(%x: tensor<2x1x1x4xf32> {fm.name = "x"},
                %start: tensor<2xi64> {fm.name = "start"}, %lengths: tensor<2xi64> {fm.name = "lengths"})
    -> (tensor<2x1x6x4xf32> {fm.name = "old"}, tensor<2x1x6x4xf32> {fm.name = "new"}) {
  %old = fm.state_read @ring : !ring
  %new = fm.cache_update %old, %x, %start, %lengths {ring} : (!ring, tensor<2x1x1x4xf32>, tensor<2xi64>, tensor<2xi64>) -> !ring
  fm.state_write @ring, %new : !ring
  %a = fm.cast %old {to = f32} : (!ring) -> tensor<2x1x6x4xf32>
  %b = fm.cast %new {to = f32} : (!ring) -> tensor<2x1x6x4xf32>
  return %a, %b : tensor<2x1x6x4xf32>, tensor<2x1x6x4xf32>
}
