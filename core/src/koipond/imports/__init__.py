"""Catalogues from files: read, checked, told to the catalogue, to be gone on with after a stop."""
