"""Who changed what: records are written by kernel/audit.py, and read by this."""
