"""Methods of other libraries, for comparison by the same protocol on the same vectors or graph.

They are no choice for a run. Each is loaded when asked for; one whose library is not installed is
left out of a comparison, with a line that says how to get it.
"""
