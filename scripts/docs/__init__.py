"""Keeps the documentation true: tables and charts that are made from the code, and the site.

`python -m scripts.docs` writes them, `--check` only compares, `python -m scripts.docs.site` builds
the site. A table stands in a page between `<!-- table: NAME -->` and `<!-- end -->`.
"""
