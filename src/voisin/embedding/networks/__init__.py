"""The networks that embedders look through."""
