"""Ledger: double entry in any unit: points, growth, money owed."""
