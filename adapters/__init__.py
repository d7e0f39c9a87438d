"""One file, one framework. Importing this package imports none of them."""
