"""How many kernels does one step launch on a GPU? Counted without one, on JAX.

XLA compiles the step for an H200 and does not run it. Needs JAX's CUDA plugin, beside
`jax` and of its version: `pip install jax-cuda12-plugin jax-cuda12-pjrt`.
"""

import collections
import re

import keras_dcat
from keras_dcat.transfer.compiled_step import CompiledStep

# What XLA asks of a device, as it would report an NVIDIA H200.
_H200 = """
gpu_device_info {
  threads_per_block_limit: 1024
  threads_per_warp: 32
  shared_memory_per_block: 49152
  shared_memory_per_core: 233472
  threads_per_core_limit: 2048
  core_count: 132
  fpus_per_core: 128
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  memory_bandwidth: 4800000000000
  l2_cache_size: 52428800
  clock_rate_ghz: 1.98
  device_memory_size: 150000000000
  shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 8 }
device_description_str: "NVIDIA H200"
"""
# Nothing may be tried out: there is no device.
_OPTIONS = {
    "xla_gpu_autotune_level": 0,
    "xla_gpu_enable_triton_gemm": False,
    "xla_gpu_enable_command_buffer": "",
}
# What names a buffer, and launches nothing.
_FREE = {
    "parameter",
    "constant",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "copy-done",
    "async-done",
}
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%\S+ = .*?\s([a-z][a-z\-]*)\(")


def device():
    """A device to compile for, and not to run on."""
    from jax.experimental import topologies

    described = topologies.get_topology_desc(
        "", "cuda", target_config=_H200, topology="1x1x1"
    )
    return described.devices[0]


def kernels(model, batch, on):
    """What one training step of a model launches.

    Args:
        model: compiled `keras.Model` on JAX.
        batch: tuple of nested arrays, as `fit` hands it to a step.
        on: of `device`.

    Returns:
        `Counter` of the kinds of instructions: fusions, library calls, copies, ….
    """
    import jax
    from jax.sharding import SingleDeviceSharding

    model._symbolic_build(data_batch=batch)
    state = model._get_jax_state(
        trainable_variables=True,
        non_trainable_variables=True,
        optimizer_variables=True,
        metrics_variables=True,
    )
    step, arguments = _as_fit_takes_it(model, state, batch)
    place = SingleDeviceSharding(on)
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), arguments
    )
    compiled = step.trace(*shapes).lower().compile(compiler_options=_OPTIONS)
    return launched(compiled.as_text())


def _as_fit_takes_it(model, state, batch):
    """The function that `fit` compiles, and its arguments."""
    if isinstance(model, keras_dcat.DCATModel):
        step = CompiledStep(model)
        return step.compiled, step.arguments(state, batch)
    import jax

    return jax.jit(model.train_step, donate_argnums=0), (state, batch)


def launched(program):
    """The kinds of instructions that the entry of a compiled program launches.

    Args:
        program: str, HLO after scheduling.

    Returns:
        `Counter`.
    """
    entry = program.split("\nENTRY ", 1)[1].split("\n}", 1)[0]
    found = map(_INSTRUCTION.match, entry.splitlines())
    kinds = collections.Counter(match[1] for match in found if match)
    return collections.Counter({k: n for k, n in kinds.items() if k not in _FREE})
