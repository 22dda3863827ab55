"""One file a version of the tables; a file is never changed once it was released."""
