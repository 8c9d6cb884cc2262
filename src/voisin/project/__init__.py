"""The project folder: its settings, cached arrays, and the files that a run writes."""
