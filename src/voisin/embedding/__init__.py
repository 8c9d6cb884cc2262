"""From images to vectors; everything here needs PyTorch, so import its modules when needed."""
