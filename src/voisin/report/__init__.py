"""One self-contained HTML page that tells a run to a colleague."""
