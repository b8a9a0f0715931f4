"""One file a migration; a file is never changed once it was released."""
