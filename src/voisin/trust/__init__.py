"""What to believe: calibration, explanations, audit, certificates."""
