"""`make audit`: what must not be committed or shipped."""
