"""From vectors to a graph: who is near whom, and how strongly they are tied."""
