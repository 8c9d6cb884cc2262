"""The project folder: settings, cached arrays, and the files a run leaves."""
