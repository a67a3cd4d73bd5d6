"""Training on examples, mixed and unmixed. Needs TensorFlow, never Beam."""
