"""Label thousands of images from a few: each image is judged by its neighbors."""
