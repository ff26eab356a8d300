"""Options that are tuned with as many trials, then meet on fresh pairs: what is trained, what it shows, how it is told."""
