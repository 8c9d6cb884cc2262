"""Where images and labels come from: a file for each kind of source, and the reading of pixels."""
