"""Networks on more and more rows, and the law that foretells what more rows would change."""
