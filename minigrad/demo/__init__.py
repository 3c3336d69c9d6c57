"""The main job: training on the digits; and the learning-rate curves."""
