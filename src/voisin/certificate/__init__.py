"""How many labels can be certified by an annotator's answers to random checks."""
