"""A target for microcontrollers: what TensorFlow Lite Micro runs, firmware takes."""
