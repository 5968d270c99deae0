"""The simulated accelerator: grades code for GPUs on a machine without one. docs/devices.md says what it can tell.

Start with `session.simulated_gpu` and `places`. Nothing is imported here: `places` is asked about every observed tensor.
"""
