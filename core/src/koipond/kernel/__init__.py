"""What every concept stands on and what knows no commerce: money, database, ids, errors, schema."""
