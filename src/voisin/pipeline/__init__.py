"""The whole chapter in order, and its methods compared; nothing else knows either."""
