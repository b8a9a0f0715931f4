"""One protocol on a link, behind one small interface."""
