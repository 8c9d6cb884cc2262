"""Where images and labels come from: one file a kind, and what is read of them.

Names are loaded when first asked for, so that importing a summary does not load Pillow.
"""
