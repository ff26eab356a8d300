"""What the commands do, one file each: arguments in, calls of the rooms below, lines and files out."""
