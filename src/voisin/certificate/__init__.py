"""How many labels can be certified by an expert's answers to random checks."""
