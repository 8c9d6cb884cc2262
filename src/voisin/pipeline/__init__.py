"""A run from its source to its report, stage by stage; only `comparison` and `cli` import it."""
