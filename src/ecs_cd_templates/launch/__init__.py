"""From templates to launches: what is published, the links to it, and the files of values."""
