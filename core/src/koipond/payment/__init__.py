"""Money in and out: payments, refunds, and the contract that providers keep."""
