"""The parameter models of the routes, one file a noun."""
