"""The HTML report of a run, and the drawing that every page of the package shares."""
