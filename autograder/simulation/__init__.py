"""The simulated accelerator: grades code for GPUs on a machine without one. docs/devices.md says what it can show.

Start with `session.simulated_gpu` and `places`. Nothing is imported here, as observing any tensor imports `places`.
"""
