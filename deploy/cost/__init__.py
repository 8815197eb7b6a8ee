"""`make cost`: what AWS bills for a month of uploads."""
