// $stream: from samples to what they say. Written by keras_dcat.
// Call setup_target() once, and feed_target() with each sample, $rate a second.
#include <cstdint>
#include <cstring>

#include "target_model.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

// Samples must be even; those of a faster sensor are filtered below kRate / 2 first.
constexpr float kRate = $rate_hz;  // Hz
constexpr int kSteps = $steps;  // samples of a window
constexpr int kValues = $values;  // values of a sample, in the units of the training
constexpr int kStride = $stride;  // samples from window to window
constexpr float kInputScale = $input_scale, kOutputScale = $output_scale;
constexpr int kInputZeroPoint = $input_zero, kOutputZeroPoint = $output_zero;
constexpr const char* kNames[] = {$names};
using Input = $input_type;
using Output = $output_type;
$declared
namespace {
alignas(16) uint8_t arena[kTargetArenaSize];
float window[kSteps * kValues];
int filled = 0;
tflite::MicroInterpreter* interpreter = nullptr;

float probability(int i) {
  const Output raw = interpreter->typed_output_tensor<Output>(0)[i];
  return (raw - kOutputZeroPoint) * kOutputScale;
}
}  // namespace

bool setup_target() {
  static tflite::MicroMutableOpResolver<$count> resolver;
$adds
  static tflite::MicroInterpreter made(tflite::GetModel(kTargetModel), resolver, arena,
                                       kTargetArenaSize);
  interpreter = &made;
  return interpreter->AllocateTensors() == kTfLiteOk;
}

// What a window says, or nullptr while none is full.
const char* feed_target(const float* sample) {
  if (filled >= 0)
    std::memcpy(window + filled * kValues, sample, kValues * sizeof(float));
  if (++filled < kSteps) return nullptr;
  Input* input = interpreter->typed_input_tensor<Input>(0);
$filled
  filled = kSteps - kStride;  // below 0 where windows leave a gap
  for (int i = 0; i < filled * kValues; ++i) window[i] = window[i + kStride * kValues];
  if (interpreter->Invoke() != kTfLiteOk) return nullptr;
$said
}
