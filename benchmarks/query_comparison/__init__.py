"""Query strategies from the same first labels: their learning curves, and the labels they save."""
